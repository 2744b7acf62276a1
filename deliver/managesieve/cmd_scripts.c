/* SPDX-License-Identifier: ISC */
/* cmd_scripts.c - LISTSCRIPTS, GETSCRIPT, SETACTIVE, DELETESCRIPT, RENAMESCRIPT: what is stored. */
#include "base/log.h"
#include "deliver/managesieve/command.h"
#include "sieve/limits.h"

static void
note(const char *event, struct span name, int err)
{
	log_event(LOG_INFO, event, "name=%s result=%s", log_q(name), err_name(err));
}

enum reply
cmd_listscripts(struct session *s, const struct syntax_command *c)
{
	struct sieve_script_list list;
	(void)c;
	int err = sieve_scripts_list(&s->scripts, &list);
	for (size_t i = 0; err == E_OK && i < list.n; i++) {
		struct buf line = {0};
		syntax_put_string(&line, list.rows[i].name);
		buf_str(&line, list.rows[i].is_active ? " ACTIVE\r\n" : "\r\n");
		io_put(&s->io, buf_as_span(&line));
		buf_free(&line);
	}
	arena_reset(&list.arena);
	return command_result(err, R_TRYLATER, NULL);
}

/* A literal, however short: that is what clients are used to. */
enum reply
cmd_getscript(struct session *s, const struct syntax_command *c)
{
	struct buf text = {.max = SIEVE_SCRIPT_BYTES_MAX};
	int err = sieve_scripts_read(&s->scripts, c->arguments[0].text, &text);
	if (err == E_OK) {
		io_putf(&s->io, "{%zu}\r\n", text.len);
		io_put(&s->io, buf_as_span(&text));
		io_putf(&s->io, "\r\n");
	}
	buf_free(&text);
	return command_result(err, R_TRYLATER, NULL);
}

enum reply
cmd_setactive(struct session *s, const struct syntax_command *c)
{
	int err = sieve_scripts_activate(&s->scripts, c->arguments[0].text);
	note("script_active", c->arguments[0].text, err);
	return command_result(err, R_TRYLATER, NULL);
}

enum reply
cmd_deletescript(struct session *s, const struct syntax_command *c)
{
	int err = sieve_scripts_delete(&s->scripts, c->arguments[0].text);
	note("script_deleted", c->arguments[0].text, err);
	return command_result(err, R_ACTIVE, NULL);
}

enum reply
cmd_renamescript(struct session *s, const struct syntax_command *c)
{
	int err = sieve_scripts_rename(
	    &s->scripts, c->arguments[0].text, c->arguments[1].text);
	note("script_renamed", c->arguments[0].text, err);
	return command_result(err, R_ALREADYEXISTS, NULL);
}
