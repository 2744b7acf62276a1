/* SPDX-License-Identifier: ISC */
/*
 * urlauth.h - URLs that carry their own authorisation: RFC 4467, RFC 5092 6.1.  The mechanism
 * INTERNAL: the token is the HMAC-SHA-256 of the URL before it, with its access identifier, under
 * the access key of the mailbox (store_url_key).
 */
#ifndef STORE_URLAUTH_H
#define STORE_URLAUTH_H

#include "base/buf.h"
#include "mime/imap_url.h"

bool urlauth_is_internal(struct span mechanism);
/*
 * urlauth_is_user - a userid of a URL is this account: its address, or what stands before its "@".
 * The latter says nothing about whose it is elsewhere: the key does
 */
bool urlauth_is_user(struct span user, struct span account);
/* urlauth_expire - when it ends; INT64_MAX: never.  E_OK, E_BAD (no date-time of RFC 3339) */
MUST_USE int urlauth_expire(const struct imap_url *, int64_t *out_sec);
/* urlauth_put - a URL with access and without a verifier, and its verifier behind it */
void urlauth_put(struct buf *out, const struct imap_url *, struct span key);
/*
 * urlauth_holds - its verifier is INTERNAL's under this key, and it is not over.  In a time that
 * tells nothing of the token.  Who may use it, and of which account, is not looked at here
 */
bool urlauth_holds(const struct imap_url *, struct span key, int64_t now_sec);

#endif
