/* SPDX-License-Identifier: ISC */
/* share_copy.c - messages that go from one account to another: their bytes are copied. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "imapd/share.h"
#include "proc/child.h"

/* ---- what was seen is each one's own ---- */

/* Those of to whose message at the same place of from was seen; the flag is this account's here. */
static void
see(struct session *s, const struct place *p, const struct numset *to)
{
	struct store_mailbox m;
	struct store_change seen = {.how = STORE_ADD, .flags = FLAG_SEEN};
	if (to->n == 0 || store_mailbox(p->store, p->name, &m) != E_OK ||
	    !(m.rights & RIGHT_SEEN))
		return;
	enum store_said said = store_flags(p->store, m.id, to, &seen, NULL);
	(void)said; /* they are there, and unseen */
	(void)s;
}

static bool
was_seen(const struct session *s, uint32_t uid)
{
	const struct store_record *r = store_record_of(&s->selected->view, uid);
	return r && (r->flags & FLAG_SEEN);
}

void
share_copied(
    struct session *s, const struct place *p, const struct store_copied *copied)
{
	struct numset seen = {.n = 0};
	uint32_t from = numset_from(&copied->from, 1), to = numset_from(&copied->to, 1);
	while (p->owner_local && from && to) {
		if (was_seen(s, from) && numset_add(&seen, to, to) != E_OK)
			break;
		from = from < UINT32_MAX ? numset_from(&copied->from, from + 1) : 0;
		to = to < UINT32_MAX ? numset_from(&copied->to, to + 1) : 0;
	}
	see(s, p, &seen);
	numset_free(&seen);
}

/* ---- APPEND ---- */

static enum store_said
deposit(const struct place *p, const struct incoming *all, size_t n,
    uint32_t *uidvalidity, uint32_t *first_uid)
{
	int chan, err = share_deposit(p, &chan);
	if (err != E_OK)
		return err == E_BAD ? STORE_NONEXISTENT : STORE_LATER;
	enum store_said said =
	    store_deposit(chan, p->name, all, n, uidvalidity, first_uid);
	close(chan);
	return said;
}

enum store_said
share_append(struct session *s, const struct place *p, struct incoming *all, size_t n,
    uint32_t *uidvalidity, uint32_t *first_uid)
{
	struct numset seen = {.n = 0};
	if (!p->owner_local)
		return store_append(p->store, p->name, all, n, uidvalidity, first_uid);
	enum store_said said = deposit(p, all, n, uidvalidity, first_uid);
	if (said == STORE_DONE)
		store_note_events(p->store);
	for (size_t i = 0; said == STORE_DONE && i < n; i++)
		if ((all[i].flags & FLAG_SEEN) &&
		    numset_add(&seen, *first_uid + (uint32_t)i,
			*first_uid + (uint32_t)i) != E_OK)
			break;
	see(s, p, &seen);
	numset_free(&seen);
	return said;
}

/* ---- COPY ---- */

/* Messages on their way; of ours, files with a name, else open ones of who had them. */
struct carried {
	struct session *session;
	bool is_ours;         /* they are written here */
	struct incoming *all; /* own */
	size_t n;
	struct arena words; /* own: the keywords of SHARE_COPY_MOST at most */
	struct numset from; /* own */
};

static int
copy_file(int fd, uint64_t size, struct incoming *to)
{
	static char piece[IMAP_IN_CHUNK];
	int err = E_OK;
	for (uint64_t at = 0; err == E_OK && at < size;) {
		size_t most =
		    size - at < sizeof piece ? (size_t)(size - at) : sizeof piece;
		ssize_t n = pread(fd, piece, most, (off_t)at);
		if (n <= 0)
			return E_IO;
		at += (uint64_t)n;
		err = incoming_write(to, span_make(piece, (size_t)n));
	}
	return err == E_OK ? incoming_end(to) : err;
}

static void
take_flags(struct carried *c, const struct store_record *r, struct incoming *m)
{
	const struct view_head *head = c->session->selected->view.head;
	struct span *words = arena_get(&c->words, STORE_KEYWORDS_MAX * sizeof *words);
	m->flags = r->flags & FLAGS_ALL;
	m->date_sec = r->date_sec;
	m->keywords = words;
	m->n_keywords = 0;
	for (uint32_t i = 0; words && i < head->n_keywords; i++)
		if (r->keywords & 1ull << i)
			words[m->n_keywords++] = span_of(head->keywords[i]);
}

/* E_OK, E_BAD (it is gone), E_LIMIT, E_IO */
static int
carry(struct carried *c, const struct store_record *r)
{
	struct session *s = c->session;
	struct incoming *m = &c->all[c->n];
	struct stat st;
	int fd, err = store_message_open(s->store, r, &fd);
	if (err != E_OK)
		return err;
	if (fstat(fd, &st) != 0)
		err = E_IO;
	if (err == E_OK && c->is_ours) {
		err = incoming_begin(session_own(s), m);
		if (err == E_OK)
			c->n++;
		if (err == E_OK)
			err = copy_file(fd, (uint64_t)st.st_size, m);
		close(fd);
	} else if (err == E_OK) {
		*m = (struct incoming){.fd = fd, .size_bytes = (uint64_t)st.st_size};
		c->n++;
	} else {
		close(fd);
	}
	m->is_copy = true;
	if (err == E_OK)
		take_flags(c, r, m);
	return err == E_OK ? numset_add(&c->from, r->uid, r->uid) : err;
}

/* Or may have: a view that is superseded is told no more of what goes. */
static bool
may_have_gone(const struct session *s, uint32_t uid)
{
	const struct store_view *view = &s->selected->view;
	const struct store_record *r = store_record_of(view, uid);
	return !r || (r->flags & FLAG_GONE) || view->head->is_superseded;
}

static int
carry_all(struct carried *c, const struct numset *uids)
{
	int err = E_OK;
	for (uint32_t uid = numset_from(uids, 1); uid && err == E_OK;
	     uid = uid < UINT32_MAX ? numset_from(uids, uid + 1) : 0) {
		const struct store_record *r =
		    store_record_of(&c->session->selected->view, uid);
		if (!r || r->flags & FLAG_GONE)
			continue;
		err = carry(c, r);
		/* another session removed it just now: it is left out */
		if (err == E_BAD && may_have_gone(c->session, uid))
			err = E_OK;
	}
	return err;
}

static void
carried_free(struct carried *c)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->is_ours)
			incoming_drop(&c->all[i]);
		else
			close(c->all[i].fd);
	}
	mem_free(&c->all);
	arena_reset(&c->words);
	numset_free(&c->from);
}

/* They are there: now they go here.  A death in between leaves them in both. */
static enum store_said
remove_moved(struct session *s, const struct numset *uids)
{
	struct store_change deleted = {.how = STORE_ADD, .flags = FLAG_DELETED};
	uint32_t mailbox = s->selected->view.mailbox;
	enum store_said said = store_flags(s->store, mailbox, uids, &deleted, NULL);
	return said == STORE_DONE ? store_expunge(s->store, mailbox, uids, true) : said;
}

static enum store_said
check(struct session *s, const struct place *p, bool is_move)
{
	const unsigned go = RIGHT_REMOVE | RIGHT_EXPUNGE;
	struct store_mailbox m;
	if (is_move && (s->selected->view.rights & go) != go)
		return STORE_NO_RIGHT;
	int err = store_mailbox(p->store, p->name, &m);
	if (err != E_OK)
		return err == E_BAD ? STORE_NONEXISTENT : STORE_LATER;
	return m.rights & RIGHT_INSERT ? STORE_DONE : STORE_NO_RIGHT;
}

/* Into out, after those of the rounds before. */
static enum store_said
note_copied(struct store_copied *out, const struct carried *c, uint32_t uidvalidity,
    uint32_t first_uid)
{
	/* another mailbox has that name now: no COPYUID can tell of both */
	if (out->to.n && uidvalidity != out->uidvalidity)
		return STORE_LATER;
	out->uidvalidity = uidvalidity;
	int err = numset_add(&out->to, first_uid, first_uid + (uint32_t)c->n - 1);
	for (size_t i = 0; i < c->from.n && err == E_OK; i++)
		err = numset_add(
		    &out->from, c->from.ranges[i].from, c->from.ranges[i].to);
	return err == E_OK ? STORE_DONE : STORE_TOO_MANY;
}

/* All of these or none; they go only when they are there. */
static enum store_said
copy_round(struct session *s, const struct numset *uids, const struct place *p,
    bool is_move, struct store_copied *out)
{
	struct carried c = {.session = s, .is_ours = !p->owner_local};
	uint32_t uidvalidity, uid;
	c.all = mem_new((size_t)numset_count(uids) * sizeof *c.all);
	enum store_said said = incoming_said(carry_all(&c, uids));
	if (said == STORE_DONE && c.n) {
		said = share_append(s, p, c.all, c.n, &uidvalidity, &uid);
		if (said == STORE_DONE)
			said = note_copied(out, &c, uidvalidity, uid);
		if (said == STORE_DONE && is_move)
			said = remove_moved(s, &c.from);
	}
	carried_free(&c);
	return said;
}

/* *uid is the next to be taken; 0: none is left. */
static int
take_round(const struct numset *uids, uint32_t *uid, struct numset *round)
{
	int err = E_OK;
	numset_reset(round);
	for (size_t n = 0; *uid && n < SHARE_COPY_MOST && err == E_OK; n++) {
		err = numset_add(round, *uid, *uid);
		*uid = *uid < UINT32_MAX ? numset_from(uids, *uid + 1) : 0;
	}
	return err;
}

enum store_said
share_copy(struct session *s, const struct numset *uids, const struct place *p,
    bool is_move, struct store_copied *out)
{
	struct numset round = {.n = 0};
	uint32_t uid = numset_from(uids, 1);
	enum store_said said = check(s, p, is_move);
	while (said == STORE_DONE && uid && !(out->to.n && the_child.is_draining))
		said = take_round(uids, &uid, &round) == E_OK
		           ? copy_round(s, &round, p, is_move, out)
		           : STORE_TOO_MANY;
	numset_free(&round);
	return said == STORE_DONE && uid ? STORE_LATER : said; /* the daemon stops */
}
