/* SPDX-License-Identifier: ISC */
/*
 * fuzz_managesieve.c - commands before a login and after it, on one script; the first byte says which, and how the
 * client came.  Each command has exactly one reply, of the form of RFC 5804 4, or asks auth once and is silent.
 * fuzz: tests/fuzz/front.c
 * fuzz: deliver/managesieve/login.c deliver/managesieve/command.c deliver/managesieve/cmd_put.c deliver/managesieve/cmd_scripts.c deliver/managesieve/cmd_session.c deliver/managesieve/capability.c deliver/managesieve/reply.c deliver/managesieve/syntax.c common/sieve/error.c common/sieve/ext.c common/sieve/limits.c common/sieve/script_name.c
 */
#include "base/log.h"
#include "deliver/managesieve/command.h"
#include "deliver/managesieve/login.h"
#include "deliver/managesieve/reply.h"
#include "deliver/programs.h"
#include "front.h"
#include "proc/child.h"
#include "sieve/check.h"

enum { BEFORE_LOGIN = 1, ANSWERS_AUTH = 4, INPUT_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct child the_child = {
    .daemon = "deliver", .control = -1, .account = "u1@example.test"};

/* ---- what is around it ---- */

void
front_response(struct front_conn *c, const struct span *base64)
{
	check(c->is_sasl && (!base64 || base64->n <= 2 * FRONT_LINE_MAX));
	c->is_sasl = false;
	managesieve_dialect.failed(c, AUTH_FAIL);
}

struct span
io_unread(const struct io *io)
{
	(void)io;
	return SPAN("");
}

int
serve_return(struct io *io, bool has_tls)
{
	(void)io, (void)has_tls;
	return E_OK;
}

void
programs_limits(const struct conf *conf, struct sieve_limits *out)
{
	(void)conf;
	*out = sieve_limits_default;
}

uint64_t
programs_exts(const struct conf *conf)
{
	(void)conf;
	return SIEVE_EXTS_ALL;
}

/* A script is wrong when it says so. */
int
sieve_compile(struct span script, const struct sieve_checking *want,
    struct sieve_errors *errors, struct sieve_program **out)
{
	errors->script = want->name;
	*out = NULL;
	if (span_search(script, SPAN("wrong")) < script.n)
		sieve_error(errors, 1, "%.*s", (int)(script.n < 400 ? script.n : 400),
		    script.p);
	if (span_search(script, SPAN("odd")) < script.n)
		sieve_warning(errors, 2, "odd");
	return errors->total ? E_BAD : E_OK;
}

void
sieve_program_free(struct sieve_program **p)
{
	check(!*p);
}

static const char the_script[] = "keep;\r\n# {5}\r\nOK\r\n";

int
sieve_scripts_list(const struct sieve_scripts *s, struct sieve_script_list *out)
{
	static struct sieve_script_row rows[] = {
	    {{"a\"b", 3}, true}, {{"c\\d", 3}, false}, {{"e", 1}, false}};
	(void)s;
	*out = (struct sieve_script_list){.rows = rows, .n = COUNT(rows)};
	return E_OK;
}

int
sieve_scripts_read(const struct sieve_scripts *s, struct span name, struct buf *out)
{
	(void)s;
	buf_str(out, the_script);
	return span_eqs(name, "e") ? E_OK : E_MORE;
}

int
sieve_scripts_room(const struct sieve_scripts *s, struct span name, uint64_t bytes,
    enum sieve_quota *what)
{
	*what = bytes & 1 ? SIEVE_QUOTA_SCRIPTS : SIEVE_QUOTA_SIZE;
	(void)s;
	return !sieve_name_valid(name) ? E_BAD : bytes > 100 ? E_LIMIT : E_OK;
}

int
sieve_scripts_put(
    struct sieve_scripts *s, struct span name, struct span text, enum sieve_quota *what)
{
	check(text.n > 0);
	return sieve_scripts_room(s, name, text.n, what);
}

int
sieve_scripts_delete(struct sieve_scripts *s, struct span name)
{
	(void)s;
	return span_eqs(name, "e") ? E_DENY : E_MORE;
}

int
sieve_scripts_rename(struct sieve_scripts *s, struct span from, struct span to)
{
	(void)s;
	return sieve_name_valid(to) ? span_eqs(from, "e") ? E_OK : E_IO : E_BAD;
}

int
sieve_scripts_activate(struct sieve_scripts *s, struct span name)
{
	(void)s;
	return span_eqs(name, "e") || name.n == 0 ? E_OK : E_MORE;
}

/* ---- what must hold ---- */

/* Takes a string, as a client reads it. */
static bool
take_string(struct span *in)
{
	size_t i = 1;
	if (span_take(in, '{')) {
		uint64_t n;
		check(span_u64(span_cut(in, '}'), UINT32_MAX, &n) == E_OK);
		check(span_take(in, '\r') && span_take(in, '\n') && in->n >= n);
		*in = span_from(*in, (size_t)n);
		return true;
	}
	if (in->n == 0 || in->p[0] != '"')
		return false;
	for (; i < in->n && in->p[i] != '"'; i++) {
		check(in->p[i] != '\r' && in->p[i] != '\n');
		i += in->p[i] == '\\';
	}
	check(i < in->n && i <= SYNTAX_QUOTED_MAX + 1);
	*in = span_from(*in, i + 1);
	return true;
}

static void
take_crlf(struct span *in)
{
	check(span_take(in, '\r') && span_take(in, '\n'));
}

static bool
take_verdict(struct span *in)
{
	static const char *const words[] = {"OK", "NO", "BYE"};
	for (size_t i = 0; i < COUNT(words); i++)
		if (span_starts(*in, span_of(words[i]))) {
			*in = span_from(*in, span_of(words[i]).n);
			return true;
		}
	return false;
}

/* Behind its verdict: a code that may have a string, a text. */
static void
check_verdict(struct span *in)
{
	if (span_starts(*in, SPAN(" ("))) {
		*in = span_from(*in, 2);
		while (in->n && in->p[0] != ')')
			if (!take_string(in))
				*in = span_from(*in, 1);
		check(span_take(in, ')'));
	}
	if (span_take(in, ' '))
		check(take_string(in));
	take_crlf(in);
}

/* Lines of strings, one verdict, and no more but BYE. */
static void
check_reply(struct span reply)
{
	while (!take_verdict(&reply)) {
		check(take_string(&reply));
		if (span_take(&reply, ' '))
			check(
			    take_string(&reply) || span_starts(reply, SPAN("ACTIVE")));
		if (span_starts(reply, SPAN("ACTIVE")))
			reply = span_from(reply, 6);
		take_crlf(&reply);
	}
	check_verdict(&reply);
	if (reply.n) {
		check(span_starts(reply, SPAN("BYE")) && take_verdict(&reply));
		check_verdict(&reply);
	}
	check(reply.n == 0);
}

/* A string is read as it was put. */
static void
check_strings(const struct syntax_command *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct arena arena = {.max_bytes = 2 * INPUT_MAX};
		struct buf put = {0}, plus = {0};
		struct span again;
		if (c->arguments[i].kind != SYNTAX_STRING)
			continue;
		syntax_put_string(&put, c->arguments[i].text);
		struct span s = buf_as_span(&put), rest = s;
		check(take_string(&rest) && rest.n == 0);
		/* a literal of ours has no plus */
		size_t at = s.p[0] == '{' ? span_find(s, '}') : 0;
		buf_span(&plus, span_head(s, at));
		buf_str(&plus, at ? "+" : "");
		buf_span(&plus, span_from(s, at));
		check(syntax_string(buf_as_span(&plus), &arena, &again) == E_OK &&
		      span_eq(again, c->arguments[i].text));
		buf_free(&put);
		buf_free(&plus);
		arena_reset(&arena);
	}
}

/* As session.c gathers it. */
static bool
next_command(struct span *in, struct buf *out)
{
	buf_reset(out);
	for (;;) {
		uint64_t n;
		struct span line = span_cut(in, '\n');
		enum syntax_tail tail = syntax_tail(line, &n);
		buf_span(out, line);
		if (tail == SYNTAX_ENDS)
			return true;
		if (tail == SYNTAX_WAITS || n > in->n)
			return false;
		buf_str(out, "\r\n");
		buf_span(out, span_head(*in, (size_t)n));
		*in = span_from(*in, (size_t)n);
	}
}

static void
after_login(struct span in)
{
	struct session s = {.arena = {.max_bytes = 2 * MANAGE_COMMAND_MAX},
	    .may_return = true,
	    .mechanisms = SPAN("SCRAM-SHA-256 PLAIN")};
	struct syntax_command c;
	while (in.n && !s.is_over && next_command(&in, &s.text)) {
		buf_reset(&s.io.out);
		command_run(&s, buf_as_span(&s.text));
		check_reply(buf_as_span(&s.io.out));
		if (syntax_command(buf_as_span(&s.text), &s.arena, &c) == E_OK)
			check_strings(&c);
		arena_reset(&s.arena);
	}
	buf_free(&s.io.out);
	buf_free(&s.text);
}

static void
before_login(uint8_t how, struct span in)
{
	struct front_conn c = front_client(how);
	while (in.n && c.state == FRONT_TALK) {
		buf_reset(&c.out);
		n_asked = 0;
		if (c.n_octets_wanted) {
			struct span octets = span_head(in, c.n_octets_wanted);
			if (octets.n < c.n_octets_wanted)
				break;
			in = span_from(in, octets.n);
			c.n_octets_wanted = 0;
			managesieve_dialect.octets(&c, octets);
			continue;
		}
		struct span line = span_cut(&in, '\n');
		if (c.is_sasl)
			managesieve_dialect.response(&c, line);
		else
			managesieve_dialect.line(&c, line);
		if (c.n_octets_wanted || c.command.len)
			continue; /* a literal, maybe an empty one: more comes */
		check(n_asked == (c.out.len == 0));
		if (!n_asked)
			check_reply(buf_as_span(&c.out));
		if (c.state == FRONT_ASKING && how & ANSWERS_AUTH) {
			c.state = FRONT_TALK;
			c.is_sasl = true;
		}
	}
	front_client_free(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n < 1 || n > INPUT_MAX)
		return 0;
	log_level(LOG_EMERG);
	struct span in = span_make(p + 1, n - 1);
	if (p[0] & BEFORE_LOGIN)
		before_login(p[0], in);
	else
		after_login(in);
	return 0;
}
