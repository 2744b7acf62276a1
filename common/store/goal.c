/* SPDX-License-Identifier: ISC */
/* goal.c - into which mailbox what lies in new/ goes. */
#include "store/goal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/kept.h"

/* longer than a message that is placed again is on its way */
enum { ORPHAN_SEC = 86400 };

/* ---- the file ---- */

static void
path_put(struct buf *out, struct file_id id)
{
	buf_str(out, "new/");
	directions_name_put(out, id);
}

int
directions_read(struct file_id id, struct buf *text, struct directions *out)
{
	struct buf path = {0};
	struct stat st;
	path_put(&path, id);
	text->max = DIRECTIONS_BYTES_MAX;
	buf_reset(text);
	int fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
		buf_free(&path);
		return E_IO;
	}
	int err = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? E_OK : E_BAD;
	if (err == E_OK && file_read(fd, text) != E_OK)
		err = E_BAD;
	if (err == E_OK)
		err = directions_get(buf_as_span(text), out);
	if (fd >= 0)
		close(fd);
	if (err != E_OK)
		log_event(LOG_WARNING, "not_directed", "file=%s", buf_cstr(&path));
	buf_free(&path);
	return err;
}

void
directions_remove(struct file_id id)
{
	struct buf path = {0};
	path_put(&path, id);
	if (unlink(buf_cstr(&path)) != 0 && errno != ENOENT)
		log_event(LOG_ERR, "not_removed", "file=%s err=%s", buf_cstr(&path),
		    log_errno(errno));
	buf_free(&path);
}

bool
directions_are_old(const char *name)
{
	struct buf path = {0};
	struct file_id id;
	struct stat st;
	if (directions_name_parse(span_of(name), &id) != E_OK)
		return false;
	path_put(&path, id);
	bool is_old = lstat(buf_cstr(&path), &st) == 0 &&
	              clock_wall_sec() - (int64_t)st.st_mtim.tv_sec > ORPHAN_SEC;
	buf_free(&path);
	return is_old;
}

void
directions_sweep(void)
{
	struct file_id id;
	struct dirent *e;
	DIR *folder = opendir("new");
	while (folder && (e = readdir(folder)))
		if (directions_are_old(e->d_name) &&
		    directions_name_parse(span_of(e->d_name), &id) == E_OK)
			directions_remove(id);
	if (folder)
		closedir(folder);
}

/* ---- the mailbox ---- */

/* Made in this batch: nobody else finds it yet.  name or use empty: any. */
static struct slot *
slot_coming(struct span name, struct span use)
{
	struct keeper *k = &the_keeper;
	for (size_t i = 0; i < k->n_touched; i++) {
		struct slot *s = k->touched[i];
		if (s->is_new && !s->is_removed && !s->is_hidden &&
		    (!name.n || span_eqs(name, s->next.name)) &&
		    (!use.n || span_ieqs(use, s->next.special_use)))
			return s;
	}
	return NULL;
}

static struct slot *
slot_named(struct span name)
{
	struct slot *s = slot_find(name);
	return s ? s : slot_coming(name, SPAN(""));
}

static struct slot *
slot_used(struct span use)
{
	struct buf text = {0};
	buf_span(&text, use);
	struct slot *s = slot_for_use(buf_cstr(&text));
	buf_free(&text);
	return s ? s : slot_coming(SPAN(""), use);
}

/* RFC 6154 2; others are no use of a mailbox, and are not kept. */
static bool
is_use(struct span use)
{
	static const char *const uses[] = {"\\All", "\\Archive", "\\Drafts",
	    "\\Flagged", "\\Junk", "\\Sent", "\\Trash", "\\Important"};
	for (size_t i = 0; i < COUNT(uses); i++)
		if (span_ieqs(use, uses[i]))
			return true;
	return false;
}

/*
 * This name and those above it that are not there.  NULL: no room for another mailbox.  Jobs that
 * change names are in batches of their own: nobody else makes one now
 */
static struct slot *
slot_make_all(struct span name, struct span use)
{
	struct keeper *k = &the_keeper;
	struct slot *s = NULL;
	for (size_t at = 0; at < name.n; at++) {
		at += span_find(span_from(name, at), '/');
		s = slot_named(span_head(name, at));
		if (!s && k->n_by_name + k->n_touched < STORE_MAILBOXES_MAX)
			s = slot_make(
			    span_head(name, at), at == name.n ? use : SPAN(""));
		if (!s)
			return NULL;
	}
	return s;
}

/* Where junk goes: the mailbox for it; one that has its name; one that is made now. */
static struct slot *
slot_junk(void)
{
	struct slot *s = slot_used(SPAN("\\Junk"));
	return s ? s : slot_make_all(SPAN("Junk"), SPAN("\\Junk"));
}

/* RFC 9042 3; as SELECT says it: 'F' and the number. */
static struct slot *
slot_of_mailboxid(struct span id)
{
	uint64_t number;
	if (id.n < 2 || id.p[0] != 'F' ||
	    span_u64(span_from(id, 1), UINT32_MAX, &number) != E_OK)
		return NULL;
	return slot_of((uint32_t)number);
}

static struct slot *
slot_by_name(const struct directions *d)
{
	struct buf name = {0};
	struct slot *s = NULL;
	mailbox_name_put(&name, d->mailbox);
	if (mailbox_name_check(buf_as_span(&name)) == STORE_DONE) {
		s = slot_named(buf_as_span(&name));
		if (!s && d->can_create && !kept_is_above(buf_as_span(&name)))
			s = slot_make_all(buf_as_span(&name),
			    is_use(d->special_use) ? d->special_use : SPAN(""));
	}
	buf_free(&name);
	return s;
}

static struct slot *
slot_meant(const struct file_name *name, const struct directions *d)
{
	struct slot *s = NULL;
	if (d && d->special_use.n)
		s = slot_used(d->special_use);
	if (!s && d && d->mailboxid.n)
		s = slot_of_mailboxid(d->mailboxid);
	if (!s && d && d->mailbox.n)
		s = slot_by_name(d);
	if (!s && name->is_junk && !(d && d->mailbox.n))
		s = slot_junk();
	/* where what was expunged is nothing else comes */
	return s && !s->next.is_kept ? s : slot_find(SPAN("INBOX"));
}

/* ---- goals ---- */

struct goal *
goal_of(struct goal **all, const struct file_name *name, const struct directions *d)
{
	struct slot *slot = slot_meant(name, d);
	struct goal **at = all;
	while (*at && (*at)->slot != slot)
		at = &(*at)->next;
	if (!*at) {
		*at = mem_new(sizeof **at);
		(*at)->slot = slot;
		slot_touch(slot)->modseq++;
	}
	return *at;
}

void
goals_free(struct goal **all)
{
	while (*all) {
		struct goal *gone = *all;
		*all = gone->next;
		mem_free(&gone);
	}
}
