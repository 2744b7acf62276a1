/* SPDX-License-Identifier: ISC */
/* source_imap.c - an IMAP server, behind a process without rights that talks to it (net.c). */
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "move/asks.h"
#include "move/source.h"
#include "store/asks.h"

static int
lost(struct source *s, int status)
{
	s->failure.status = status;
	return E_IO;
}

static int
imap_folders(struct source *s, struct source_folders *out)
{
	struct buf body = {0};
	struct rd r;
	*out = (struct source_folders){.n = 0};
	int status = move_ask(
	    s->chan, NET_FOLDERS, &body, -1, &s->in, &r, NULL, &s->failure.why);
	if (status != EX_OK)
		return lost(s, status);
	uint32_t n = rd_u32(&r);
	for (uint32_t i = 0; i < n; i++) {
		struct source_folder f;
		if (net_folder_get(&r, &f) != E_OK)
			return failed(
			    &s->failure, EX_SOFTWARE, "a list of folders that is none");
		folders_add(out, &f);
	}
	n = rd_u32(&r);
	for (uint32_t i = 0; i < n && r.err == E_OK; i++)
		folders_subscribe(out, rd_str(&r, SOURCE_RAW_MAX));
	return rd_end(&r) == E_OK
	           ? E_OK
	           : failed(&s->failure, EX_SOFTWARE, "a list of folders that is none");
}

static int
imap_list(struct source *s, const struct source_folder *f, struct listing *out)
{
	struct buf body = {0};
	struct rd r;
	*out = (struct listing){.n = 0};
	buf_bytes(&body, f->raw);
	int status = move_ask(
	    s->chan, NET_MESSAGES, &body, -1, &s->in, &r, NULL, &s->failure.why);
	if (status == EX_NOINPUT)
		return E_BAD; /* this folder alone */
	if (status != EX_OK)
		return lost(s, status);
	if (net_listing_get(&r, out) != E_OK)
		return failed(
		    &s->failure, EX_SOFTWARE, "a list of messages that is none");
	listing_sort(out);
	return E_OK;
}

/* ---- bytes ---- */

static int
by_uid(const void *x, const void *y)
{
	const struct source_message *a = x, *b = y;
	return a->uid < b->uid ? -1 : a->uid > b->uid;
}

/* One that nobody asked for is passed over. */
static int
end_message(struct rd *r, const struct listing *l, const struct fetch_to *to)
{
	struct source_message wanted = {.uid = rd_u32(r)};
	bool is_whole = rd_u8(r) == 1;
	if (rd_end(r) != E_OK)
		return E_IO;
	const struct source_message *m =
	    l->n ? bsearch(&wanted, l->all, l->n, sizeof wanted, by_uid) : NULL;
	return to->end(to->ctx, m ? (size_t)(m - l->all) : SIZE_MAX, m && is_whole);
}

/* Until the reply to NET_FETCH. */
static int
take_stream(struct source *s, const struct listing *l, const struct fetch_to *to)
{
	struct ask_msg m;
	int err;
	while ((err = ask_recv(s->chan, &s->in, &m, deadline_in_ms(NET_WAIT_MS))) ==
	       E_OK) {
		if (m.fd >= 0)
			close(m.fd);
		if (m.type == NET_BEGIN)
			err = to->begin(to->ctx);
		else if (m.type == NET_BYTES)
			err = to->bytes(to->ctx, m.body.in);
		else if (m.type == NET_END)
			err = end_message(&m.body, l, to);
		else
			break;
		if (err != E_OK)
			return err;
	}
	if (err != E_OK || m.type != (NET_FETCH | ASK_REPLY))
		return failed(&s->failure, EX_IOERR,
		    "the process that talks to the server is gone");
	int status = rd_u8(&m.body);
	buf_reset(&s->failure.why);
	buf_span(&s->failure.why, rd_str(&m.body, MOVE_ROW_BYTES));
	return status == EX_OK ? E_OK : lost(s, status);
}

static int
imap_fetch(struct source *s, const struct listing *l,
    const struct source_folder *folder, const uint32_t *wanted, size_t n,
    const struct fetch_to *to)
{
	struct buf uids = {0};
	(void)folder;
	buf_u32(&uids, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		buf_u32(&uids, l->all[wanted[i]].uid);
	int fd = large_make(buf_as_span(&uids));
	int err = fd >= 0 ? ask_send(s->chan, NET_FETCH, SPAN(""), fd,
				deadline_in_ms(NET_WAIT_MS))
	                  : E_IO;
	if (fd >= 0)
		close(fd);
	buf_free(&uids);
	if (err != E_OK)
		return failed(&s->failure, EX_IOERR,
		    "the process that talks to the server is gone");
	return take_stream(s, l, to);
}

const struct source_kind source_imap = {
    .folders = imap_folders, .list = imap_list, .fetch = imap_fetch};
