/* SPDX-License-Identifier: ISC */
/*
 * cmd_trace.c - what all daemons logged of one message, or of one session and its messages, in
 * order and in plain words.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "ctl/ctl.h"
#include "ctl/logline.h"
#include "ctl/table.h"

enum {
	FILES_MOST = 64,
	IDS_MOST = 1000, /* messages and sessions that belong together */
	ROWS_MOST = 100000,
	/* through the files, while more ids are found: a report of a forward of ... */
	PASSES_MOST = 5,
};

/* Those not in it are shown as they are logged. */
static const struct {
	const char *event, *words;
} events[] = {
    {"accepted", "taken[ from {client}][, logged in as {login}][ by sendmail from uid "
		 "{uid}]: sender {from}[, to {to}], {rcpts} recipients, {bytes} bytes"},
    {"login", "logged in[ as {login}][ as {account}][ from {client}][ over {tls}]"},
    {"refused", "refused[: {code}][ {status}][ to {client}]"},
    {"message_refused", "the message was refused[: {code}][ {status}][ ({why})]"},
    {"tls_failed", "TLS could not be agreed on[ with {client}]"},
    {"closed_early", "the client {client} left without QUIT"},
    {"reply_unsent", "the client {client} left before the reply"},
    {"placed", "put into the mailbox of {account}"},
    {"not_placed", "not put into the mailbox of {account}: {why}"},
    {"deferred", "not yet to {rcpt}: {reason}"},
    {"failed", "never to {rcpt}: {reason}"},
    {"deferred_until", "tried again in {wait_sec} s; attempts so far: {attempts}"},
    {"forwarded", "goes on to {to}, as message {forward}"},
    {"reported", "its failures are reported to {to}, as message {report}"},
    {"not_reported", "its failures are not reported[: {why}][; {do}]"},
    {"held", "held by an admin"},
    {"released", "released by an admin"},
    {"requeued", "begun anew by an admin"},
    {"removed", "removed by an admin; nobody is told"},
    {"not_deferred", "its file could not be written: {err}"},
    {"file_without_row", "its file had no row, and has one now"},
    {"row_without_file", "its row had no file, and went"},
};

struct source {
	FILE *file; /* own */
	const char *name;
};

struct ids {
	char all[IDS_MOST][ID_TEXT + 1];
	size_t n;
};

struct row {
	int64_t time_us;
	/*
	 * than the others of the same second: who took a message may log that after it was
	 * delivered
	 */
	bool is_later;
	size_t order;
	char *line; /* own */
};

static struct {
	struct source sources[FILES_MOST];
	size_t n_sources;
	struct ids messages, sessions;
	struct row *rows; /* own */
	size_t n_rows, cap_rows;
	int64_t now_sec;
} trace;

/* ---- ids ---- */

static bool
has_id(const struct ids *l, struct span id)
{
	for (size_t i = 0; i < l->n; i++)
		if (span_eqs(id, l->all[i]))
			return true;
	return false;
}

/* Was it not there before? */
static bool
add_id(struct ids *l, struct span id)
{
	if (id.n != ID_TEXT || has_id(l, id) || l->n == IDS_MOST)
		return false;
	memcpy(l->all[l->n++], id.p, ID_TEXT);
	return true;
}

/* What a line says about: its message, its session, and a message that was made of it. */
struct about {
	struct span mid, sid, child;
};

static struct about
about(const struct logline *l)
{
	struct about a = {.mid = logline_get(l, "mid"),
	    .sid = logline_get(l, "sid"),
	    .child = logline_get(l, "report")};
	if (!a.mid.p)
		a.mid = logline_get(l, "id");
	if (!a.child.p)
		a.child = logline_get(l, "forward");
	return a;
}

/* Ids that this line adds to those that are looked for. */
static bool
learn(const struct logline *l, struct span wanted)
{
	struct about a = about(l);
	bool is_new = false;
	if (a.mid.n && has_id(&trace.messages, a.mid)) {
		is_new |= add_id(&trace.sessions, a.sid);
		is_new |= add_id(&trace.messages, a.child);
	}
	if (a.mid.n && span_eq(a.sid, wanted))
		is_new |= add_id(&trace.messages, a.mid);
	return is_new;
}

static bool
is_shown(const struct logline *l)
{
	struct about a = about(l);
	if (a.mid.n)
		return has_id(&trace.messages, a.mid) ||
		       has_id(&trace.messages, a.child);
	return a.sid.n && has_id(&trace.sessions, a.sid);
}

/* ---- files ---- */

/*
 * Every line of ours, in the order of the files.  False: fn said so, or a file could not be read.
 */
static int
each_line(int (*fn)(struct span line, const struct logline *, void *ctx), void *ctx)
{
	char *text = NULL;
	size_t bytes = 0;
	int status = EX_OK;
	for (size_t i = 0; i < trace.n_sources && status == EX_OK; i++) {
		FILE *f = trace.sources[i].file;
		ssize_t n;
		rewind(f);
		while (status == EX_OK && (n = getline(&text, &bytes, f)) > 0) {
			struct logline l;
			struct span line =
			    span_make(text, (size_t)n - (text[n - 1] == '\n'));
			if (logline_parse(line, trace.now_sec, &l) == E_OK)
				status = fn(line, &l, ctx);
		}
		if (ferror(f)) {
			ctl_say("%s: %s", trace.sources[i].name, strerror(errno));
			status = EX_IOERR;
		}
	}
	free(text);
	return status;
}

/* What comes by a pipe is read more than once: it lies in an unnamed file meanwhile. */
static FILE *
keep_input(void)
{
	static char chunk[65536];
	FILE *f = tmpfile();
	size_t n;
	while (f && (n = fread(chunk, 1, sizeof chunk, stdin)) > 0)
		if (fwrite(chunk, 1, n, f) != n) {
			fclose(f);
			return NULL;
		}
	return f;
}

static int
add_source(const char *name, bool must_be_there)
{
	FILE *f = strcmp(name, "-") == 0 ? keep_input() : fopen(name, "re");
	if (!f && !must_be_there && errno == ENOENT)
		return EX_OK;
	if (!f) {
		ctl_say("%s: %s", name, strerror(errno));
		return errno == EACCES ? EX_NOPERM : EX_NOINPUT;
	}
	trace.sources[trace.n_sources++] = (struct source){f, name};
	return EX_OK;
}

/* The log of the configuration, and the one before it, where a rotation left it readable. */
static int
add_own_log(const struct merpati *c)
{
	static struct buf before; /* its text is used to the end */
	const char *log = conf_str(c->conf, "common", "log");
	if (log[0] != '/')
		return ctl_usage(c,
		    "the log is %s, so it must be given: journalctl -o "
		    "short-iso-precise | merpati trace ID -",
		    log);
	buf_putf(&before, "%s.1", log);
	int status = add_source(buf_cstr(&before), false);
	return status == EX_OK ? add_source(log, true) : status;
}

/* ---- what is found ---- */

struct pass {
	struct span wanted;
	bool has_more;
};

static int
learn_line(struct span line, const struct logline *l, void *ctx)
{
	struct pass *p = ctx;
	(void)line;
	p->has_more |= learn(l, p->wanted);
	return EX_OK;
}

static int
keep_line(struct span line, const struct logline *l, void *ctx)
{
	(void)ctx;
	if (!is_shown(l))
		return EX_OK;
	if (trace.n_rows == ROWS_MOST) {
		ctl_say("more than %d lines", ROWS_MOST);
		return EX_SOFTWARE;
	}
	trace.rows =
	    mem_room(trace.rows, trace.n_rows, &trace.cap_rows, sizeof *trace.rows);
	struct buf b = {0};
	buf_span(&b, line);
	bool is_first = span_eqs(l->event, "login") || span_eqs(l->event, "accepted");
	trace.rows[trace.n_rows] =
	    (struct row){l->time_us, !is_first, trace.n_rows, mem_dup(buf_cstr(&b))};
	trace.n_rows++;
	buf_free(&b);
	return EX_OK;
}

static int
by_time(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	if (x->time_us != y->time_us)
		return x->time_us < y->time_us ? -1 : 1;
	if (x->is_later != y->is_later)
		return x->is_later ? 1 : -1;
	return x->order < y->order ? -1 : 1;
}

static const struct column columns[] = {
    {"time", "TIME", CELL_TEXT},
    {"process", "PROCESS", CELL_TEXT},
    {"message", "MESSAGE", CELL_TEXT},
    {"session", "SESSION", CELL_TEXT},
    {"event", "EVENT", CELL_TEXT},
    {"what", "WHAT", CELL_TEXT},
};

/* People need no pid, no event's name, and no session: that is in the order of the lines. */
static const struct column people[] = {{"time", "TIME", CELL_TEXT},
    {"process", "BY", CELL_TEXT}, {"message", "MESSAGE", CELL_TEXT},
    {"what", "WHAT", CELL_TEXT}};

static const char *
words_of(struct span event)
{
	for (size_t i = 0; i < COUNT(events); i++)
		if (span_eqs(event, events[i].event))
			return events[i].words;
	return NULL;
}

/* Anybody may write to syslog: what would move a terminal's cursor is left out. */
static void
put_clean(struct table *t, struct span s)
{
	struct buf b = {0};
	for (size_t i = 0; i < s.n; i++)
		buf_ch(&b, ch_ctl(s.p[i]) ? '?' : s.p[i]);
	table_text(t, buf_as_span(&b));
	buf_free(&b);
}

static void
put_row(const struct logline *l, bool is_json, struct table *t)
{
	struct buf time = {0}, what = {0};
	struct about a = about(l);
	if (l->time_us)
		date_put_iso(&time, l->time_us / 1000000);
	else
		buf_span(&time, l->time);
	logline_words(&what, l, words_of(l->event));
	put_clean(t, buf_as_span(&time));
	put_clean(t,
	    is_json ? l->process : span_head(l->process, span_find(l->process, '[')));
	put_clean(t, a.mid);
	if (is_json) {
		put_clean(t, a.sid);
		put_clean(t, l->event);
	}
	put_clean(t, buf_as_span(&what));
	buf_free(&time);
	buf_free(&what);
}

static void
print(bool is_json)
{
	struct table t = {.columns = is_json ? columns : people,
	    .n_columns = is_json ? COUNT(columns) : COUNT(people)};
	qsort(trace.rows, trace.n_rows, sizeof *trace.rows, by_time);
	for (size_t i = 0; i < trace.n_rows; i++) {
		struct logline l;
		if (logline_parse(span_of(trace.rows[i].line), trace.now_sec, &l) ==
		    E_OK)
			put_row(&l, is_json, &t);
	}
	table_print(&t, is_json);
	table_free(&t);
}

static int
look(const char *id)
{
	struct pass p = {.wanted = span_of(id)};
	add_id(&trace.messages, p.wanted);
	add_id(&trace.sessions, p.wanted);
	int status = EX_OK, n = 0;
	do {
		p.has_more = false;
		status = each_line(learn_line, &p);
	} while (status == EX_OK && p.has_more && ++n < PASSES_MOST);
	return status == EX_OK ? each_line(keep_line, NULL) : status;
}

int
cmd_trace(struct merpati *c, int argc, char **argv)
{
	struct id id;
	int status = opts_read(c, NULL, 0, &argc, argv, 1, FILES_MOST);
	trace.now_sec = clock_wall_sec();
	if (status == EX_OK && id_parse(span_of(argv[0]), &id) != E_OK)
		status =
		    ctl_usage(c, "\"%s\" is no id of a message or session", argv[0]);
	if (status == EX_OK && argc == 1)
		status = add_own_log(c);
	for (int i = 1; i < argc && status == EX_OK; i++)
		status = add_source(argv[i], true);
	if (status == EX_OK)
		status = look(argv[0]);
	if (status == EX_OK && trace.n_rows == 0) {
		ctl_say("nothing is logged of %s", argv[0]);
		status = EX_DATAERR;
	} else if (status == EX_OK) {
		print(c->is_json);
	}
	for (size_t i = 0; i < trace.n_sources; i++)
		fclose(trace.sources[i].file);
	for (size_t i = 0; i < trace.n_rows; i++)
		mem_free(&trace.rows[i].line);
	mem_free(&trace.rows);
	return status == EX_OK ? ctl_done() : status;
}
