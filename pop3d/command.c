/* SPDX-License-Identifier: ISC */
/* command.c - commands of the TRANSACTION state. */
#include "pop3d/command.h"

#include "metrics/metric.h"

enum argument {
	ARG_NONE,
	ARG_MESSAGE,     /* a message number */
	ARG_MAY_MESSAGE, /* one, or none */
	ARG_TOP,         /* message number and a count of lines */
	ARG_TEXT,        /* anything */
};

enum { NUMBER_MOST = 4000000000 };

/* clang-format off */
static const struct command {
	const char *verb;
	enum argument argument;
	void (*handler)(struct session *, const struct arguments *);
} commands[] = {
	/* verb   argument         handler        RFC 1939 5 and 7, RFC 2449 5, RFC 6856 2 and 3 */
	{"STAT",  ARG_NONE,        cmd_stat},
	{"LIST",  ARG_MAY_MESSAGE, cmd_list},
	{"RETR",  ARG_MESSAGE,     cmd_retr},
	{"DELE",  ARG_MESSAGE,     cmd_dele},
	{"NOOP",  ARG_NONE,        cmd_noop},
	{"RSET",  ARG_NONE,        cmd_rset},
	{"QUIT",  ARG_NONE,        cmd_quit},
	{"TOP",   ARG_TOP,         cmd_top},
	{"UIDL",  ARG_MAY_MESSAGE, cmd_uidl},
	{"CAPA",  ARG_NONE,        cmd_capa},
	{"LANG",  ARG_TEXT,        cmd_lang},
	{"UTF8",  ARG_NONE,        cmd_utf8},
};

/* clang-format on */
_Static_assert(COUNT(commands) + 1 == METRIC_POP3_VERBS,
    "a row of common/metrics/table.c for each, in the same order");

void
command_refuse(struct session *s, const char *why)
{
	s->is_over = ++s->errors >= POP3_ERRORS_MOST;
	/* one reply a command */
	io_putf(&s->io, "-ERR %s\r\n", s->is_over ? "too many errors" : why);
}

/* A message number that names a message of this session's; says so when it does not. */
static bool
take_message(struct session *s, struct span text, struct arguments *a)
{
	if (span_u64(text, NUMBER_MOST, &a->message) != E_OK || a->message == 0) {
		command_refuse(s, "a message number is needed");
		return false;
	}
	if (!drop_message(&s->drop, a->message)) {
		command_refuse(s, "no such message");
		return false;
	}
	return true;
}

static bool
take_arguments(
    struct session *s, enum argument kind, struct span text, struct arguments *a)
{
	a->text = text;
	switch (kind) {
	case ARG_NONE:
		if (text.n)
			command_refuse(s, "no argument is needed");
		return text.n == 0;
	case ARG_MESSAGE:
		return take_message(s, text, a);
	case ARG_MAY_MESSAGE:
		return text.n == 0 || take_message(s, text, a);
	case ARG_TOP: {
		struct span number = span_cut(&text, ' ');
		if (span_u64(text, NUMBER_MOST, &a->lines) != E_OK) {
			command_refuse(
			    s, "a message number and a number of lines are needed");
			return false;
		}
		return take_message(s, number, a);
	}
	case ARG_TEXT:
		break;
	}
	return true;
}

void
command_run(struct session *s, struct span line)
{
	struct span text = line, verb = span_cut(&text, ' ');
	for (size_t i = 0; i < COUNT(commands); i++) {
		struct arguments a = {.message = 0};
		if (!span_ieqs(verb, commands[i].verb))
			continue;
		metric_count(M_POP3_COMMANDS + (unsigned)i);
		if (take_arguments(s, commands[i].argument, text, &a))
			commands[i].handler(s, &a);
		return;
	}
	metric_count(M_POP3_COMMANDS + COUNT(commands));
	command_refuse(s, "no such command");
}
