/* SPDX-License-Identifier: ISC */
/* cmd_status.c - STATUS: RFC 9051 6.3.11, and items of RFC 3501, 7162, 7889, 8438, 8474, 9208. */
#include "imapd/status.h"

#include "imapd/share.h"

enum item {
	ITEM_MESSAGES,
	ITEM_UIDNEXT,
	ITEM_UIDVALIDITY,
	ITEM_UNSEEN,
	ITEM_DELETED,
	ITEM_SIZE,
	ITEM_RECENT,
	ITEM_HIGHESTMODSEQ,
	ITEM_MAILBOXID,
	ITEM_APPENDLIMIT,
	ITEM_DELETED_STORAGE,
	ITEMS
};

_Static_assert(STATUS_MESSAGES == 1 << ITEM_MESSAGES &&
		   STATUS_UIDNEXT == 1 << ITEM_UIDNEXT &&
		   STATUS_UIDVALIDITY == 1 << ITEM_UIDVALIDITY &&
		   STATUS_UNSEEN == 1 << ITEM_UNSEEN &&
		   STATUS_HIGHESTMODSEQ == 1 << ITEM_HIGHESTMODSEQ,
    "a bit each");

static const char *const item_names[ITEMS] = {
    [ITEM_MESSAGES] = "MESSAGES",
    [ITEM_UIDNEXT] = "UIDNEXT",
    [ITEM_UIDVALIDITY] = "UIDVALIDITY",
    [ITEM_UNSEEN] = "UNSEEN",
    [ITEM_DELETED] = "DELETED",
    [ITEM_SIZE] = "SIZE",
    [ITEM_RECENT] = "RECENT",
    [ITEM_HIGHESTMODSEQ] = "HIGHESTMODSEQ",
    [ITEM_MAILBOXID] = "MAILBOXID",
    [ITEM_APPENDLIMIT] = "APPENDLIMIT",
    [ITEM_DELETED_STORAGE] = "DELETED-STORAGE",
};

static bool
take_item(struct parse *p, unsigned *out)
{
	for (unsigned i = 0; i < ITEMS; i++)
		if (parse_word(p, item_names[i])) {
			*out |= 1u << i;
			return true;
		}
	return false;
}

int
parse_status_items(struct parse *p, unsigned *out)
{
	struct span from = p->in;
	*out = 0;
	bool is_good = parse_ch(p, '(');
	while (is_good && (is_good = take_item(p, out)) && parse_ch(p, ' '))
		;
	if (is_good && parse_ch(p, ')'))
		return E_OK;
	p->in = from;
	p->expected = "a list of status items";
	return E_BAD;
}

void
status_items_begin(struct session *s, unsigned items)
{
	if (items & 1u << ITEM_HIGHESTMODSEQ)
		selected_enable_condstore(s); /* RFC 7162 3.1 */
}

static uint64_t
value_of(const struct session *s, const struct store_mailbox *m, enum item item)
{
	switch (item) {
	case ITEM_MESSAGES:
		return m->messages;
	case ITEM_UIDNEXT:
		return m->uidnext;
	case ITEM_UIDVALIDITY:
		return m->uidvalidity;
	case ITEM_UNSEEN:
		return m->unseen;
	case ITEM_DELETED:
		return m->deleted;
	case ITEM_SIZE:
		return m->bytes;
	case ITEM_RECENT:
		return m->recent;
	case ITEM_HIGHESTMODSEQ:
		return m->modseq;
	case ITEM_APPENDLIMIT:
		return s->message_size_most;
	case ITEM_DELETED_STORAGE:
		return m->deleted_bytes;
	case ITEM_MAILBOXID:
	case ITEMS:
		break;
	}
	return 0;
}

void
status_put(struct session *s, const struct store_mailbox *m, unsigned items)
{
	struct buf *out = respond_out(s);
	const char *between = "";
	buf_str(out, "* STATUS ");
	put_mailbox(out, span_of(m->name), s->enabled & (EN_UTF8 | EN_REV2));
	buf_str(out, " (");
	for (unsigned i = 0; i < ITEMS; i++) {
		if (!(items & 1u << i))
			continue;
		buf_putf(out, "%s%s ", between, item_names[i]);
		between = " ";
		if (i == ITEM_MAILBOXID) {
			buf_ch(out, '(');
			put_mailboxid(out, m->id);
			buf_ch(out, ')');
		} else {
			put_u64(out, value_of(s, m, i));
		}
	}
	buf_str(out, ")\r\n");
}

enum reply
cmd_status(struct session *s, struct command *c)
{
	struct span name;
	unsigned items;
	struct store_mailbox m;
	struct place place;
	if (parse_mailbox(&c->parse, &name) != E_OK || parse_sp(&c->parse) != E_OK ||
	    parse_status_items(&c->parse, &items) != E_OK ||
	    parse_end(&c->parse) != E_OK)
		return R_SYNTAX;
	enum reply reply = share_find(s, name, &place);
	if (reply != R_DONE)
		return reply;
	int err = store_mailbox(place.store, place.name, &m);
	if (err != E_OK)
		return err == E_BAD ? R_NO_MAILBOX : R_LATER;
	if (share_name(&place, &m) != E_OK)
		return R_CANNOT;
	if (!(m.rights & RIGHT_READ))
		return R_NO_RIGHT;
	status_items_begin(s, items);
	status_put(s, &m, items);
	return R_DONE;
}
