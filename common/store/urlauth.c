/* SPDX-License-Identifier: ISC */
/* urlauth.c - tokens of URLs, made and looked at. */
#include "store/urlauth.h"

#include "base/clock.h"
#include "tls/hash.h"

#define INTERNAL "internal"

bool
urlauth_is_internal(struct span mechanism)
{
	return span_ieqs(mechanism, INTERNAL);
}

bool
urlauth_is_user(struct span user, struct span account)
{
	return user.n &&
	       (span_ieq(user, account) ||
		   span_ieq(user, span_head(account, span_rfind(account, '@'))));
}

int
urlauth_expire(const struct imap_url *url, int64_t *out_sec)
{
	*out_sec = INT64_MAX;
	return url->expire.n ? time3339_parse(url->expire, out_sec) : E_OK;
}

void
urlauth_put(struct buf *out, const struct imap_url *url, struct span key)
{
	unsigned char token[SHA256_BYTES];
	hmac_sha256(key, url->rump, token);
	buf_span(out, url->rump);
	buf_str(out, ":" INTERNAL ":");
	buf_hex(out, span_make((const char *)token, sizeof token));
}

bool
urlauth_holds(const struct imap_url *url, struct span key, int64_t now_sec)
{
	unsigned char token[SHA256_BYTES], given[SHA256_BYTES];
	int64_t end_sec;
	if (url->access == URL_NO_ACCESS || !urlauth_is_internal(url->mechanism) ||
	    key.n == 0 || hex_decode(url->token, given, sizeof given) != E_OK)
		return false;
	hmac_sha256(key, url->rump, token);
	return mem_same(token, given, sizeof token) &&
	       urlauth_expire(url, &end_sec) == E_OK && now_sec < end_sec;
}
