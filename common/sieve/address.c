/* SPDX-License-Identifier: ISC */
/* address.c - tests address and envelope, parts of addresses.  RFC 5228 5.1, 5.4, RFC 5233. */
#include "mime/address.h"

#include "mime/header.h"
#include "sieve/check_state.h"
#include "sieve/run_state.h"

/* Fields whose value is a list of addresses: RFC 5228 5.1 wants no other ones. */
static bool
is_address_field(struct span name)
{
	static const char *const names[] = {"from", "to", "cc", "bcc", "sender",
	    "reply-to", "resent-from", "resent-to", "resent-cc", "resent-bcc",
	    "resent-sender", "resent-reply-to", "return-path", "delivered-to",
	    "x-original-to", "apparently-to", "mail-followup-to", "mail-reply-to",
	    "errors-to", "return-receipt-to", "disposition-notification-to",
	    "abuse-reports-to", "x-complaints-to", "x-report-abuse-to", "x-beenthere",
	    "for-approval", "for-comment", "for-handling", "envelope-to",
	    "x-envelope-to", "for-mail-reply", "approved-by"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (span_ieqs(name, names[i]))
			return true;
	return false;
}

int
check_address(struct sieve_check *c, struct sieve_node *node)
{
	int err = check_mime_header(c, node);
	if (err != E_OK)
		return err;
	/* of parts any field may be one of addresses: RFC 5703 4.2 */
	for (const struct sieve_string *s = node->pos[0]->strings; s; s = s->next)
		if (!node_opt(node, OPT_MIME) && string_is_constant(s) &&
		    !is_address_field(s->text))
			return check_error(c, s->line,
			    "specified header '%.*s' is not allowed for the address "
			    "test",
			    SPAN_ARG(span_head(s->text, 80)));
	return E_OK;
}

/* ---- parts ---- */

static size_t
detail_at(const struct sieve_run *run, struct span local)
{
	struct span separators =
	    run->in->detail_separators.n ? run->in->detail_separators : SPAN("+");
	for (size_t i = 0; i < local.n; i++)
		if (span_find(separators, local.p[i]) < separators.n)
			return i;
	return local.n;
}

/* what reading an octet of a list of addresses is worth in octets compared */
enum { PARSE_WORK = 16 };

struct looking {
	const struct sieve_node *node;
	struct sieve_matcher m;
	struct arena arena; /* own: addresses */
};

/* The part that was asked for; without a detail there is no :detail, and so no match. */
static int
match_part(struct sieve_run *run, struct looking *l, struct span local,
    struct span domain, struct span all)
{
	size_t at = detail_at(run, local);
	switch (node_opt_value(l->node, OPT_PART, ADDR_ALL)) {
	case ADDR_LOCALPART:
		return match_value(run, &l->m, local);
	case ADDR_DOMAIN:
		return match_value(run, &l->m, domain);
	case ADDR_USER:
		return match_value(run, &l->m, span_head(local, at));
	case ADDR_DETAIL:
		if (at == local.n)
			return run->err;
		return match_value(run, &l->m, span_from(local, at + 1));
	default:
		return match_value(run, &l->m, all);
	}
}

static int
match_address(struct sieve_run *run, struct looking *l, const struct address *a)
{
	struct buf all = {0};
	address_put(&all, a);
	(void)match_part(run, l, a->mailbox, a->host, buf_as_span(&all));
	buf_free(&all);
	return run->err;
}

/* What is no address is compared whole, and has no parts. */
static int
match_raw(struct sieve_run *run, struct looking *l, struct span raw)
{
	struct buf line = {.max = SIEVE_VALUE_BYTES_MAX};
	if (node_opt_value(l->node, OPT_PART, ADDR_ALL) == ADDR_ALL) {
		header_unfold(&line, span_head(raw, SIEVE_VALUE_BYTES_MAX));
		(void)match_value(run, &l->m, span_trim(buf_as_span(&line)));
	}
	buf_free(&line);
	return run->err;
}

static int
address_field_seen(struct sieve_run *run, struct span name, struct span raw, void *ctx)
{
	struct looking *l = ctx;
	const struct address *first;
	(void)name;
	if (l->m.is_found || run_spend(run, l->node->line, PARSE_WORK * raw.n) != E_OK)
		return run->err;
	first = address_parse(raw, &l->arena);
	if (!first && l->m.kind != MATCH_COUNT)
		return match_raw(run, l, raw);
	for (const struct address *a = first; a && run->err == E_OK; a = a->next) {
		if (a->kind != ADDRESS_MAILBOX)
			continue;
		if (a->is_exact && a->mailbox.n && a->host.n &&
		    span_is_ascii(a->mailbox))
			(void)match_address(run, l, a);
		else
			(void)match_raw(run, l, a->text);
	}
	arena_reset(&l->arena);
	return run->err;
}

int
test_address(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	struct looking l = {.node = node, .arena.max_bytes = SIEVE_RUN_BYTES_MAX};
	size_t n;
	struct span *names = run_list(run, node->pos[0], &n);
	if (match_begin(run, node, node->pos[1], &l.m) != E_OK)
		return run->err;
	(void)view_each_field(run, node, names, n, address_field_seen, &l);
	return match_end(run, &l.m, out);
}

/* ---- envelope ---- */

enum envelope_part {
	ENV_FROM,
	ENV_TO,
	ENV_ORIG_TO,
	ENV_AUTH,
	ENV_NOTIFY,
	ENV_ORCPT,
	ENV_RET,
	ENV_ENVID
};

static int
envelope_part(struct span name)
{
	static const char *const names[] = {[ENV_FROM] = "from",
	    [ENV_TO] = "to",
	    [ENV_ORIG_TO] = "orig_to",
	    [ENV_AUTH] = "auth",
	    [ENV_NOTIFY] = "notify",
	    [ENV_ORCPT] = "orcpt",
	    [ENV_RET] = "ret",
	    [ENV_ENVID] = "envid"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (span_ieqs(name, names[i]))
			return (int)i;
	return -1;
}

int
check_envelope(struct sieve_check *c, struct sieve_node *node)
{
	int err = check_match(c, node);
	bool has_address_part = node_opt(node, OPT_PART) != NULL;
	if (err != E_OK)
		return err;
	for (const struct sieve_string *s = node->pos[0]->strings; s; s = s->next) {
		int part = string_is_constant(s) ? envelope_part(s->text) : ENV_FROM;
		if (part < 0 ||
		    (part >= ENV_NOTIFY && !check_has(c, EXT_BIT(ENVELOPE_DSN))))
			return check_error(c, s->line,
			    "specified envelope part '%.*s' is not supported by the "
			    "envelope test",
			    SPAN_ARG(span_head(s->text, 60)));
		if (part >= ENV_AUTH && has_address_part)
			return check_error(c, s->line,
			    "address part tag specified for non-address envelope part "
			    "'%.*s' in the envelope test",
			    SPAN_ARG(span_head(s->text, 60)));
	}
	return E_OK;
}

static struct span
envelope_value(const struct sieve_envelope *e, int part)
{
	switch (part) {
	case ENV_FROM:
		return e->from;
	case ENV_TO:
		return e->to;
	case ENV_ORIG_TO:
		return e->orig_to.p ? e->orig_to : e->to;
	case ENV_AUTH:
		return e->auth;
	case ENV_NOTIFY:
		return e->notify;
	case ENV_ORCPT:
		return e->orcpt;
	case ENV_RET:
		return e->ret;
	case ENV_ENVID:
		return e->envid;
	default:
		return (struct span){NULL, 0};
	}
}

/*
 * A path as SMTP has it, RFC 5321 4.1.2: with brackets or without, a source route passed over, a
 * local part alone.  E_OK, E_BAD
 */
static int
path_parse(struct span path, struct span *local, struct span *domain)
{
	bool has_bracket = span_take(&path, '<');
	size_t at;
	*local = *domain = (struct span){"", 0};
	if (has_bracket && (!path.n || path.p[--path.n] != '>'))
		return E_BAD;
	while (path.n && path.p[0] == '@') { /* "@a,@b:" */
		size_t comma = span_find(path, ','), colon = span_find(path, ':');
		size_t end = comma < colon ? comma : colon;
		if (end == path.n ||
		    !address_domain_ok(span_from(span_head(path, end), 1)))
			return E_BAD;
		path = span_from(path, end + 1);
		if (end == colon)
			break;
		if (!path.n || path.p[0] != '@')
			return E_BAD;
	}
	if (!path.n)
		return E_OK;
	at = span_rfind(path, '@');
	*local = span_head(path, at);
	for (size_t i = 0; i < local->n && local->p[0] != '"'; i++)
		if (ch_ctl(local->p[i]) || span_find(SPAN("<>@:, "), local->p[i]) < 6)
			return E_BAD;
	if (at == path.n)
		return E_OK;
	*domain = span_from(path, at + 1);
	return local->n && address_domain_ok(*domain) ? E_OK : E_BAD;
}

/* RFC 3461 4: "+2B" is a plus; what is no xtext stays as it is. */
static void
put_xtext(struct span in, struct buf *out)
{
	while (in.n) {
		bool is_hex = in.n > 2 && in.p[0] == '+' && ch_hex(in.p[1]) >= 0 &&
		              ch_hex(in.p[2]) >= 0;
		if (is_hex)
			buf_ch(out, (char)(ch_hex(in.p[1]) << 4 | ch_hex(in.p[2])));
		else
			buf_ch(out, in.p[0]);
		in = span_from(in, is_hex ? 3 : 1);
	}
}

/* RFC 6009 3: each condition of NOTIFY alone; ORCPT and ENVID as they were before they travelled. */
static int
match_dsn(struct sieve_run *run, struct looking *l, int part, struct span value)
{
	struct buf text = {0};
	if (part == ENV_NOTIFY) {
		while (value.n)
			(void)match_value(run, &l->m, span_trim(span_cut(&value, ',')));
		return run->err;
	}
	if (part != ENV_ORCPT && part != ENV_ENVID)
		return match_value(run, &l->m, value);
	put_xtext(value, &text);
	(void)match_value(run, &l->m, buf_as_span(&text));
	buf_free(&text);
	return run->err;
}

static int
match_envelope(struct sieve_run *run, struct looking *l, int part)
{
	struct span value = envelope_value(&run->in->envelope, part), local, domain;
	struct buf all = {0};
	if (!value.p)
		return run->err;
	if (part >= ENV_AUTH)
		return match_dsn(run, l, part, value);
	if (path_parse(value, &local, &domain) != E_OK)
		return run->err;
	if (!local.n && l->m.kind == MATCH_COUNT)
		return run->err;
	buf_span(&all, local);
	if (domain.n)
		buf_putf(&all, "@%.*s", SPAN_ARG(domain));
	(void)match_part(run, l, local, domain, buf_as_span(&all));
	buf_free(&all);
	return run->err;
}

int
test_envelope(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	struct looking l = {.node = node};
	size_t n;
	struct span *names = run_list(run, node->pos[0], &n);
	if (match_begin(run, node, node->pos[1], &l.m) != E_OK)
		return run->err;
	for (size_t i = 0; i < n && run->err == E_OK; i++)
		(void)match_envelope(run, &l, envelope_part(names[i]));
	return match_end(run, &l.m, out);
}
