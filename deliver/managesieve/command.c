/* SPDX-License-Identifier: ISC */
/* command.c - commands of the authenticated state. */
#include "deliver/managesieve/command.h"

#include "base/log.h"
#include "deliver/managesieve/reply.h"
#include "metrics/metric.h"

/* clang-format off */
static const struct command {
	const char *verb;
	const char *arguments; /* s: a string, n: a number, S: a string or none, *: whatever */
	enum reply (*handler)(struct session *, const struct syntax_command *);
} commands[] = {
	/* verb            arguments handler           RFC 5804 2 */
	{"CAPABILITY",     "",       cmd_capability},
	{"NOOP",           "S",      cmd_noop},
	{"LOGOUT",         "",       cmd_logout},
	{"UNAUTHENTICATE", "",       cmd_unauthenticate},
	{"AUTHENTICATE",   "*",      cmd_logged_in},
	{"STARTTLS",       "*",      cmd_logged_in},
	{"HAVESPACE",      "sn",     cmd_havespace},
	{"PUTSCRIPT",      "ss",     cmd_putscript},
	{"CHECKSCRIPT",    "s",      cmd_checkscript},
	{"LISTSCRIPTS",    "",       cmd_listscripts},
	{"GETSCRIPT",      "s",      cmd_getscript},
	{"SETACTIVE",      "s",      cmd_setactive},
	{"DELETESCRIPT",   "s",      cmd_deletescript},
	{"RENAMESCRIPT",   "ss",     cmd_renamescript},
};

static const struct {
	const char *verdict, *code, *text;
} replies[R_COUNT] = {
	/*                    RFC 5804 1.3 */
	[R_DONE]            = {"OK", NULL,               "done"},
	[R_NONEXISTENT]   = {"NO", "NONEXISTENT",      "there is no script of that name"},
	[R_ALREADYEXISTS] = {"NO", "ALREADYEXISTS",    "there is a script of that name"},
	[R_ACTIVE]        = {"NO", "ACTIVE",           "the active script is not deleted: SETACTIVE first"},
	[R_BAD_NAME]      = {"NO", NULL,               "this can be no name of a script"},
	[R_EMPTY]         = {"NO", NULL,               "a script has at least one octet"},
	[R_MAXSIZE]       = {"NO", "QUOTA/MAXSIZE",    "the script is too long"},
	[R_MAXSCRIPTS]    = {"NO", "QUOTA/MAXSCRIPTS", "there are as many scripts as may be"},
	[R_QUOTA]         = {"NO", "QUOTA",            "there is no room for it"},
	[R_TRYLATER]      = {"NO", "TRYLATER",         "your scripts cannot be reached now"},
	[R_LOGGED_IN]     = {"NO", NULL,               "you are logged in: UNAUTHENTICATE first"},
};

/* clang-format on */
_Static_assert(COUNT(commands) + 1 == METRIC_SIEVE_VERBS,
    "a row of common/metrics/table.c for each, in the same order");

static void
refuse(struct session *s, const char *why)
{
	s->is_over = ++s->errors >= MANAGE_ERRORS_MOST;
	log_event(LOG_INFO, "malformed", "why=%s", log_qs(why));
	if (s->is_over)
		reply_put(&s->io.out, "BYE", NULL, SPAN("too many errors"));
	else
		reply_put(&s->io.out, "NO", NULL, span_of(why));
}

static bool
has_arguments(const struct command *row, const struct syntax_command *c)
{
	const char *want = row->arguments;
	if (*want == '*')
		return true;
	for (size_t i = 0; i < c->n; i++, want++) {
		enum syntax_kind kind = *want == 'n' ? SYNTAX_NUMBER : SYNTAX_STRING;
		if (!*want || c->arguments[i].kind != kind)
			return false;
	}
	return !*want || *want == 'S';
}

static void
say(struct session *s, enum reply r)
{
	if (r != R_SAID)
		reply_put(&s->io.out, replies[r].verdict, replies[r].code,
		    span_of(replies[r].text));
}

void
command_run(struct session *s, struct span text)
{
	struct syntax_command c;
	size_t i = 0;
	if (syntax_command(text, &s->arena, &c) != E_OK) {
		metric_count(M_SIEVE_COMMANDS + COUNT(commands));
		refuse(s, "this is no command");
		return;
	}
	while (i < COUNT(commands) && !span_ieqs(c.verb, commands[i].verb))
		i++;
	metric_count(M_SIEVE_COMMANDS + (unsigned)i);
	if (i == COUNT(commands))
		refuse(s, "no such command");
	else if (!has_arguments(&commands[i], &c))
		refuse(s, "these are not its arguments");
	else
		say(s, commands[i].handler(s, &c));
}

void
command_too_long(struct session *s)
{
	metric_count(M_SIEVE_COMMANDS + COUNT(commands));
	s->is_over = ++s->errors >= MANAGE_ERRORS_MOST;
	if (s->is_over)
		reply_put(&s->io.out, "BYE", NULL, SPAN("too many errors"));
	else
		say(s, R_MAXSIZE);
}

enum reply
command_result(int err, enum reply denied, const enum sieve_quota *what)
{
	static const enum reply quotas[] = {[SIEVE_QUOTA_SIZE] = R_MAXSIZE,
	    [SIEVE_QUOTA_SCRIPTS] = R_MAXSCRIPTS,
	    [SIEVE_QUOTA_DISK] = R_QUOTA};

	switch (err) {
	case E_OK:
		return R_DONE;
	case E_MORE:
		return R_NONEXISTENT;
	case E_BAD:
		return R_BAD_NAME;
	case E_DENY:
		return denied;
	case E_LIMIT:
		return what ? quotas[*what] : R_TRYLATER;
	default:
		return R_TRYLATER;
	}
}
