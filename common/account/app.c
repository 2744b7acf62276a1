/* SPDX-License-Identifier: ISC */
/* app.c - app passwords: their texts, when they may be used, and the row that holds them. */
#include "account/app.h"

#include <string.h>

#include "login/nets.h"

enum { ROW_VERSION = 1 };

/* 32 of them, without i, l, o and u: nobody reads them as others, and few words come of them. */
static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

static const struct {
	const char *name;
	unsigned bit;
} protocols[] = {
    {"smtp", APP_SMTP}, {"pop", APP_POP}, {"imap", APP_IMAP}, {"sieve", APP_SIEVE}};

unsigned
app_protocol_of(struct span name)
{
	for (size_t i = 0; i < COUNT(protocols); i++)
		if (span_ieqs(name, protocols[i].name))
			return protocols[i].bit;
	return 0;
}

int
app_protocols_parse(struct span text, unsigned *out)
{
	*out = 0;
	while (text.n) {
		unsigned bit = app_protocol_of(span_trim(span_cut(&text, ',')));
		if (!bit)
			return E_BAD;
		*out |= bit;
	}
	return *out ? E_OK : E_BAD;
}

void
app_protocols_put(unsigned set, struct buf *out)
{
	const char *between = "";
	for (size_t i = 0; i < COUNT(protocols); i++)
		if (set & protocols[i].bit) {
			buf_putf(out, "%s%s", between, protocols[i].name);
			between = ",";
		}
}

bool
app_name_is_good(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!(name.p[i] >= 'a' && name.p[i] <= 'z') &&
		    !(name.p[i] >= '0' && name.p[i] <= '9') &&
		    (name.p[i] == '\0' || !strchr("._-", name.p[i])))
			return false;
	return name.n && name.n <= APP_NAME_MAX;
}

int
app_networks_parse(struct span text, struct buf *out)
{
	struct buf blanks = {.max = APP_NETWORKS_MAX};
	size_t n = 0;
	int err = E_OK;
	for (size_t i = 0; i < text.n; i++)
		buf_ch(&blanks, text.p[i] == ',' ? ' ' : text.p[i]);
	struct span rest = buf_as_span(&blanks);
	while (rest.n && err == E_OK) {
		struct span one = span_cut(&rest, ' ');
		struct net net;
		if (one.n == 0)
			continue;
		if (net_parse(one, &net) != E_OK)
			err = E_BAD;
		else if (n++ == APP_NETWORKS_MOST)
			err = E_LIMIT;
		else
			buf_putf(out, "%s%.*s", n > 1 ? " " : "", SPAN_ARG(one));
	}
	if (err == E_OK && (buf_done(&blanks) != E_OK || buf_done(out) != E_OK))
		err = E_LIMIT;
	buf_free(&blanks);
	return err == E_OK && n == 0 ? E_BAD : err;
}

/* ---- passwords ---- */

void
app_password_make(struct buf *out)
{
	unsigned char random[APP_GROUPS * APP_GROUP_CHARS];
	random_fill(random, sizeof random);
	for (size_t i = 0; i < sizeof random; i++) {
		if (i && i % APP_GROUP_CHARS == 0)
			buf_ch(out, '-');
		buf_ch(out, alphabet[random[i] % (sizeof alphabet - 1)]);
	}
	mem_wipe(random, sizeof random);
}

int
app_password_read(struct span typed, struct buf *out)
{
	size_t n = 0, start = out->len;
	for (size_t i = 0; i < typed.n; i++) {
		char c = ch_lower(typed.p[i]);
		if (c == ' ' || c == '-')
			continue;
		if (c == '\0' || !strchr(alphabet, c) ||
		    n == APP_GROUPS * APP_GROUP_CHARS)
			break;
		if (n && n % APP_GROUP_CHARS == 0)
			buf_ch(out, '-');
		buf_ch(out, c);
		n++;
		if (i + 1 == typed.n && n == APP_GROUPS * APP_GROUP_CHARS)
			return buf_done(out);
	}
	buf_cut(out, start);
	return E_BAD;
}

/* ---- when one may be used ---- */

static bool
is_from(struct span networks, const char *client)
{
	struct net all[APP_NETWORKS_MOST];
	struct nets nets = {.all = all};
	while (networks.n && nets.n < COUNT(all))
		if (net_parse(span_cut(&networks, ' '), &all[nets.n]) == E_OK)
			nets.n++;
	return nets_has_text(&nets, client);
}

bool
app_is_usable(const struct app_password *a, unsigned protocol, const char *client,
    int64_t now_sec)
{
	return (a->protocols & protocol) &&
	       (a->expires_sec == 0 || now_sec < a->expires_sec) &&
	       (a->networks.n == 0 || is_from(a->networks, client));
}

/* ---- the row ---- */

void
app_row_put(struct buf *b, const struct app_row *row)
{
	buf_u8(b, ROW_VERSION);
	buf_u32(b, row->iterations);
	buf_put(b, row->salt, sizeof row->salt);
	for (size_t i = 0; i < row->n; i++) {
		const struct app_password *a = &row->all[i];
		buf_bytes(b, a->name);
		buf_put(b, a->id.b, ID_BYTES);
		buf_u8(b, (uint8_t)a->protocols);
		buf_u64(b, (uint64_t)a->created_sec);
		buf_u64(b, (uint64_t)a->expires_sec);
		buf_bytes(b, a->networks);
		buf_bytes(b, a->verifiers);
	}
}

int
app_row_get(struct span row, struct app_row *out)
{
	struct rd r = rd_of(row);
	*out = (struct app_row){0};
	if (rd_u8(&r) != ROW_VERSION)
		return E_BAD;
	out->iterations = rd_u32(&r);
	struct span salt = rd_bytes(&r, sizeof out->salt);
	if (r.err != E_OK)
		return E_BAD;
	memcpy(out->salt, salt.p, sizeof out->salt);
	while (r.err == E_OK && r.in.n && out->n < APP_PASSWORDS_MOST) {
		struct app_password *a = &out->all[out->n++];
		a->name = rd_str(&r, APP_NAME_MAX);
		rd_id(&r, &a->id);
		a->protocols = rd_u8(&r);
		a->created_sec = (int64_t)rd_u64(&r);
		a->expires_sec = (int64_t)rd_u64(&r);
		a->networks = rd_str(&r, APP_NETWORKS_MAX);
		a->verifiers = rd_str(&r, APP_VERIFIERS_MAX);
	}
	return rd_end(&r);
}
