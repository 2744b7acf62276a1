/* SPDX-License-Identifier: ISC */
/* packet.c - answers in the wire format, RFC 1035 4.1: its names, its CNAMEs, its records. */
#include "net/dns.h"

enum {
	HEAD_BYTES = 12,
	RCODE_NXDOMAIN = 3,
	CLASS_IN = 1,
	TYPE_SOA = 6,
	/* compression pointers of one name: as many as it can have labels */
	POINTERS_MAX = 128,
	WIRE_NAME_MAX = 255,               /* octets of a name, RFC 1035 2.3.4 */
	NAME_TEXT_MAX = 4 * WIRE_NAME_MAX, /* the same as text, each octet as \DDD */
};

/* One resource record; its data lies in the packet. */
struct rr {
	struct buf owner; /* text */
	uint16_t type, class;
	uint32_t ttl_sec;
	size_t at, end; /* of the data */
};

struct walk {
	struct span packet;
	size_t at;
	unsigned left; /* records of this section */
};

static unsigned
u16_at(struct span packet, size_t at)
{
	return (unsigned)(unsigned char)packet.p[at] << 8 |
	       (unsigned char)packet.p[at + 1];
}

/*
 * Lower case; what no host's name has is escaped, so that two names are equal when their texts are.
 */
static void
label_put(struct buf *out, struct span label)
{
	if (out->len)
		buf_ch(out, '.');
	for (size_t i = 0; i < label.n; i++) {
		char c = label.p[i];
		if (ch_alnum(c) || c == '-' || c == '_')
			buf_ch(out, ch_lower(c));
		else
			buf_putf(out, "\\%03u", (unsigned)(unsigned char)c);
	}
}

/*
 * A name at *at, which goes past it.  A pointer leads to an earlier place than the one before it,
 * so that no name is endless (RFC 1035 4.1.4).
 */
static int
name_get(struct span packet, size_t *at, struct buf *out)
{
	size_t p = *at, wire = 0, jumps = 0, least = *at;
	buf_reset(out);
	for (;;) {
		if (p >= packet.n)
			return E_BAD;
		unsigned n = (unsigned char)packet.p[p];
		if (n >= 0xc0) {
			if (p + 2 > packet.n || ++jumps > POINTERS_MAX)
				return E_BAD;
			size_t to = u16_at(packet, p) & 0x3fff;
			if (jumps == 1)
				*at = p + 2;
			if (to >= least)
				return E_BAD;
			p = least = to;
			continue;
		}
		wire += n + 1;
		if (n > DNS_LABEL_MAX || p + 1 + n > packet.n || wire > WIRE_NAME_MAX)
			return E_BAD;
		if (n == 0)
			break;
		label_put(out, span_make(packet.p + p + 1, n));
		p += 1 + n;
	}
	if (jumps == 0)
		*at = p + 1;
	return buf_done(out);
}

/* E_OK, E_MORE (that was the last), E_BAD */
static int
rr_next(struct walk *w, struct rr *out)
{
	if (w->left == 0)
		return E_MORE;
	w->left--;
	if (name_get(w->packet, &w->at, &out->owner) != E_OK ||
	    w->packet.n - w->at < 10)
		return E_BAD;
	out->type = (uint16_t)u16_at(w->packet, w->at);
	out->class = (uint16_t)u16_at(w->packet, w->at + 2);
	out->ttl_sec =
	    (uint32_t)u16_at(w->packet, w->at + 4) << 16 | u16_at(w->packet, w->at + 6);
	out->at = w->at + 10;
	out->end = out->at + u16_at(w->packet, w->at + 8);
	w->at = out->end;
	return out->end <= w->packet.n ? E_OK : E_BAD;
}

static int
walk_questions(struct walk *w, unsigned n, struct buf *name)
{
	for (; n > 0; n--) {
		if (name_get(w->packet, &w->at, name) != E_OK ||
		    w->packet.n - w->at < 4)
			return E_BAD;
		w->at += 4;
	}
	return E_OK;
}

/* ---- the data of a record; each: E_OK, E_BAD (not usable), E_LIMIT (arena full) ---- */

static int
copy(struct arena *arena, struct span s, struct span *out)
{
	*out = arena_span(arena, s);
	return out->n == s.n ? E_OK : E_LIMIT;
}

/* What was read of it is kept in the arena; takes text */
static int
keep(int err, struct buf *text, struct arena *arena, struct span *out)
{
	if (err == E_OK)
		err = copy(arena, buf_as_span(text), out);
	buf_free(text);
	return err;
}

static int
data_name(struct span packet, size_t at, size_t end, bool may_be_root,
    struct arena *arena, struct span *out)
{
	struct buf name = {.max = NAME_TEXT_MAX};
	int err = name_get(packet, &at, &name);
	bool is_root = may_be_root && name.len == 0;
	if (err == E_OK &&
	    (at != end || (!is_root && !dns_name_ok(buf_as_span(&name)))))
		err = E_BAD;
	return keep(err, &name, arena, out);
}

static int
data_txt(struct span data, struct arena *arena, struct span *out)
{
	struct buf text = {.max = DNS_TXT_MAX};
	int err = data.n ? E_OK : E_BAD;
	while (err == E_OK && data.n) {
		size_t n = (unsigned char)data.p[0];
		if (n + 1 > data.n)
			err = E_BAD;
		else
			buf_put(&text, data.p + 1, n);
		data = span_from(data, n + 1);
	}
	if (err == E_OK && buf_done(&text) != E_OK)
		err = E_BAD;
	return keep(err, &text, arena, out);
}

static int
data_tlsa(struct span data, struct arena *arena, struct dns_record *out)
{
	if (data.n < 4 || data.n - 3 > DNS_TLSA_MAX)
		return E_BAD;
	out->usage = (uint8_t)data.p[0];
	out->selector = (uint8_t)data.p[1];
	out->matching = (uint8_t)data.p[2];
	return copy(arena, span_from(data, 3), &out->data);
}

static int
record_get(struct span packet, const struct rr *rr, struct arena *arena,
    struct dns_record *out)
{
	struct span data = span_make(packet.p + rr->at, rr->end - rr->at);
	switch (rr->type) {
	case DNS_A:
	case DNS_AAAA:
		return data.n == (rr->type == DNS_A ? 4 : 16)
		           ? copy(arena, data, &out->data)
		           : E_BAD;
	case DNS_MX:
		if (data.n < 3)
			return E_BAD;
		out->preference = (uint16_t)u16_at(data, 0);
		return data_name(packet, rr->at + 2, rr->end, true, arena, &out->data);
	case DNS_CNAME:
	case DNS_PTR:
		return data_name(packet, rr->at, rr->end, false, arena, &out->data);
	case DNS_TXT:
		return data_txt(data, arena, &out->data);
	case DNS_TLSA:
		return data_tlsa(data, arena, out);
	}
	return E_BAD;
}

/* ---- sections ---- */

struct parse {
	struct walk answers;
	enum dns_kind kind;
	struct arena *arena;
	struct buf name; /* where the chain is */
	struct buf target;
	struct rr rr;
	struct dns_answer *out;
};

static void
note_ttl(struct dns_answer *out, uint32_t ttl_sec, bool is_first)
{
	if (is_first || ttl_sec < out->ttl_sec)
		out->ttl_sec = ttl_sec;
}

/* E_OK (the chain went on), E_MORE (it ends here), E_BAD */
static int
follow_one(struct parse *p)
{
	struct walk w = p->answers;
	int err;
	while ((err = rr_next(&w, &p->rr)) == E_OK) {
		if (p->rr.type != DNS_CNAME || p->rr.class != CLASS_IN ||
		    !span_eq(buf_as_span(&p->rr.owner), buf_as_span(&p->name)))
			continue;
		size_t at = p->rr.at;
		if (name_get(w.packet, &at, &p->target) != E_OK || at != p->rr.end)
			return E_BAD;
		note_ttl(p->out, p->rr.ttl_sec, !p->out->has_alias);
		p->out->has_alias = true;
		buf_reset(&p->name);
		buf_span(&p->name, buf_as_span(&p->target));
		return E_OK;
	}
	return err;
}

static int
follow(struct parse *p)
{
	if (p->kind == DNS_CNAME)
		return E_OK;
	for (unsigned i = 0; i <= DNS_CNAMES_MAX; i++) {
		int err = follow_one(p);
		if (err != E_OK)
			return err == E_MORE ? E_OK : err;
	}
	return E_BAD;
}

static int
collect(struct parse *p)
{
	struct dns_answer *out = p->out;
	struct walk w = p->answers;
	int err;
	out->records = arena_get(p->arena, DNS_RECORDS_MAX * sizeof *out->records);
	if (!out->records)
		return E_LIMIT;
	while ((err = rr_next(&w, &p->rr)) == E_OK) {
		if (p->rr.type != p->kind || p->rr.class != CLASS_IN ||
		    !span_eq(buf_as_span(&p->rr.owner), buf_as_span(&p->name)))
			continue;
		if (out->n_records == DNS_RECORDS_MAX) {
			out->is_cut = true;
			break;
		}
		note_ttl(out, p->rr.ttl_sec,
		    !out->has_alias && out->n_records + out->n_unusable == 0);
		err = record_get(
		    w.packet, &p->rr, p->arena, &out->records[out->n_records]);
		if (err == E_LIMIT)
			return err;
		if (err == E_OK)
			out->n_records++;
		else if (out->n_unusable < UINT16_MAX)
			out->n_unusable++;
	}
	return err == E_BAD ? E_BAD : E_OK;
}

/*
 * How long it is known that there is nothing: the SOA's TTL (RFC 2308 5); the section stands behind
 * the answers.
 */
static int
negative_ttl(struct parse *p, unsigned n_authority)
{
	struct walk w = p->answers;
	int err;
	while ((err = rr_next(&w, &p->rr)) == E_OK)
		;
	w.left = n_authority;
	while (err != E_BAD && (err = rr_next(&w, &p->rr)) == E_OK)
		if (p->rr.type == TYPE_SOA)
			note_ttl(p->out, p->rr.ttl_sec, !p->out->has_alias);
	return err == E_BAD ? E_BAD : E_OK;
}

static int
parse_sections(struct parse *p, unsigned rcode, unsigned n_authority)
{
	struct dns_answer *out = p->out;
	int err = follow(p);
	if (err == E_OK)
		err = collect(p);
	if (err == E_OK && out->n_records + out->n_unusable == 0)
		err = negative_ttl(p, n_authority);
	if (err == E_OK)
		err = copy(p->arena, buf_as_span(&p->name), &out->name);
	if (err != E_OK)
		return err;
	if (rcode == RCODE_NXDOMAIN)
		out->status = DNS_NO_NAME;
	else
		out->status =
		    out->n_records + out->n_unusable ? DNS_FOUND : DNS_NO_RECORD;
	return E_OK;
}

static struct span
rcode_name(unsigned rcode)
{
	static const char *const names[] = {
	    "", "FORMERR", "SERVFAIL", "", "NOTIMP", "REFUSED"};
	return span_of(rcode < COUNT(names) && names[rcode][0]
			   ? names[rcode]
			   : "an error of the DNS server");
}

static void
name_start(struct buf *out, struct span name)
{
	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	for (size_t i = 0; i < name.n; i++)
		buf_ch(out, ch_lower(name.p[i]));
}

static void
parse_done(struct parse *p)
{
	buf_free(&p->name);
	buf_free(&p->target);
	buf_free(&p->rr.owner);
}

int
dns_packet_parse(struct span packet, enum dns_kind kind, struct span name,
    struct arena *arena, struct dns_answer *out)
{
	static const struct dns_answer malformed = {
	    .status = DNS_TEMP, .why = SPAN("a malformed DNS answer")};
	struct parse p = {.answers = {.packet = packet, .at = HEAD_BYTES},
	    .kind = kind,
	    .arena = arena,
	    .name = {.max = NAME_TEXT_MAX},
	    .target = {.max = NAME_TEXT_MAX},
	    .rr = {.owner = {.max = NAME_TEXT_MAX}},
	    .out = out};
	*out = malformed;
	if (packet.n < HEAD_BYTES)
		return E_BAD;
	unsigned rcode = u16_at(packet, 2) & 15;
	if (rcode != 0 && rcode != RCODE_NXDOMAIN) {
		out->why = rcode_name(rcode);
		return E_OK;
	}
	*out = (struct dns_answer){0};
	name_start(&p.name, name);
	int err = walk_questions(&p.answers, u16_at(packet, 4), &p.target);
	p.answers.left = u16_at(packet, 6);
	if (err == E_OK)
		err = parse_sections(&p, rcode, u16_at(packet, 8));
	if (err != E_OK)
		*out = malformed;
	parse_done(&p);
	return err;
}
