/* SPDX-License-Identifier: ISC */
/* urls.c - the role that reads what IMAP URLs mean, in one account. */
#include "smtpd/urls.h"

#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "mime/url_part.h"
#include "proc/child.h"
#include "proc/loop.h"
#include "store/store.h"
#include "store/urlauth.h"

enum { PH_ANY = 1, URL_ARENA_MAX = 8 << 20, URL_MADE_MAX = 64 << 20 };

static struct store *the_store; /* own; NULL: not opened yet */

/* A message while it is read. */
struct reading {
	struct imap_url url;
	struct arena arena;
	struct store_view view;
	bool is_peeked, is_mapped;
	struct span message; /* own: the mapping */
	struct tree tree;
	struct buf made;
	struct span octets; /* borrow: of these */
};

/* ---- may it? ---- */

static struct span
mailbox_of(const struct imap_url *url)
{
	return span_ieqs(url->mailbox, "INBOX") ? SPAN("INBOX") : url->mailbox;
}

/* RFC 4468 3.3: "submit+" with the name of who submits; and of his own mailbox. */
static bool
is_meant(const struct imap_url *url)
{
	struct span account = span_of(the_child.account);
	return url->is_absolute && url->access == URL_SUBMIT && !url->has_search &&
	       urlauth_is_user(url->access_user, account) &&
	       urlauth_is_user(url->user, account);
}

static enum url_said
check(const struct imap_url *url)
{
	struct span key;
	if (!is_meant(url))
		return URL_DENIED;
	if (!the_store && store_open(the_child.home, &the_store) != E_OK)
		return URL_LATER;
	enum store_said said =
	    store_url_key(the_store, mailbox_of(url), URL_KEY_GET, &key);
	if (said != STORE_DONE)
		return said == STORE_NONEXISTENT ? URL_NONE : URL_LATER;
	return urlauth_holds(url, key, clock_wall_sec()) ? URL_DONE : URL_DENIED;
}

/* ---- what it means ---- */

static enum url_said
url_said_of(int err)
{
	return err == E_OK ? URL_DONE : err == E_IO ? URL_LATER : URL_NONE;
}

static enum url_said
find_message(struct reading *r)
{
	const struct imap_url *url = &r->url;
	int err = store_peek(the_store, mailbox_of(url), &r->view);
	if (err != E_OK)
		return url_said_of(err);
	r->is_peeked = true;
	const struct store_record *record = store_record_of(&r->view, url->uid);
	if (!record || record->flags & FLAG_GONE ||
	    (url->uidvalidity && url->uidvalidity != r->view.uidvalidity))
		return URL_NONE;
	err = store_message_map(the_store, record, &r->message);
	r->is_mapped = err == E_OK;
	r->octets = r->message;
	return url_said_of(err);
}

static enum url_said
cut(struct reading *r)
{
	struct section section;
	int err = url_section(&r->url, &r->arena, &section);
	if (err == E_OK && r->url.section.n) {
		tree_make(r->message, &r->arena, &r->tree);
		err = section_get(&section, &r->tree, &r->made, &r->octets);
	}
	r->octets = url_partial(&r->url, r->octets);
	return err == E_OK ? URL_DONE : URL_NONE;
}

static enum url_said
put(const struct reading *r, uint64_t most, int *out)
{
	if (r->octets.n > most)
		return URL_TOO_BIG;
	int fd = memfd_create("url", MFD_CLOEXEC);
	if (fd < 0)
		return URL_LATER;
	if (file_write(fd, r->octets) == E_OK) {
		*out = fd;
		return URL_DONE;
	}
	close(fd);
	return URL_LATER;
}

static enum url_said
read_url(struct span text, uint64_t most, int *out)
{
	struct reading r = {
	    .arena = {.max_bytes = URL_ARENA_MAX}, .made = {.max = URL_MADE_MAX}};
	enum url_said said =
	    imap_url_parse(text, &r.arena, &r.url) == E_OK ? check(&r.url) : URL_NONE;
	if (said == URL_DONE)
		said = find_message(&r);
	if (said == URL_DONE)
		said = cut(&r);
	if (said == URL_DONE)
		said = put(&r, most, out);
	if (r.is_mapped)
		store_message_unmap(&r.message);
	if (r.is_peeked)
		store_unpeek(the_store, &r.view);
	buf_free(&r.made);
	arena_reset(&r.arena);
	return said;
}

/* ---- the ask ---- */

static int
ask_read(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span url = rd_str(body, IMAP_URL_MAX);
	uint64_t most = rd_u64(body);
	(void)a, (void)fd;
	if (rd_end(body) != E_OK)
		return E_BAD;
	enum url_said said = read_url(url, most, fd_back);
	if (said != URL_DONE)
		log_event(LOG_INFO, "url_refused", "account=%s why=%d url=%s",
		    log_qs(the_child.account), (int)said,
		    log_q(
			span_head(url, span_rfind(url, ':')))); /* without its token */
	buf_u8(reply, (uint8_t)said);
	return E_OK;
}

/* clang-format off */
static const struct ask_row rows[] = {
	/*             name    legal in  times           bytes                 fd back  answered by */
	[URLS_READ] = {"READ", PH_ANY,   URLS_READ_MOST, 4 + IMAP_URL_MAX + 8, true,    ask_read},
};

/* clang-format on */

/* Its session's conversation is over. */
static void
on_gone(struct asker *a)
{
	(void)a;
	loop_stop(child_loop());
}

static const struct ask_table table = {
    .rows = rows, .n_rows = COUNT(rows), .who = "urls client", .gone = on_gone};

const struct ask_table *
urls_table(unsigned kind)
{
	(void)kind;
	return &table;
}

int
urls_run(void)
{
	store_configure(the_child.conf, the_child.account);
	int status = child_serve(urls_table, NULL, 0);
	store_close(&the_store);
	return status;
}
