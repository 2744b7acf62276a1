/* SPDX-License-Identifier: ISC */
/* owned.c - who wants a process of a mailbox's owner asks the monitor. */
#include "deliver/owned.h"

#include <unistd.h>

int
owned_ask(uint16_t ask, const struct owned *o, struct buf *in, int *out)
{
	struct buf body = {0};
	struct ask_msg reply;
	buf_bytes(&body, o->account);
	buf_u32(&body, o->uid);
	buf_u32(&body, o->gid);
	buf_bytes(&body, o->home);
	int err = child_call(ask, buf_as_span(&body), -1, in, &reply);
	buf_free(&body);
	if (err != E_OK)
		return E_IO;
	int8_t result = (int8_t)rd_u8(&reply.body);
	if (rd_end(&reply.body) != E_OK || result != E_OK || reply.fd < 0) {
		if (reply.fd >= 0)
			close(reply.fd);
		return result == E_LIMIT ? E_LIMIT : E_IO;
	}
	*out = reply.fd;
	return E_OK;
}
