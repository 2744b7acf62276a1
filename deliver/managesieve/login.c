/* SPDX-License-Identifier: ISC */
/* login.c - what a client may say before it is known who it is. */
#include "deliver/managesieve/login.h"

#include "deliver/managesieve/capability.h"
#include "deliver/managesieve/reply.h"
#include "deliver/managesieve/syntax.h"
#include "deliver/programs.h"
#include "proc/child.h"

/* ---- words of the server ---- */

static void
say(struct front_conn *c, const char *verdict, const char *code, const char *text)
{
	reply_put(&c->out, verdict, code, span_of(text));
}

static void
refuse(struct front_conn *c, const char *code, const char *text)
{
	say(c, "NO", code, text);
	front_error(c);
}

static void
bye(struct front_conn *c, const char *why)
{
	say(c, "BYE", NULL, why);
}

/* RFC 5804 1.7: at the beginning, behind STARTTLS, and when asked */
static void
greet(struct front_conn *c)
{
	struct buf mechanisms = {0};
	struct sieve_limits limits;
	programs_limits(the_child.conf, &limits);
	front_mechanisms(c, &mechanisms);
	const struct capability what = {.may_return = true,
	    .may_tls = front_may_tls(c),
	    .sasl = buf_as_span(&mechanisms),
	    .exts = programs_exts(the_child.conf),
	    .redirects = limits.redirects};
	capability_put(&c->out, &what);
	say(c, "OK", NULL, "");
	buf_free(&mechanisms);
}

/* ---- commands ---- */

static void
do_capability(struct front_conn *c, const struct syntax_command *command)
{
	(void)command;
	greet(c);
}

/* 2.13 */
static void
do_noop(struct front_conn *c, const struct syntax_command *command)
{
	if (command->n)
		reply_put_with(&c->out, "OK", "TAG", command->arguments[0].text,
		    SPAN("NOOP completed"));
	else
		say(c, "OK", NULL, "NOOP completed");
}

static void
do_logout(struct front_conn *c, const struct syntax_command *command)
{
	(void)command;
	say(c, "OK", NULL, "see you");
	front_end(c);
}

/* 2.2 */
static void
do_starttls(struct front_conn *c, const struct syntax_command *command)
{
	(void)command;
	if (!front_may_tls(c)) {
		refuse(c, NULL, c->tls ? "TLS is on already" : "no TLS here");
		return;
	}
	say(c, "OK", NULL, "begin TLS");
	front_starttls(c);
}

/* 2.1: an empty initial response is an empty string */
static void
do_authenticate(struct front_conn *c, const struct syntax_command *command)
{
	struct buf raw = {.max = AUTH_DATA_MAX};
	bool has_initial = command->n > 1;
	buf_reset(&c->tag);
	if (command->arguments[0].text.n == 0) {
		refuse(c, NULL, "a mechanism has a name");
	} else if (has_initial &&
		   base64_decode(command->arguments[1].text, &raw) != E_OK) {
		refuse(c, NULL, "the initial response is no base64");
	} else {
		struct span initial = buf_as_span(&raw);
		front_auth(
		    c, command->arguments[0].text, has_initial ? &initial : NULL);
	}
	buf_wipe(&raw);
}

/* clang-format off */
static const struct {
	const char *verb;
	unsigned least, most; /* arguments, strings all of them */
	void (*handler)(struct front_conn *, const struct syntax_command *);
} commands[] = {
	/* legal before the login: RFC 5804 2 */
	{"CAPABILITY",   0, 0, do_capability},
	{"NOOP",         0, 1, do_noop},
	{"LOGOUT",       0, 0, do_logout},
	{"STARTTLS",     0, 0, do_starttls},
	{"AUTHENTICATE", 1, 2, do_authenticate},
};

/* clang-format on */

static void
dispatch(struct front_conn *c, const struct syntax_command *command)
{
	size_t i = 0, n_strings = 0;
	while (i < COUNT(commands) && !span_ieqs(command->verb, commands[i].verb))
		i++;
	if (i == COUNT(commands)) {
		refuse(c, NULL, "not before the login");
		return;
	}
	for (size_t k = 0; k < command->n; k++)
		n_strings += command->arguments[k].kind == SYNTAX_STRING;
	if (n_strings < command->n || command->n < commands[i].least ||
	    command->n > commands[i].most)
		refuse(c, NULL, "these are not its arguments");
	else
		commands[i].handler(c, command);
}

/* ---- lines and literals ---- */

static void
run_command(struct front_conn *c, struct span text, struct arena *arena)
{
	struct syntax_command command;
	if (syntax_command(text, arena, &command) == E_OK)
		dispatch(c, &command);
	else
		refuse(c, NULL, "this is no command");
}

static void
run_response(struct front_conn *c, struct span text, struct arena *arena)
{
	struct span base64;
	bool is_string = syntax_string(text, arena, &base64) == E_OK;
	front_response(c, is_string ? &base64 : NULL);
}

/* What would follow a literal that cannot be taken would be read as commands. */
static void
end_literal(struct front_conn *c, const char *why)
{
	buf_wipe(&c->command);
	bye(c, why);
	front_end(c);
}

/* Of a command, or of a response within AUTHENTICATE: strings in both may be literals. */
static void
on_line(struct front_conn *c, struct span line)
{
	struct arena arena = {.max_bytes = 2 * (FRONT_LINE_MAX + FRONT_OCTETS_MAX)};
	uint64_t n;
	enum syntax_tail tail = syntax_tail(line, &n);
	buf_span(&c->command, line);
	struct span text = buf_as_span(&c->command);
	if (tail == SYNTAX_WAITS) {
		end_literal(c, "a literal of a client has a +");
		return;
	}
	if (tail == SYNTAX_LITERAL) {
		if (text.n > FRONT_OCTETS_MAX || n > FRONT_OCTETS_MAX - text.n) {
			end_literal(c, "a literal is too long");
			return;
		}
		buf_str(&c->command, "\r\n");
		front_octets(c, (size_t)n);
		return;
	}
	if (c->is_sasl)
		run_response(c, text, &arena);
	else
		run_command(c, text, &arena);
	buf_wipe(&c->command);
	arena_reset(&arena);
}

static void
on_octets(struct front_conn *c, struct span octets)
{
	buf_span(&c->command, octets);
}

static void
too_long(struct front_conn *c)
{
	buf_wipe(&c->command);
	refuse(c, NULL, "a line is too long");
}

/* ---- what came of a login ---- */

static void
challenge(struct front_conn *c, struct span raw)
{
	struct buf base64 = {0};
	buf_base64(&base64, raw);
	syntax_put_string(&c->out, buf_as_span(&base64));
	buf_str(&c->out, "\r\n");
	buf_wipe(&base64);
}

/* For the session's OK: it is "(SASL ...)" there. */
static void
success(struct front_conn *c, struct span raw)
{
	buf_reset(&c->tag);
	buf_base64(&c->tag, raw);
}

static void
failed(struct front_conn *c, enum auth_status status)
{
	switch (status) {
	case AUTH_TEMP:
		say(c, "NO", "TRYLATER", "try again later");
		break;
	case AUTH_SUSPENDED:
		say(c, "NO", NULL, "the account is suspended");
		break;
	case AUTH_NO_MECH:
		/* the same for all accounts: nothing is told by it (RFC 5804 5) */
		if (front_may_tls(c))
			say(c, "NO", "ENCRYPT-NEEDED",
			    "no such mechanism, or not before STARTTLS");
		else
			say(c, "NO", NULL, "no such mechanism");
		break;
	default:
		say(c, "NO", NULL, "wrong name or password");
	}
}

static void
cancelled(struct front_conn *c, bool by_client)
{
	say(c, "NO", NULL,
	    by_client ? "as you wish" : "the response is no string of base64");
}

static void
stopping(struct front_conn *c)
{
	say(c, "BYE", "TRYLATER", "this server stops");
}

static void
crowded(struct front_conn *c)
{
	say(c, "BYE", "TRYLATER", "too many connections");
}

static void
banned(struct front_conn *c)
{
	say(c, "BYE", NULL, "your network is banned for a time");
}

static void
too_soon(struct front_conn *c)
{
	say(c, "BYE", "TRYLATER", "not so soon after the last login");
}

static void
too_many(struct front_conn *c)
{
	say(c, "BYE", "TRYLATER", "too many sessions");
}

const struct dialect managesieve_dialect = {.service = "sieve",
    .greets_in_tls = true,
    .greet = greet,
    .line = on_line,
    .response = on_line,
    .octets = on_octets,
    .line_too_long = too_long,
    .challenge = challenge,
    .success = success,
    .failed = failed,
    .cancelled = cancelled,
    .stopping = stopping,
    .bye = bye,
    .crowded = crowded,
    .banned = banned,
    .too_soon = too_soon,
    .too_many = too_many};
