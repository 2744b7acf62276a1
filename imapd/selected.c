/* SPDX-License-Identifier: ISC */
/* selected.c - sequence numbers of one client over the shared view: looks, tells nothing. */
#include "imapd/selected.h"

#include <stdio.h>
#include <string.h>

#include "imapd/respond.h"

/*
 * Without at, message k is record k - 1: nothing of the view was gone when it was selected, nothing
 * was expunged since.
 */
const struct store_record *
selected_record(const struct selected *b, uint32_t seq)
{
	return &b->view.records[b->at ? b->at[seq - 1] : seq - 1];
}

uint32_t
selected_seq_from(const struct selected *b, uint32_t uid)
{
	uint32_t low = 1, high = b->n + 1;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (selected_record(b, mid)->uid < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool
selected_is_ghost(const struct store_record *r)
{
	static const struct file_id none;
	return r->flags & FLAG_GONE && file_id_eq(r->id, none);
}

uint32_t
selected_seq(const struct selected *b, uint32_t uid)
{
	uint32_t seq = selected_seq_from(b, uid);
	return seq <= b->n && selected_record(b, seq)->uid == uid ? seq : 0;
}

bool
selected_is_recent(const struct selected *b, const struct store_record *r)
{
	return r->uid >= b->view.recent_from;
}

void
selected_follow(struct selected *b, const struct follower *follower)
{
	if (b->follower)
		return;
	b->follower = follower;
	b->followed_at = b->flags_at;
	b->followed_modseq = b->modseq;
}

void
selected_note_own(struct session *s, uint32_t uidvalidity, uint32_t from, uint32_t to)
{
	if (s->selected && s->selected->view.uidvalidity == uidvalidity)
		s->own_uids = (struct num_range){from, to};
}

void
selected_told(struct selected *b, uint32_t seq, uint64_t modseq)
{
	b->told = mem_room(b->told, b->n_told, &b->cap_told, sizeof *b->told);
	b->told[b->n_told++] =
	    (struct told){.index = b->at ? b->at[seq - 1] : seq - 1, .modseq = modseq};
}

/* ---- flags ---- */

static const struct {
	uint32_t flag;
	const char *name;
} system_flags[] = {
    {FLAG_SEEN, "\\Seen"},
    {FLAG_ANSWERED, "\\Answered"},
    {FLAG_FLAGGED, "\\Flagged"},
    {FLAG_DELETED, "\\Deleted"},
    {FLAG_DRAFT, "\\Draft"},
};

enum { SYSTEM_TEXT_MAX = 64 };

/*
 * Each of the 32 sets of system flags as it is said, made once: FETCH FLAGS says a million a
 * second.
 */
static const struct flags_text {
	char text[SYSTEM_TEXT_MAX];
	size_t n;

} * system_text(uint32_t flags)

{
	static struct flags_text texts[FLAGS_ALL + 1];
	struct flags_text *t = &texts[flags & FLAGS_ALL];
	for (size_t i = 0; !t->n && i < COUNT(system_flags); i++)
		if (flags & system_flags[i].flag) {
			size_t len = strlen(t->text);
			snprintf(t->text + len, sizeof t->text - len, "%s%s",
			    len ? " " : "", system_flags[i].name);
		}
	t->n = strlen(t->text);
	return t;
}

static void
put_flag(struct buf *out, const char *name, bool *is_first)
{
	if (!*is_first)
		buf_ch(out, ' ');
	*is_first = false;
	buf_str(out, name);
}

void
selected_flags_put(
    struct buf *out, const struct selected *b, const struct store_record *r)
{
	const struct flags_text *text = system_text(r->flags);
	uint64_t keywords = r->keywords;
	bool is_first = text->n == 0;
	buf_ch(out, '(');
	buf_put(out, text->text, text->n);
	for (uint32_t i = 0; keywords; i++, keywords >>= 1)
		if (keywords & 1)
			put_flag(out, b->view.head->keywords[i], &is_first);
	if (b->has_recent && selected_is_recent(b, r))
		put_flag(out, "\\Recent", &is_first);
	buf_ch(out, ')');
}

void
selected_all_flags_put(struct buf *out, const struct selected *b, bool may_be_new)
{
	bool is_first = true;
	buf_ch(out, '(');
	/* of PERMANENTFLAGS: those that may be changed, RFC 4314 5.1 */
	bool may_write = !may_be_new || (b->view.rights & RIGHT_WRITE);
	for (size_t i = 0; i < COUNT(system_flags); i++) {
		uint32_t flag = system_flags[i].flag;
		bool may = flag == FLAG_SEEN      ? b->view.rights & RIGHT_SEEN
		           : flag == FLAG_DELETED ? b->view.rights & RIGHT_REMOVE
		                                  : may_write;
		if (may || !may_be_new)
			put_flag(out, system_flags[i].name, &is_first);
	}
	for (uint32_t i = 0; may_write && i < b->n_keywords_told; i++)
		put_flag(out, b->view.head->keywords[i], &is_first);
	if (may_be_new && may_write && b->n_keywords_told < STORE_KEYWORDS_MAX)
		put_flag(out, "\\*", &is_first);
	buf_ch(out, ')');
}

int
selected_deleted(const struct selected *b, struct numset *uids)
{
	int err = E_OK;
	for (uint32_t i = 0, n = b->view.head->n; i < n && err == E_OK; i++) {
		const struct store_record *r = &b->view.records[i];
		if ((r->flags & FLAG_DELETED) && !(r->flags & FLAG_GONE))
			err = numset_add(uids, r->uid, r->uid);
	}
	return err;
}
