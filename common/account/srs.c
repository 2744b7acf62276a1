/* SPDX-License-Identifier: ISC */
/* srs.c - reverse-paths that lead back by us. */
#include "account/srs.h"

#include <string.h>

#include "tls/hash.h"

enum { DAY_SEC = 86400, DAYS = 1024, DAY_AHEAD = DAYS - 1 /* another host's clock */ };

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static int
digit_of(char c)
{
	const char *p = c ? strchr(digits, ch_upper(c)) : NULL;
	return p ? (int)(p - digits) : -1;
}

bool
srs_is(struct span local)
{
	return local.n > 5 &&
	       (span_istarts(local, SPAN("SRS0")) ||
		   span_istarts(local, SPAN("SRS1"))) &&
	       strchr("=+-", local.p[4]) != NULL;
}

/* Of what follows it, in lower case: on its way letters may change their case. */
static void
put_hash(struct buf *out, struct span secret, char kind, struct span rest)
{
	unsigned char sum[SHA256_BYTES];
	struct buf b = {0};
	buf_ch(&b, kind);
	for (size_t i = 0; i < rest.n; i++)
		buf_ch(&b, ch_lower(rest.p[i]));
	hmac_sha256(secret, buf_as_span(&b), sum);
	buf_free(&b);
	for (size_t i = 0; i < SRS_HASH_CHARS; i++)
		buf_ch(out, digits[sum[i] & 31]);
}

static void
put_day(struct buf *out, int64_t now_sec)
{
	uint32_t day = (uint32_t)(now_sec / DAY_SEC) % DAYS;
	buf_ch(out, digits[day >> 5]);
	buf_ch(out, digits[day & 31]);
}

static int
finish(struct buf *out, size_t from, struct span domain)
{
	if (out->len - from > SRS_LOCAL_MAX)
		return E_LIMIT;
	buf_ch(out, '@');
	buf_span(out, domain);
	return buf_done(out);
}

static int
put_signed(struct span secret, char kind, struct span rest, struct span domain,
    struct buf *out)
{
	size_t from = out->len;
	buf_putf(out, "SRS%c=", kind);
	put_hash(out, secret, kind, rest);
	buf_ch(out, '=');
	buf_span(out, rest);
	return finish(out, from, domain);
}

/*
 * One that another host rewrote: the first that did stays in it, and not each one on the way.
 * False: it only looks so.
 */
static bool
put_again(struct buf *rest, struct span local, struct span host)
{
	if (!srs_is(local))
		return false;
	if (local.p[3] == '0') {
		buf_span(rest, host);
		buf_ch(rest, '=');
		buf_span(rest, span_from(local, 4));
		return true;
	}
	struct span behind = span_from(local, 5);
	/* its hash; then the first host, and what that one made */
	span_cut(&behind, '=');
	size_t first = span_find(behind, '=');
	buf_span(rest, behind);
	return first > 0 && first + 1 < behind.n;
}

int
srs_forward(struct span secret, struct span sender, struct span domain, int64_t now_sec,
    struct buf *out)
{
	struct buf rest = {0};
	size_t at = span_rfind(sender, '@');
	struct span local = span_head(sender, at), host = span_from(sender, at + 1);
	if (at == sender.n || !local.n || !host.n || local.p[0] == '"' ||
	    span_find(host, '=') < host.n)
		return E_BAD;
	bool is_again = put_again(&rest, local, host);
	if (!is_again) {
		buf_reset(&rest);
		put_day(&rest, now_sec);
		buf_ch(&rest, '=');
		buf_span(&rest, host);
		buf_ch(&rest, '=');
		buf_span(&rest, local);
	}
	int err =
	    put_signed(secret, is_again ? '1' : '0', buf_as_span(&rest), domain, out);
	buf_free(&rest);
	return err;
}

static bool
is_fresh(struct span day, int64_t now_sec)
{
	int high = day.n == 2 ? digit_of(day.p[0]) : -1,
	    low = day.n == 2 ? digit_of(day.p[1]) : -1;
	if (high < 0 || low < 0)
		return false;
	uint32_t age = ((uint32_t)(now_sec / DAY_SEC) % DAYS + DAYS -
			   (uint32_t)(high << 5 | low)) %
	               DAYS;
	return age <= SRS_DAYS_MOST || age == DAY_AHEAD;
}

static bool
is_signed(struct span secret, char kind, struct span hash, struct span rest)
{
	struct buf want = {0}, got = {0};
	put_hash(&want, secret, kind, rest);
	for (size_t i = 0; i < hash.n; i++)
		buf_ch(&got, ch_upper(hash.p[i]));
	bool is = got.len == want.len && mem_same(want.p, got.p, want.len);
	buf_free(&want);
	buf_free(&got);
	return is;
}

int
srs_reverse(struct span secret, struct span local, int64_t now_sec, struct buf *out)
{
	if (!srs_is(local))
		return E_BAD;
	char kind = local.p[3];
	struct span rest = span_from(local, 5), hash = span_cut(&rest, '=');
	if (!is_signed(secret, kind, hash, rest))
		return E_BAD;
	struct span first = span_cut(&rest, '='), host = first;
	if (kind == '0') {
		if (!is_fresh(first, now_sec))
			return E_BAD;
		host = span_cut(&rest, '=');
	}
	if (!host.n || !rest.n)
		return E_BAD;
	/* SRS1: the first host checks its own hash and day */
	buf_str(out, kind == '1' ? "SRS0" : "");
	buf_span(out, rest);
	buf_ch(out, '@');
	buf_span(out, host);
	return buf_done(out);
}
