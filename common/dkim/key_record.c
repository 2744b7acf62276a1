/* SPDX-License-Identifier: ISC */
/* key_record.c - public keys in TXT records. */
#include "dkim/key_record.h"

#include "mime/idn.h"
#include "net/dns.h"

static enum key_kind
kind_of(const struct tag *k)
{
	if (!k || span_ieqs(k->value, "rsa"))
		return KEY_KIND_RSA;
	return span_ieqs(k->value, "ed25519") ? KEY_KIND_ED25519 : KEY_KIND_UNKNOWN;
}

/* RFC 6376 3.6.1: v= is the first tag where there is one. */
static bool
is_version_good(const struct tag_list *list)
{
	const struct tag *v = tag_find(list, "v");
	return !v || (v == list->all && span_eqs(v->value, "DKIM1"));
}

int
key_record_parse(struct span record, struct key_record *out)
{
	struct tag_list list;
	*out = (struct key_record){0};
	if (tag_list_parse(record, &list) != E_OK || !is_version_good(&list))
		return E_BAD;
	const struct tag *p = tag_find(&list, "p"), *h = tag_find(&list, "h");
	const struct tag *s = tag_find(&list, "s"), *t = tag_find(&list, "t");
	if (!p)
		return E_BAD;
	*out = (struct key_record){
	    .kind = kind_of(tag_find(&list, "k")),
	    .key = p->value,
	    .has_sha256 = !h || tag_has_item(h->value, "sha256"),
	    .is_for_mail =
		!s || tag_has_item(s->value, "*") || tag_has_item(s->value, "email"),
	    .is_testing = t && tag_has_item(t->value, "y"),
	    .is_without_subs = t && tag_has_item(t->value, "s"),
	};
	return E_OK;
}

int
key_record_name(struct span selector, struct span domain, struct buf *out)
{
	struct buf name = {.max = DNS_NAME_MAX};
	int err = idn_ascii(selector, &name);
	buf_str(&name, "._domainkey.");
	if (err == E_OK)
		err = idn_ascii(domain, &name);
	if (err == E_OK)
		err = buf_done(&name);
	if (err == E_OK && domain.n && dns_name_ok(buf_as_span(&name)))
		buf_span(out, buf_as_span(&name));
	else
		err = E_BAD;
	buf_free(&name);
	return err == E_OK ? buf_done(out) : E_BAD;
}
