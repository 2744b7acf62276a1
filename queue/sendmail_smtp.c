/* SPDX-License-Identifier: ISC */
/*
 * sendmail_smtp.c - -bs: SMTP (RFC 5321) on standard input and output, for one who has no port and
 * no password.  No STARTTLS and no AUTH: at the other end is the caller.  What it says 250 to lies
 * in spool/drop/, on stable storage.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "queue/dropfile.h"
#include "queue/sendmail.h"
#include "spool/dsn.h"

enum {
	/* octets of a command with its end: RFC 5321 4.5.3.1.4, and what extensions add */
	LINE_MOST = 4096,
	BAD_COMMANDS_MOST = 20,
};

struct smtp {
	struct sendmail *s; /* borrow */
	struct span line;   /* borrow: of text */
	/* own: what fits of a line; none is longer than a message may be */
	struct buf text;
	bool has_helo, has_mail, is_over;
	struct rcpt *rcpts; /* own: ENVELOPE_RCPTS_MAX */
	size_t n;
	unsigned n_bad;
};

static void
reply(const char *text)
{
	printf("%s\r\n", text);
	fflush(stdout);
}

static void
bad(struct smtp *t, const char *text)
{
	reply(text);
	t->is_over = ++t->n_bad > BAD_COMMANDS_MOST;
}

/* A line without its end, CRLF or LF: programs that write to a pipe know only the latter. */
static bool
read_line(struct smtp *t)
{
	int c;
	buf_reset(&t->text);
	t->text.max = t->s->size_most;
	while ((c = getc_unlocked(stdin)) != EOF && c != '\n')
		buf_ch(&t->text,
		    (char)
			c); /* past its most it keeps the failure, and the rest is read and dropped */
	t->line = buf_as_span(&t->text);
	if (span_ends(t->line, SPAN("\r")))
		t->line.n--;
	return c != EOF || t->text.len;
}

static void
forget(struct smtp *t)
{
	t->has_mail = false;
	t->n = 0;
	t->s->flags = 0;
	t->s->ret = 0;
	buf_reset(&t->s->envid);
	arena_reset(&t->s->arena);
}

/* ---- MAIL and RCPT: RFC 5321 4.1.1.2, 4.1.1.3; parameters of RFC 1870, 6152, 6531, 3461 ---- */

/* "FROM:<path>" and what follows.  False: that is no path. */
static bool
read_path(struct span *in, const char *word, struct span *path)
{
	struct span s = span_trim(*in);
	size_t n = strlen(word);
	if (!span_ieqs(span_head(s, n), word))
		return false;
	s = span_trim(span_from(s, n));
	size_t end = span_find(s, '>');
	if (s.n == 0 || s.p[0] != '<' || end == s.n)
		return false;
	*path = span_from(span_head(s, end), 1);
	*in = span_trim(span_from(s, end + 1));
	return true;
}

/* An address with its domain, in the arena.  Bare local parts are ours. */
static bool
take_address(struct smtp *t, struct span path, struct span *out)
{
	struct buf b = {.max = ENVELOPE_PATH_MAX};
	buf_span(&b, path);
	if (path.n && span_rfind(path, '@') == path.n) {
		buf_ch(&b, '@');
		buf_span(&b, t->s->letter.origin);
	}
	bool is_good = buf_done(&b) == E_OK &&
	               (b.len == 0 || drop_address_is_sound(buf_as_span(&b)));
	*out = is_good ? arena_span(&t->s->arena, buf_as_span(&b)) : SPAN("");
	buf_free(&b);
	return is_good;
}

static const char *
mail_param(struct smtp *t, struct span name, struct span value)
{
	struct sendmail *s = t->s;
	uint64_t size;
	if (span_ieqs(name, "SIZE")) {
		int err = span_u64(value, s->size_most, &size);
		if (err == E_BAD)
			return "501 5.5.4 SIZE is a number";
		return err == E_LIMIT ? "552 5.3.4 that is more than a message may have"
		                      : NULL;
	}
	if (span_ieqs(name, "BODY")) {
		if (span_ieqs(value, "8BITMIME"))
			s->flags |= ENV_8BITMIME;
		else if (!span_ieqs(value, "7BIT"))
			return "501 5.5.4 BODY is 7BIT or 8BITMIME";
		return NULL;
	}
	if (span_ieqs(name, "SMTPUTF8") && value.n == 0) {
		s->flags |= ENV_SMTPUTF8;
		return NULL;
	}
	if (span_ieqs(name, "RET"))
		return ret_parse(value, &s->ret) == E_OK
		           ? NULL
		           : "501 5.5.4 RET is FULL or HDRS";
	if (span_ieqs(name, "ENVID")) {
		buf_reset(&s->envid);
		buf_span(&s->envid, value);
		return envid_check(value) == E_OK ? NULL : "501 5.5.4 that is no ENVID";
	}
	return "555 5.5.4 that parameter is not known";
}

static const char *
rcpt_param(struct smtp *t, struct span name, struct span value, struct rcpt *out)
{
	if (span_ieqs(name, "NOTIFY"))
		return notify_parse(value, &out->notify) == E_OK
		           ? NULL
		           : "501 5.5.4 that is no NOTIFY";
	if (span_ieqs(name, "ORCPT")) {
		out->orcpt = arena_span(&t->s->arena, value);
		return orcpt_check(value, t->s->flags & ENV_SMTPUTF8) == E_OK
		           ? NULL
		           : "501 5.5.4 that is no ORCPT";
	}
	return "555 5.5.4 that parameter is not known";
}

/* Each parameter behind a path; NULL, or the reply. */
static const char *
read_params(struct smtp *t, struct span params, struct rcpt *rcpt)
{
	const char *fault = NULL;
	while (params.n && !fault) {
		struct span value = span_cut(&params, ' ');
		struct span name = span_cut(&value, '=');
		if (name.n)
			fault = rcpt ? rcpt_param(t, name, value, rcpt)
			             : mail_param(t, name, value);
	}
	return fault;
}

static void
cmd_mail(struct smtp *t, struct span arg)
{
	struct span path;
	if (!t->has_helo || t->has_mail) {
		bad(t, t->has_mail ? "503 5.5.1 one MAIL at a time"
				   : "503 5.5.1 HELO first");
		return;
	}
	forget(t);
	bool is_path = read_path(&arg, "FROM:", &path);
	const char *fault = is_path ? read_params(t, arg, NULL)
	                            : "501 5.5.4 right would be MAIL FROM:<address>";
	if (!fault && (!take_address(t, path, &t->s->sender) ||
			  (!span_is_ascii(path) && !(t->s->flags & ENV_SMTPUTF8))))
		fault = "553 5.1.7 that is no address";
	if (fault) {
		forget(t);
		bad(t, fault);
		return;
	}
	t->has_mail = true;
	reply("250 2.1.0 OK");
}

static void
cmd_rcpt(struct smtp *t, struct span arg)
{
	struct rcpt r = {.notify = 0};
	struct span path;
	const char *fault = NULL;
	if (!t->has_mail)
		fault = "503 5.5.1 MAIL first";
	else if (!read_path(&arg, "TO:", &path))
		fault = "501 5.5.4 right would be RCPT TO:<address>";
	else if (t->n == ENVELOPE_RCPTS_MAX)
		fault = "452 4.5.3 too many recipients";
	else
		fault = read_params(t, arg, &r);
	if (!fault && (path.n == 0 || !take_address(t, path, &r.address) ||
			  (!span_is_ascii(path) && !(t->s->flags & ENV_SMTPUTF8))))
		fault = "553 5.1.3 that is no address";
	if (fault) {
		bad(t, fault);
		return;
	}
	t->rcpts[t->n++] = r;
	reply("250 2.1.5 OK");
}

/* ---- DATA ---- */

/*
 * Lines up to the dot, with the dots that were put in front of others taken off: RFC 5321 4.5.2.
 * False: input ended.
 */
static bool
read_text(struct smtp *t, struct buf *out)
{
	while (read_line(t)) {
		struct span line = t->line;
		if (span_eqs(line, "."))
			return true;
		if (line.n && line.p[0] == '.')
			line = span_from(line, 1);
		if (buf_done(&t->text) != E_OK)
			out->err = E_LIMIT; /* of the line a part is missing */
		buf_span(out, line);
		buf_str(out, "\n");
	}
	return false;
}

static const char *
take_message(struct smtp *t, const struct buf *text)
{
	static struct letter_rcpts none; /* recipients are those of RCPT */
	struct sendmail *s = t->s;
	struct buf message = {.max = s->size_most};
	struct drop_scan scan = {0};
	const char *answer = "250 2.0.0 taken";
	none.arena = &s->arena;
	s->letter.id = id_new();
	s->letter.now_sec = clock_wall_sec();
	if (s->sender.n)
		s->letter.from = s->sender;
	int err = buf_done(text) == E_OK
	              ? letter_make(&s->letter, buf_as_span(text), &none, &message)
	              : E_LIMIT;
	drop_scan_feed(&scan, buf_as_span(&message));
	if (err != E_OK)
		answer = "552 5.3.4 the message is too large";
	else if (drop_scan_end(&scan) != E_OK)
		answer = "554 5.4.6 too many hops";
	else if (sendmail_put(s, buf_as_span(&message), t->rcpts, t->n) != EX_OK)
		answer = "451 4.3.0 not now; try again later";
	buf_free(&message);
	return answer;
}

static void
cmd_data(struct smtp *t, struct span arg)
{
	struct buf text = {.max = t->s->size_most};
	if (arg.n || !t->has_mail || t->n == 0) {
		bad(t, arg.n         ? "501 5.5.4 DATA has no argument"
		       : t->has_mail ? "554 5.5.1 no recipients"
				     : "503 5.5.1 MAIL first");
		return;
	}
	reply("354 go on, and end with a dot");
	if (read_text(t, &text))
		reply(take_message(t, &text));
	else
		t->is_over = true; /* half a message is none */
	buf_free(&text);
	forget(t);
}

/* ---- the others ---- */

static void
cmd_ehlo(struct smtp *t, struct span arg)
{
	(void)arg;
	forget(t);
	t->has_helo = true;
	printf("250-%.*s\r\n250-PIPELINING\r\n250-SIZE "
	       "%llu\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250 "
	       "ENHANCEDSTATUSCODES\r\n",
	    SPAN_ARG(t->s->letter.hostname), (unsigned long long)t->s->size_most);
	fflush(stdout);
}

static void
cmd_helo(struct smtp *t, struct span arg)
{
	(void)arg;
	forget(t);
	t->has_helo = true;
	printf("250 %.*s\r\n", SPAN_ARG(t->s->letter.hostname));
	fflush(stdout);
}

static void
cmd_rset(struct smtp *t, struct span arg)
{
	(void)arg;
	forget(t);
	reply("250 2.0.0 OK");
}

static void
cmd_noop(struct smtp *t, struct span arg)
{
	(void)t, (void)arg;
	reply("250 2.0.0 OK");
}

static void
cmd_vrfy(struct smtp *t, struct span arg)
{
	(void)t, (void)arg;
	reply("252 2.1.5 send it, and it will be seen");
}

static void
cmd_quit(struct smtp *t, struct span arg)
{
	(void)arg;
	reply("221 2.0.0 bye");
	t->is_over = true;
}

static const struct {
	const char *verb;
	void (*fn)(struct smtp *, struct span arg);
} commands[] = {{"EHLO", cmd_ehlo}, {"HELO", cmd_helo}, {"MAIL", cmd_mail},
    {"RCPT", cmd_rcpt}, {"DATA", cmd_data}, {"RSET", cmd_rset}, {"NOOP", cmd_noop},
    {"VRFY", cmd_vrfy}, {"QUIT", cmd_quit}};

static void
command(struct smtp *t)
{
	struct span arg = t->line, verb = span_cut(&arg, ' ');
	if (t->line.n > LINE_MOST || buf_done(&t->text) != E_OK) {
		bad(t, "500 5.5.2 the line is too long");
		return;
	}
	for (size_t i = 0; i < COUNT(commands); i++)
		if (span_ieqs(verb, commands[i].verb)) {
			commands[i].fn(t, span_trim(arg));
			return;
		}
	bad(t, "500 5.5.1 that command is not known");
}

int
sendmail_smtp(struct sendmail *s)
{
	/* addresses go with each transaction, and these two must not */
	struct buf from = {0}, name = {0};
	struct smtp t = {
	    .s = s, .rcpts = mem_new(ENVELOPE_RCPTS_MAX * sizeof(struct rcpt))};
	buf_span(&from, s->letter.from);
	buf_span(&name, s->letter.name);
	s->letter.name = buf_as_span(&name);
	s->letter.takes_rcpts = false;
	printf("220 %.*s ESMTP merpati\r\n", SPAN_ARG(s->letter.hostname));
	fflush(stdout);
	while (!t.is_over) {
		s->letter.from = buf_as_span(&from);
		if (!read_line(&t))
			break;
		command(&t);
	}
	if (t.n_bad > BAD_COMMANDS_MOST)
		reply("421 4.7.0 too many bad commands");
	buf_free(&t.text);
	mem_free(&t.rcpts);
	buf_free(&from);
	buf_free(&name);
	return ferror(stdout) || ferror(stdin) ? EX_IOERR : EX_OK;
}
