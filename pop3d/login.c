/* SPDX-License-Identifier: ISC */
/* login.c - what a client may say before it is known who it is. */
#include "pop3d/login.h"

#include <string.h>

#include "conf/conf.h"
#include "pop3d/capa.h"
#include "proc/child.h"

static void
refuse(struct front_conn *c, const char *text)
{
	front_say(c, "-ERR %s\r\n", text);
	front_error(c);
}

static void
say_capa(struct front_conn *c, struct span argument)
{
	struct buf mechanisms = {0};
	(void)argument;
	front_mechanisms(c, &mechanisms);
	const struct capa what = {.is_before_login = true,
	    .may_stls = front_may_tls(c),
	    .may_show = front_may_show(c),
	    .sasl = buf_as_span(&mechanisms)};
	capa_put(&c->out, the_child.conf, &what);
	buf_free(&mechanisms);
}

/* RFC 2595 4 */
static void
do_stls(struct front_conn *c, struct span argument)
{
	if (argument.n || !front_may_tls(c)) {
		refuse(c, argument.n ? "STLS takes no argument"
			  : c->tls   ? "TLS is on already"
				     : "no TLS here");
		return;
	}
	front_say(c, "+OK begin TLS\r\n");
	front_starttls(c);
}

static bool
refuses_plaintext(struct front_conn *c)
{
	if (front_may_show(c))
		return false;
	refuse(c, "[AUTH] not without TLS: STLS first"); /* RFC 2595 2.2 */
	return true;
}

static void
do_user(struct front_conn *c, struct span argument)
{
	if (refuses_plaintext(c))
		return;
	if (!front_is_user(argument)) {
		refuse(c, "USER takes a name");
		return;
	}
	buf_reset(&c->user);
	buf_span(&c->user, argument);
	/* whether there is such a user is not told */
	front_say(c, "+OK send PASS\r\n");
}

static void
do_pass(struct front_conn *c, struct span argument)
{
	if (refuses_plaintext(c))
		return;
	if (c->user.len == 0) {
		refuse(c, "USER first");
		return;
	}
	/* blanks are part of it: RFC 1939 7 */
	front_auth_plain(c, buf_as_span(&c->user), argument);
	buf_reset(&c->user);
}

static void
list_mechanisms(struct front_conn *c)
{
	struct buf list = {0};
	front_mechanisms(c, &list);
	front_say(c, "+OK\r\n");
	for (struct span rest = buf_as_span(&list); rest.n;) {
		struct span one = span_cut(&rest, ' ');
		front_say(c, "%.*s\r\n", SPAN_ARG(one));
	}
	front_say(c, ".\r\n");
	buf_free(&list);
}

/* RFC 5034 4: AUTH mechanism [initial-response]; without one, the list (RFC 1734's clients) */
static void
do_auth(struct front_conn *c, struct span argument)
{
	struct buf raw = {.max = AUTH_DATA_MAX};
	struct span mech = span_cut(&argument, ' '), initial;
	if (mech.n == 0) {
		list_mechanisms(c);
		return;
	}
	bool has_initial = argument.n > 0;
	if (has_initial && front_initial(argument, &raw, &initial) != E_OK)
		refuse(c, "the initial response is no base64");
	else
		front_auth(c, mech, has_initial ? &initial : NULL);
	buf_wipe(&raw);
}

static void
do_quit(struct front_conn *c, struct span argument)
{
	(void)argument;
	front_say(c, "+OK bye\r\n");
	front_end(c);
}

/* RFC 6856 2: from here on UTF-8 is understood, also in the heads of messages */
static void
do_utf8(struct front_conn *c, struct span argument)
{
	if (argument.n) {
		refuse(c, "UTF8 takes no argument");
		return;
	}
	c->is_utf8 = true;
	front_say(c, "+OK UTF8\r\n");
}

static void
do_lang(struct front_conn *c, struct span argument)
{
	lang_put(&c->out, argument);
}

/* clang-format off */
static const struct {
	const char *verb;
	void (*handler)(struct front_conn *, struct span argument);
} commands[] = {
	/* legal before the login: RFC 1939 4, RFC 2449 5, RFC 2595 4, RFC 5034 4, RFC 6856 2 and 3 */
	{"CAPA", say_capa},
	{"STLS", do_stls},
	{"USER", do_user},
	{"PASS", do_pass},
	{"AUTH", do_auth},
	{"UTF8", do_utf8},
	{"LANG", do_lang},
	{"QUIT", do_quit},
};

/* clang-format on */

static void
on_line(struct front_conn *c, struct span line)
{
	struct span argument = line, verb = span_cut(&argument, ' ');
	for (size_t i = 0; i < COUNT(commands); i++)
		if (span_ieqs(verb, commands[i].verb)) {
			commands[i].handler(c, argument);
			return;
		}
	refuse(c, "not before the login");
}

static void
greet(struct front_conn *c)
{
	front_say(c, "+OK %s POP3\r\n", conf_str(the_child.conf, "common", "hostname"));
}

static void
too_long(struct front_conn *c)
{
	refuse(c, "line too long");
}

static void
failed(struct front_conn *c, enum auth_status status)
{
	switch (status) {
	case AUTH_TEMP:
		front_say(c, "-ERR [SYS/TEMP] try again later\r\n"); /* RFC 3206 */
		break;
	case AUTH_SUSPENDED:
		front_say(c, "-ERR [AUTH] the account is suspended\r\n");
		break;
	case AUTH_NO_MECH:
		front_say(c, "-ERR no such mechanism, or not now\r\n");
		break;
	default:
		front_say(c, "-ERR [AUTH] wrong name or password\r\n");
	}
}

static void
cancelled(struct front_conn *c, bool by_client)
{
	/* RFC 5034 4 */
	front_say(
	    c, "-ERR %s\r\n", by_client ? "as you wish" : "the response is no base64");
}

static void
stopping(struct front_conn *c)
{
	front_say(c, "-ERR [SYS/TEMP] this server stops\r\n");
}

static void
crowded(struct front_conn *c)
{
	front_say(c, "-ERR [SYS/TEMP] too many connections\r\n");
}

static void
banned(struct front_conn *c)
{
	front_say(c, "-ERR [SYS/PERM] your network is banned for a time\r\n");
}

static void
too_soon(struct front_conn *c)
{
	/* RFC 2449 8.1.1 */
	front_say(c, "-ERR [LOGIN-DELAY] not so soon after the last login\r\n");
}

static void
too_many(struct front_conn *c)
{
	front_say(c, "-ERR [SYS/TEMP] too many sessions\r\n");
}

const struct dialect pop3_dialect = {.service = "pop",
    .implicit_tls = "listen_pop3s",
    .greet = greet,
    .line = on_line,
    .line_too_long = too_long,
    .challenge = front_challenge,
    .failed = failed,
    .cancelled = cancelled,
    .stopping = stopping,
    .crowded = crowded,
    .banned = banned,
    .too_soon = too_soon,
    .too_many = too_many};
