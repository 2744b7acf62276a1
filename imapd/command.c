/* SPDX-License-Identifier: ISC */
/* command.c - the table of commands after the login, and what is done around each of them. */
#include "imapd/command.h"

#include "base/clock.h"
#include "base/log.h"
#include "imapd/metadata.h"
#include "imapd/notify.h"
#include "imapd/ring.h"
#include "imapd/search_slices.h"
#include "metrics/metric.h"

enum state { AUTHENTICATED = 1, SELECTED = 2, BOTH = 3 };

enum argument { NONE, SOME, MAYBE };

/*
 * state      where it is legal
 * argument   whether there is one; MAYBE: its SP is left to the handler
 * uid        "UID FETCH" and the like are there, too
 * numbers    it is written with message sequence numbers (unless it is "UID ...")
 * breaks     others may lose their numbers at its end: EXPUNGE may be said (RFC 9051 7.5.1; after
 *            "UID ..." always)
 * streams    the literal behind so many arguments is a message; 0: it has none
 */
/* clang-format off */
static const struct row {
	const char *verb;
	enum state state;
	enum argument argument;
	bool has_uid, uses_numbers, may_break;
	unsigned streams_after;
	command_handler *handler;
} rows[] = {
	/* verb          state          argument  uid    numbers breaks streams handler */
	{"FETCH",        SELECTED,      SOME,     true,  true,   false, 0,      cmd_fetch},
	{"SEARCH",       SELECTED,      SOME,     true,  true,   false, 0,      cmd_search},
	{"ESEARCH",      BOTH,          SOME,     false, false,  true,  0,      cmd_esearch},
	{"SORT",         SELECTED,      SOME,     true,  true,   false, 0,      cmd_sort},
	{"THREAD",       SELECTED,      SOME,     true,  true,   false, 0,      cmd_thread},
	{"CANCELUPDATE", SELECTED,      SOME,     false, false,  true,  0,      cmd_cancelupdate},
	{"STORE",        SELECTED,      SOME,     true,  true,   false, 0,      cmd_store},
	{"NOOP",         BOTH,          NONE,     false, false,  true,  0,      cmd_noop},
	{"IDLE",         BOTH,          NONE,     false, false,  true,  0,      cmd_idle},
	{"NOTIFY",       BOTH,          SOME,     false, false,  true,  0,      cmd_notify},
	{"SELECT",       BOTH,          SOME,     false, false,  true,  0,      cmd_select},
	{"EXAMINE",      BOTH,          SOME,     false, false,  true,  0,      cmd_examine},
	{"STATUS",       BOTH,          SOME,     false, false,  true,  0,      cmd_status},
	{"LIST",         BOTH,          SOME,     false, false,  true,  0,      cmd_list},
	{"APPEND",       BOTH,          SOME,     false, false,  true,  1,      cmd_append},
	{"COPY",         SELECTED,      SOME,     true,  true,   true,  0,      cmd_copy},
	{"MOVE",         SELECTED,      SOME,     true,  true,   true,  0,      cmd_move},
	{"EXPUNGE",      SELECTED,      NONE,     true,  false,  true,  0,      cmd_expunge},
	{"CLOSE",        SELECTED,      NONE,     false, false,  true,  0,      cmd_close},
	{"UNSELECT",     SELECTED,      NONE,     false, false,  true,  0,      cmd_unselect},
	{"CHECK",        SELECTED,      NONE,     false, false,  true,  0,      cmd_check},
	{"REPLACE",      SELECTED,      SOME,     true,  true,   true,  2,      cmd_replace},
	{"CREATE",       BOTH,          SOME,     false, false,  true,  0,      cmd_create},
	{"DELETE",       BOTH,          SOME,     false, false,  true,  0,      cmd_delete},
	{"RENAME",       BOTH,          SOME,     false, false,  true,  0,      cmd_rename},
	{"SUBSCRIBE",    BOTH,          SOME,     false, false,  true,  0,      cmd_subscribe},
	{"UNSUBSCRIBE",  BOTH,          SOME,     false, false,  true,  0,      cmd_unsubscribe},
	{"LSUB",         BOTH,          SOME,     false, false,  true,  0,      cmd_lsub},
	{"NAMESPACE",    BOTH,          NONE,     false, false,  true,  0,      cmd_namespace},
	{"GETQUOTA",     BOTH,          SOME,     false, false,  true,  0,      cmd_getquota},
	{"GETQUOTAROOT", BOTH,          SOME,     false, false,  true,  0,      cmd_getquotaroot},
	{"SETQUOTA",     BOTH,          SOME,     false, false,  true,  0,      cmd_setquota},
	{"SETACL",       BOTH,          SOME,     false, false,  true,  0,      cmd_setacl},
	{"DELETEACL",    BOTH,          SOME,     false, false,  true,  0,      cmd_deleteacl},
	{"GETACL",       BOTH,          SOME,     false, false,  true,  0,      cmd_getacl},
	{"LISTRIGHTS",   BOTH,          SOME,     false, false,  true,  0,      cmd_listrights},
	{"MYRIGHTS",     BOTH,          SOME,     false, false,  true,  0,      cmd_myrights},
	{"GETMETADATA",  BOTH,          SOME,     false, false,  true,  0,      cmd_getmetadata},
	{"SETMETADATA",  BOTH,          SOME,     false, false,  true,  0,      cmd_setmetadata},
	{"GENURLAUTH",   BOTH,          SOME,     false, false,  true,  0,      cmd_genurlauth},
	{"RESETKEY",     BOTH,          MAYBE,    false, false,  true,  0,      cmd_resetkey},
	{"URLFETCH",     BOTH,          SOME,     false, false,  true,  0,      cmd_urlfetch},
	{"ENABLE",       BOTH,          SOME,     false, false,  true,  0,      cmd_enable},
	{"ID",           BOTH,          SOME,     false, false,  true,  0,      cmd_id},
	{"COMPRESS",     BOTH,          SOME,     false, false,  true,  0,      cmd_compress},
	{"LANGUAGE",     BOTH,          MAYBE,    false, false,  true,  0,      cmd_language},
	{"COMPARATOR",   BOTH,          MAYBE,    false, false,  true,  0,      cmd_comparator},
	{"CAPABILITY",   BOTH,          NONE,     false, false,  true,  0,      cmd_capability},
	{"UNAUTHENTICATE", BOTH,        NONE,     false, false,  true,  0,      cmd_unauthenticate},
	{"LOGOUT",       BOTH,          NONE,     false, false,  true,  0,      cmd_logout},
	{"LOGIN",        0,             SOME,     false, false,  true,  0,      NULL},
	{"AUTHENTICATE", 0,             SOME,     false, false,  true,  0,      NULL},
	{"STARTTLS",     0,             NONE,     false, false,  true,  0,      NULL},
};

/* clang-format on */
_Static_assert(COUNT(rows) + 1 == METRIC_IMAP_VERBS,
    "a row of common/metrics/table.c for each, in the same order");

static const struct row *
row_of(struct span verb)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		if (span_ieqs(verb, rows[i].verb))
			return &rows[i];
	return NULL;
}

/* ---- one command ---- */

static enum reply
begin(struct session *s, struct command *c, const struct row **out)
{
	struct parse *p = &c->parse;
	struct span verb;
	if (parse_sp(p) != E_OK || parse_atom(p, &verb) != E_OK) {
		p->expected = "a command";
		return R_SYNTAX;
	}
	c->is_uid = span_ieqs(verb, "UID");
	if (c->is_uid && (parse_sp(p) != E_OK || parse_atom(p, &verb) != E_OK))
		return R_SYNTAX;
	const struct row *row = *out = row_of(verb);
	if (!row || (c->is_uid && !row->has_uid))
		return R_BAD_COMMAND;
	c->verb = row->verb;
	if (row->uses_numbers && !c->is_uid && s->enabled & EN_UIDONLY)
		return R_UID_REQUIRED;
	if (!(row->state & (s->selected ? SELECTED : AUTHENTICATED)))
		return R_BAD_STATE;
	if (row->argument == NONE && !c->is_uid)
		return parse_end(p) == E_OK ? R_DONE : R_SYNTAX;
	return row->argument == MAYBE || parse_sp(p) == E_OK ? R_DONE : R_SYNTAX;
}

static bool
is_bad(enum reply r)
{
	return r == R_SYNTAX || r == R_BAD_STATE || r == R_BAD_COMMAND ||
	       r == R_BAD_SEQUENCE || r == R_CLIENT_BUG || r == R_UID_REQUIRED;
}

static void
count_errors(struct session *s, enum reply r)
{
	s->errors = is_bad(r) ? s->errors + 1 : 0;
	if (s->errors < IMAP_ERRORS_MOST)
		return;
	log_event(LOG_INFO, "too_many_errors", "%s", "");
	buf_str(respond_out(s), "* BYE too many errors\r\n");
	s->is_over = true;
}

static enum update
update_of(const struct row *row, bool is_uid)
{
	return row->may_break || (is_uid && row->uses_numbers) ? UPDATE_ALL
	                                                       : UPDATE_NO_EXPUNGE;
}

/* Its result is EXPUNGE, whatever NOTIFY says. */
static bool
tells_its_own(const struct row *row)
{
	return row->handler == cmd_expunge || row->handler == cmd_move ||
	       row->handler == cmd_replace;
}

/* What the handler left unread of the command goes by; false: the conversation ends. */
static bool
finish_reading(struct session *s)
{
	struct command rest;
	while (s->literal.is_there || s->has_rest) {
		int err = s->literal.is_there ? command_skip_literal(s)
		                              : command_more(s, &rest);
		if (err != E_OK && err != E_BAD)
			return false;
	}
	return true;
}

/*
 * The handler has done its work: what changed, and the tagged reply.  begun_us: 0 for what waited for
 * others
 */
static void
finish(struct session *s, struct command *c, const struct row *row, enum reply r,
    int64_t begun_us)
{
	if (!finish_reading(s) || s->is_broken) {
		s->is_over = true;
		return;
	}
	if (row && !s->is_over)
		notify_update(s, update_of(row, c->is_uid), c->is_uid);
	if (!s->is_over)
		metadata_update(s);
	respond_tagged(s, r, c->verb, c->parse.expected);
	count_errors(s, r);
	if (begun_us)
		metric_took(M_IMAP_COMMAND, begun_us);
	if (!respond_flush(s))
		s->is_broken = true;
}

void
command_idle_again(struct session *s, struct span tag, int64_t deadline)
{
	struct command c = {.verb = "IDLE"};
	const struct row *row = row_of(SPAN("IDLE"));
	s->tag = arena_span(&s->arena, tag);
	enum reply r = idle_go_on(s, &c, deadline);
	finish(s, &c, row, r, 0);
}

static void
run(struct session *s, struct command *c)
{
	const struct row *row = NULL;
	int64_t begun_us = clock_mono_us();
	enum reply r = begin(s, c, &row);
	metric_count(
	    M_IMAP_COMMANDS + (unsigned)(row ? row - rows : (ptrdiff_t)COUNT(rows)));
	/* it may take long: what was left is no more kept for a SELECT */
	if (r == R_DONE && row->handler != cmd_select)
		store_unselect_now(s->store);
	unsigned untold = s->untold;
	bool is_own = row && tells_its_own(row);
	if (is_own)
		s->untold = 0;
	if (r == R_DONE)
		r = row->handler(s, c);
	finish(s, c, row, r, row && row->handler != cmd_idle ? begun_us : 0);
	if (is_own)
		s->untold = untold;
	ring(s);
}

static void
begin_command(struct session *s)
{
	arena_reset(&s->arena);
	buf_reset(&s->code);
	buf_reset(&s->command);
	s->tag = SPAN("");
	s->literal = (struct literal){.is_there = false};
	s->has_rest = false;
	s->own_names[0] = s->own_names[1] = SPAN("");
	s->own_uids = (struct num_range){0, 0};
}

unsigned
command_streams(struct parse *p)
{
	struct span verb;
	if (parse_sp(p) != E_OK)
		return 0;
	if (parse_word(p, "UID") && parse_sp(p) != E_OK)
		return 0;
	if (parse_atom(p, &verb) != E_OK || parse_sp(p) != E_OK)
		return 0;
	const struct row *row = row_of(verb);
	return row ? row->streams_after : 0;
}

struct parse
command_parse(struct session *s, struct span text)
{
	return (struct parse){.in = text,
	    .arena = &s->arena,
	    .is_utf8 = s->enabled & (EN_UTF8 | EN_REV2)};
}

/* Who does not say a whole line for a moment has left the mailbox for good. */
void
command_settle(struct session *s)
{
	int64_t deadline = s->io.deadline;
	if (!store_is_unselecting(s->store))
		return;
	int err = io_flush(&s->io); /* it may take longer than the moment */
	s->io.deadline = deadline_in_ms(IMAP_LEFT_MS);
	while (err == E_OK && !io_has_line(&s->io))
		err = io_fill(&s->io);
	s->io.deadline = deadline;
	if (err != E_OK)
		store_unselect_now(s->store);
}

int
command_read(struct session *s)
{
	struct command c = {.verb = ""};
	begin_command(s);
	search_slices_keep(s);
	command_settle(s);
	int err = notify_wait(s);
	if (s->is_over)
		return E_OK;
	if (err == E_OK)
		err = command_text(s);
	if (err == E_OK) {
		c.parse = command_parse(s, buf_as_span(&s->command));
		c.parse.in = span_from(c.parse.in, s->tag.n);
		run(s, &c);
	} else if (err == E_BAD || err == E_LIMIT) {
		c.parse.expected =
		    err == E_BAD ? "a tag, and CR before LF" : "a shorter command";
		respond_tagged(s, R_SYNTAX, "", c.parse.expected);
		count_errors(s, R_SYNTAX);
		err = E_OK;
	}
	if (s->command.cap > IMAP_LINE_MAX) /* not kept for hours of silence */
		buf_free(&s->command);
	return err;
}
