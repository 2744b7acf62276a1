/* SPDX-License-Identifier: ISC */
/* url_data.c - the octets that an IMAP URL means. */
#include "imapd/url_data.h"

#include "mime/url_part.h"

enum { URL_DATA_MADE_MAX = 64 << 20, URL_DATA_ARENA_MAX = 4 << 20 };

/* ---- the message ---- */

static int
view_of(struct url_data *d, const struct imap_url *url, const struct store_view **out)
{
	struct session *s = d->session;
	if (url->mailbox.n == 0) {
		*out = s->selected ? &s->selected->view : NULL;
		return *out ? E_OK : E_BAD;
	}
	bool is_inbox = span_ieqs(url->mailbox, "INBOX");
	int err = selected_peek(s, is_inbox ? SPAN("INBOX") : url->mailbox, &d->other);
	d->is_peeked = err == E_OK;
	*out = &d->other.view;
	return err;
}

static int
find_message(struct url_data *d, const struct imap_url *url)
{
	const struct store_view *view;
	int err = url->uid && !url->has_search ? view_of(d, url, &view) : E_BAD;
	if (err != E_OK)
		return err;
	const struct store_record *r = store_record_of(view, url->uid);
	if (!r || r->flags & FLAG_GONE ||
	    (url->uidvalidity && url->uidvalidity != view->uidvalidity))
		return E_BAD;
	message_init(&d->message,
	    d->is_peeked ? session_own(d->session) : d->session->store, view);
	d->has_message = true;
	message_set(&d->message, r);
	return message_text(&d->message, &d->text);
}

/* ---- the part of it ---- */

static int
cut(struct url_data *d, const struct imap_url *url)
{
	int err = url_section(url, &d->arena, &d->section);
	if (err == E_OK && url->section.n)
		err = section_get(
		    &d->section, message_tree(&d->message), &d->made, &d->text);
	d->text = url_partial(url, d->text);
	return err == E_OK ? E_OK : E_BAD;
}

int
url_data_open(struct session *s, const struct imap_url *url, struct url_data *out)
{
	*out = (struct url_data){.session = s,
	    .made = {.max = URL_DATA_MADE_MAX},
	    .arena = {.max_bytes = URL_DATA_ARENA_MAX}};
	int err = find_message(out, url);
	return err == E_OK ? cut(out, url) : err;
}

int
url_data_decode(struct url_data *d, const struct imap_url *url)
{
	struct span text;
	if (section_binary(&d->section, message_tree(&d->message), &d->made, &text) !=
	    E_OK)
		return E_BAD;
	d->text = url_partial(url, text);
	return E_OK;
}

void
url_data_close(struct url_data *d)
{
	if (d->has_message)
		message_done(&d->message);
	if (d->is_peeked)
		selected_unpeek(d->session, &d->other);
	buf_free(&d->made);
	arena_reset(&d->arena);
}
