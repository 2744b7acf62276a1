/* SPDX-License-Identifier: ISC */
/* login.c - what a client may say before it is known who it is. */
#include "imapd/login.h"

#include <string.h>

#include "conf/conf.h"
#include "imapd/capability.h"
#include "imapd/language.h"
#include "imapd/parse.h"
#include "login/ticket.h"
#include "proc/child.h"

/* ---- words of the server ---- */

/* "TAG OK text"; "*" while no command has a tag */
static void
say(struct front_conn *c, const char *text)
{
	if (c->tag.len == 0)
		buf_ch(&c->tag, '*');
	buf_span(&c->out, buf_as_span(&c->tag));
	buf_putf(&c->out, " %s\r\n", text);
}

static void
refuse(struct front_conn *c, const char *text)
{
	say(c, text);
	front_error(c);
}

static void
put_capability(struct front_conn *c)
{
	struct buf mechanisms = {0};
	front_mechanisms(c, &mechanisms);
	capability_put_before(
	    &c->out, front_may_tls(c), front_may_show(c), buf_as_span(&mechanisms));
	buf_free(&mechanisms);
}

static void
greet(struct front_conn *c)
{
	buf_str(&c->out, "* OK [");
	put_capability(c);
	front_say(c, "] %s\r\n", conf_str(the_child.conf, "common", "hostname"));
}

static void
bye(struct front_conn *c, const char *why)
{
	front_say(c, "* BYE %s\r\n", why);
}

/* ---- commands ---- */

static void
do_capability(struct front_conn *c, struct parse *p)
{
	(void)p;
	buf_str(&c->out, "* ");
	put_capability(c);
	buf_str(&c->out, "\r\n");
	say(c, "OK CAPABILITY completed");
}

static void
do_noop(struct front_conn *c, struct parse *p)
{
	(void)p;
	say(c, "OK NOOP completed");
}

static void
do_logout(struct front_conn *c, struct parse *p)
{
	(void)p;
	bye(c, "see you");
	say(c, "OK LOGOUT completed");
	front_end(c);
}

/* RFC 2971: what the client says of itself is not kept */
static void
do_id(struct front_conn *c, struct parse *p)
{
	if (parse_id(p) != E_OK || parse_end(p) != E_OK) {
		refuse(c, "BAD ID takes NIL or a list");
		return;
	}
	id_put(&c->out);
	say(c, "OK ID completed");
}

/* RFC 5255 3.2 */
static void
do_language(struct front_conn *c, struct parse *p)
{
	switch (language_choose(p, &c->out)) {
	case E_OK:
		say(c, "OK LANGUAGE completed");
		break;
	case E_DENY:
		say(c, "NO that language is not spoken here");
		break;
	default:
		refuse(c, "BAD LANGUAGE takes languages");
	}
}

/* RFC 9051 6.2.1 */
static void
do_starttls(struct front_conn *c, struct parse *p)
{
	(void)p;
	if (!front_may_tls(c)) {
		refuse(c, c->tls ? "BAD TLS is on already" : "BAD no TLS here");
		return;
	}
	say(c, "OK begin TLS");
	front_starttls(c);
}

static bool
refuses_plaintext(struct front_conn *c)
{
	if (front_may_show(c))
		return false;
	/* RFC 5530 */
	refuse(c, "NO [PRIVACYREQUIRED] not without TLS: STARTTLS first");
	return true;
}

static void
do_login(struct front_conn *c, struct parse *p)
{
	struct span user, password;
	if (refuses_plaintext(c))
		return;
	if (parse_astring(p, &user) != E_OK || parse_sp(p) != E_OK ||
	    parse_astring(p, &password) != E_OK || parse_end(p) != E_OK)
		refuse(c, "BAD LOGIN takes a name and a password");
	else if (!front_is_user(user) || password.n > AUTH_DATA_MAX / 2)
		refuse(c, "NO [AUTHENTICATIONFAILED] wrong name or password");
	else
		front_auth_plain(c, user, password);
}

/* RFC 9051 6.2.2; with an initial response: RFC 4959 */
static void
do_authenticate(struct front_conn *c, struct parse *p)
{
	struct buf raw = {.max = AUTH_DATA_MAX};
	struct span mech, initial;
	if (parse_atom(p, &mech) != E_OK ||
	    (!parse_is_at_end(p) && parse_sp(p) != E_OK)) {
		refuse(c, "BAD AUTHENTICATE takes a mechanism");
		return;
	}
	bool has_initial = !parse_is_at_end(p);
	if (has_initial && front_initial(p->in, &raw, &initial) != E_OK)
		refuse(c, "BAD the initial response is no base64");
	else
		front_auth(c, mech, has_initial ? &initial : NULL);
	buf_wipe(&raw);
}

/* clang-format off */
static const struct command {
	const char *verb;
	enum { NONE, SOME, MAYBE } argument; /* MAYBE: its SP is left to the handler */
	void (*handler)(struct front_conn *, struct parse *);
} commands[] = {
	/* legal before the login: RFC 9051 6.1 and 6.2, RFC 2971, RFC 5255 3 */
	{"CAPABILITY",   NONE,  do_capability},
	{"NOOP",         NONE,  do_noop},
	{"LOGOUT",       NONE,  do_logout},
	{"ID",           SOME,  do_id},
	{"LANGUAGE",     MAYBE, do_language},
	{"STARTTLS",     NONE,  do_starttls},
	{"LOGIN",        SOME,  do_login},
	{"AUTHENTICATE", SOME,  do_authenticate},
};

/* clang-format on */

static void
run(struct front_conn *c, const struct command *row, struct parse *p)
{
	if (row->argument == SOME && parse_sp(p) != E_OK)
		refuse(c, "BAD an argument is missing");
	else if (row->argument == NONE && parse_end(p) != E_OK)
		refuse(c, "BAD no argument is needed");
	else
		row->handler(c, p);
}

static void
dispatch(struct front_conn *c, struct parse *p)
{
	struct span verb;
	if (parse_sp(p) != E_OK || parse_atom(p, &verb) != E_OK) {
		refuse(c, "BAD a command is missing");
		return;
	}
	for (size_t i = 0; i < COUNT(commands); i++)
		if (span_ieqs(verb, commands[i].verb)) {
			run(c, &commands[i], p);
			return;
		}
	refuse(c, "BAD not before the login");
}

/* ---- lines and literals ---- */

/* The tag goes to c->tag, where the reply, or the session's, finds it. */
static bool
take_tag(struct front_conn *c, struct parse *p)
{
	struct span tag;
	buf_reset(&c->tag);
	if (parse_tag(p, &tag) != E_OK || tag.n > LOGIN_TAG_MAX) {
		refuse(c, "BAD a command begins with a tag");
		return false;
	}
	buf_span(&c->tag, tag);
	return true;
}

static void
run_command(struct front_conn *c, struct span text)
{
	struct arena arena = {.max_bytes = 4 * (FRONT_LINE_MAX + FRONT_OCTETS_MAX)};
	struct parse p = {.in = text, .arena = &arena};
	if (take_tag(c, &p))
		dispatch(c, &p);
	arena_reset(&arena);
}

/*
 * A literal that is too long: "+" is not said; what a client sends without waiting for it would be
 * read as commands.
 */
static void
refuse_literal(struct front_conn *c, struct span text, bool is_plus)
{
	struct arena arena = {.max_bytes = 1};
	struct parse p = {.in = text, .arena = &arena};
	if (is_plus) {
		bye(c, "[TOOBIG] a literal is too long"); /* RFC 7888 4 */
		front_end(c);
	} else if (take_tag(c, &p)) {
		refuse(c, "BAD [TOOBIG] a literal is too long");
	}
}

/* A line that ends in a literal's announcement is continued behind its octets. */
static void
on_line(struct front_conn *c, struct span line)
{
	uint64_t n;
	bool is_plus;
	buf_span(&c->command, line);
	struct span text = buf_as_span(&c->command);
	if (parse_literal_at_end(line, &n, &is_plus)) {
		if (text.n < FRONT_OCTETS_MAX && n <= FRONT_OCTETS_MAX - text.n) {
			buf_str(&c->command, "\r\n");
			front_octets(c, (size_t)n);
			if (!is_plus)
				front_say(c, "+ go ahead\r\n");
			return;
		}
		refuse_literal(c, text, is_plus);
	} else {
		run_command(c, text);
	}
	buf_wipe(&c->command);
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
	buf_reset(&c->tag);
	refuse(c, "BAD a line is too long");
}

/* ---- what came of a login ---- */

static void
failed(struct front_conn *c, enum auth_status status)
{
	switch (status) { /* RFC 5530 3 */
	case AUTH_TEMP:
		say(c, "NO [UNAVAILABLE] try again later");
		break;
	case AUTH_SUSPENDED:
		say(c, "NO [CONTACTADMIN] the account is suspended");
		break;
	case AUTH_NO_MECH:
		say(c, "NO [CANNOT] no such mechanism, or not now");
		break;
	default:
		say(c, "NO [AUTHENTICATIONFAILED] wrong name or password");
	}
}

static void
cancelled(struct front_conn *c, bool by_client)
{
	say(c, by_client ? "BAD as you wish" : "BAD the response is no base64");
}

static void
stopping(struct front_conn *c)
{
	bye(c, "[UNAVAILABLE] this server stops");
}

static void
crowded(struct front_conn *c)
{
	bye(c, "[LIMIT] too many connections");
}

static void
banned(struct front_conn *c)
{
	bye(c, "[UNAVAILABLE] your network is banned for a time");
}

static void
too_soon(struct front_conn *c)
{
	say(c, "NO [LIMIT] not so soon after the last login");
}

static void
too_many(struct front_conn *c)
{
	say(c, "NO [LIMIT] too many sessions");
}

const struct dialect imap_dialect = {.service = "imap",
    .implicit_tls = "listen_imaps",
    .greet = greet,
    .line = on_line,
    .octets = on_octets,
    .line_too_long = too_long,
    .challenge = front_challenge,
    .failed = failed,
    .cancelled = cancelled,
    .stopping = stopping,
    .bye = bye,
    .crowded = crowded,
    .banned = banned,
    .too_soon = too_soon,
    .too_many = too_many};
