/* SPDX-License-Identifier: ISC */
/* command.c - which command is legal when, for whom, with what argument. */
#include "smtpd/command.h"

#include "base/log.h"
#include "metrics/metric.h"
#include "smtpd/pace.h"
#include "tls/server.h"

enum gate {
	G_TLS =
	    1, /* on submission: not before TLS (or on loopback, where that is allowed) */
	G_AUTH = 2,      /* on submission: not before AUTH */
	G_UNCOUNTED = 4, /* no step towards commands_most: has a limit of its own */
	G_LAST = 16, /* nothing may be sent behind it before its reply: RFC 2920 3.1 */
	G_SMTP = 32, /* not with LMTP: RFC 2033 4.1 */
	G_LMTP = 64, /* only there */
	G_SAY =
	    8, /* a refusal logs the argument: not of those whose handler reads more (it is gone then) */
};

enum argument { ARG_NONE, ARG_SOME, ARG_ANY };

struct command {
	const char *verb;
	unsigned phases; /* enum phase */
	unsigned gates;
	enum argument argument;
	command_fn *handler;
	command_fn *
	    refused; /* called when a gate is shut, instead of its reply going out at once; or NULL */
	const char *syntax;
};

/* clang-format off */
static const struct command commands[] = {
	/* verb       legal in             subject to                        argument  handler       refused, syntax */
	{ "HELO",     PH_ANY & ~PH_CHUNKS, G_LAST | G_SMTP | G_SAY,          ARG_SOME, cmd_helo,     NULL, "HELO hostname" },
	{ "EHLO",     PH_ANY & ~PH_CHUNKS, G_LAST | G_SMTP | G_SAY,          ARG_SOME, cmd_ehlo,     NULL, "EHLO hostname" },
	{ "LHLO",     PH_ANY & ~PH_CHUNKS, G_LAST | G_LMTP | G_SAY,          ARG_SOME, cmd_lhlo,     NULL, "LHLO hostname" },
	{ "MAIL",     PH_READY,            G_TLS | G_AUTH | G_SAY,           ARG_SOME, cmd_mail,     NULL, "MAIL FROM:<address>" },
	{ "RCPT",     PH_MAIL | PH_RCPT,   G_TLS | G_AUTH | G_UNCOUNTED | G_SAY, ARG_SOME, cmd_rcpt, NULL, "RCPT TO:<address>" },
	{ "DATA",     PH_RCPT,             G_TLS | G_AUTH | G_LAST,          ARG_NONE, cmd_data,     NULL, "DATA" },
	{ "BDAT",     PH_RCPT | PH_CHUNKS, G_TLS | G_AUTH | G_UNCOUNTED,     ARG_SOME, cmd_bdat, cmd_bdat_refused, "BDAT octets [LAST]" },
	{ "BURL",     PH_RCPT | PH_CHUNKS, G_TLS | G_AUTH | G_UNCOUNTED,     ARG_SOME, cmd_burl,     NULL, "BURL URL [LAST]" },
	{ "RSET",     PH_ANY,              0,                                ARG_NONE, cmd_rset,     NULL, "RSET" },
	{ "NOOP",     PH_ANY,              G_LAST,                           ARG_ANY,  cmd_noop,     NULL, "NOOP" },
	{ "QUIT",     PH_ANY,              0,                                ARG_NONE, cmd_quit,     NULL, "QUIT" },
	{ "HELP",     PH_ANY,              0,                                ARG_ANY,  cmd_help,     NULL, "HELP" },
	{ "VRFY",     PH_ANY & ~PH_CHUNKS, G_TLS | G_AUTH | G_LAST | G_SAY,  ARG_SOME, cmd_vrfy,     NULL, "VRFY address" },
	{ "STARTTLS", PH_READY,            G_LAST,                           ARG_NONE, cmd_starttls, NULL, "STARTTLS" },
	{ "AUTH",     PH_READY,            G_LAST,                           ARG_SOME, cmd_auth,     NULL, "AUTH mechanism [initial-response]" },
	{ "ETRN",     PH_READY,            G_TLS | G_AUTH | G_LAST | G_SMTP | G_SAY, ARG_SOME, cmd_etrn, NULL, "ETRN domain" },
	{ "XCLIENT",  PH_GREETED | PH_READY, G_LAST | G_SAY,                 ARG_SOME, cmd_xclient,  NULL, "XCLIENT attribute=xtext ..." },
	{ "XFORWARD", PH_READY,            G_LAST | G_SAY,                   ARG_SOME, cmd_xforward, NULL, "XFORWARD attribute=xtext ..." },
};

/* clang-format on */
_Static_assert(COUNT(commands) + 1 == METRIC_SMTP_VERBS,
    "a row of common/metrics/table.c for each, in the same order");

int
command_split(struct span line, struct command_line *out)
{
	size_t n = 0;
	while (n < line.n && ch_alpha(line.p[n]))
		n++;
	if (n == 0 || (n < line.n && !ch_space(line.p[n])))
		return E_BAD;
	out->verb = span_head(line, n);
	out->argument = span_trim(span_from(line, n));
	return E_OK;
}

static const struct command *
command_find(struct span verb)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		if (span_ieqs(verb, commands[i].verb))
			return &commands[i];
	return NULL;
}

/* Of the other of the two protocols: it is unknown here. */
static bool
is_foreign(enum listen_kind kind, const struct command *c)
{
	return c->gates & (kind == KIND_LMTP ? G_SMTP : G_LMTP);
}

void
command_verbs(enum listen_kind kind, struct buf *out)
{
	const char *blank = "";
	for (size_t i = 0; i < COUNT(commands); i++) {
		if (is_foreign(kind, &commands[i]))
			continue;
		buf_putf(out, "%s%s", blank, commands[i].verb);
		blank = " ";
	}
}

static enum reply
say(struct session *s, enum reply r, const char *argument)
{
	buf_reset(&s->argument);
	buf_str(&s->argument, argument);
	return r;
}

/* What must come before: the text of a 503. */
static enum reply
out_of_turn(struct session *s, const struct command *c)
{
	const char *first = "there is no transaction";
	if (s->phase == PH_GREETED)
		first =
		    s->client.kind == KIND_LMTP ? "send LHLO first" : "send EHLO first";
	else if (s->phase & (PH_MAIL | PH_RCPT | PH_CHUNKS) &&
		 !(c->phases & (PH_MAIL | PH_RCPT)))
		first = "a transaction is open";
	else if (s->phase == PH_READY)
		first = "send MAIL first";
	else if (s->phase == PH_MAIL)
		first = "send RCPT first; no recipient was accepted";
	return say(s, R_SEQUENCE, first);
}

static bool
is_private_enough(const struct session *s)
{
	return s->cover.is_tls ||
	       (s->client.is_loopback && s->limits->has_plaintext_on_loopback);
}

/* R_NONE: every gate is open. */
static enum reply
gates(struct session *s, const struct command *c, struct span argument)
{
	bool is_submission = session_is_submission(s);
	if (is_foreign(s->client.kind, c))
		return R_UNKNOWN;
	if (!(s->phase & c->phases))
		return out_of_turn(s, c);
	if ((c->gates & G_TLS) && is_submission && !is_private_enough(s))
		return R_NEEDS_TLS;
	if ((c->gates & G_AUTH) && is_submission && !s->account.len)
		return R_NEEDS_AUTH;
	if ((c->argument == ARG_NONE && argument.n) ||
	    (c->argument == ARG_SOME && !argument.n))
		return say(s, R_SYNTAX, c->syntax);
	return R_NONE;
}

/*
 * Something was sent behind a command that must wait for its reply; without EHLO, behind any: what
 * we say might be taken for the answer to something else.
 */
static bool
is_out_of_step(const struct session *s, const struct command *c)
{
	return io_unread(&s->io).n && c->handler != cmd_quit &&
	       ((c->gates & G_LAST) || !s->is_esmtp);
}

/* Too much of anything ends the conversation. */
static enum reply
count(struct session *s, const struct command *c, enum reply r)
{
	pace_count(s, reply_code(r) >= 500);
	if (reply_code(r) >= 500)
		s->errors++;
	if (s->errors > s->limits->errors)
		return R_ERRORS;
	if (r == R_QUEUED)
		s->commands = 0;
	else if (!c || !(c->gates & G_UNCOUNTED))
		s->commands++;
	return s->commands > s->limits->commands ? R_COMMANDS : r;
}

static void
log_refusal(const struct session *s, const struct command *c, struct span argument,
    enum reply r)
{
	struct span said = c && (c->gates & G_SAY) ? argument : SPAN("");
	if (reply_code(r) >= 400 && !s->has_logged)
		log_event(LOG_INFO, "refused",
		    "client=%s code=%u status=%s command=%s argument=%s%s%s",
		    s->client.text, reply_code(r), reply_enhanced(r),
		    c ? c->verb : "unknown", log_q(said),
		    s->account.len ? " login=" : "",
		    s->account.len ? log_q(buf_as_span(&s->account)) : "");
}

enum reply
command_run(struct session *s, struct span line)
{
	struct command_line l = {.argument = {"", 0}};
	const struct command *c =
	    command_split(line, &l) == E_OK ? command_find(l.verb) : NULL;
	enum reply r = R_UNKNOWN;
	metric_count(M_SMTP_COMMANDS +
		     (unsigned)(c ? c - commands : (ptrdiff_t)COUNT(commands)));
	buf_reset(&s->argument);
	s->has_logged = false;
	bool is_early = c && is_out_of_step(s, c);
	if (is_early && strict_takes(s, STRICT_PIPELINING))
		strict_note(s, STRICT_PIPELINING);
	if (c && line.n + 2 > COMMAND_LINE_MAX && c->handler != cmd_auth)
		r = R_LINE_LONG;
	else if (is_early && !strict_takes(s, STRICT_PIPELINING))
		r = R_PIPELINING;
	else if (c) {
		r = gates(s, c, l.argument);
		if (r == R_NONE)
			r = c->handler(s, l.argument);
		else if (c->refused && c->refused(s, l.argument) != R_NONE)
			r = R_HANGUP;
	}
	r = count(s, c, r);
	log_refusal(s, c, l.argument, r);
	return r;
}
