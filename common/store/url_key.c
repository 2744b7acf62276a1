/* SPDX-License-Identifier: ISC */
/* url_key.c - a session's side: access keys of mailboxes, RFC 4467. */
#include "store/state.h"

enum store_said
store_url_key(
    struct store *s, struct span mailbox, enum store_url_key_do what, struct span *out)
{
	struct buf body = {0};
	struct answer answer;
	*out = SPAN("");
	if (mailbox.n > STORE_NAME_MAX)
		return STORE_NONEXISTENT;
	buf_bytes(&body, mailbox);
	buf_u8(&body, (uint8_t)what);
	enum store_said said = keeper_ask_said(s, KEEPER_URL_KEY, &body, true, &answer);
	if (said != STORE_DONE)
		return said;
	*out = rd_str(&answer.body, STORE_URL_KEY_BYTES);
	return answer_end(&answer) == E_OK ? STORE_DONE : STORE_LATER;
}
