/* SPDX-License-Identifier: ISC */
/* cmd_put.c - HAVESPACE, PUTSCRIPT, CHECKSCRIPT: what comes is checked as it would be run. */
#include "base/log.h"
#include "deliver/managesieve/command.h"
#include "deliver/managesieve/reply.h"
#include "deliver/programs.h"
#include "proc/child.h"

enum reply
cmd_havespace(struct session *s, const struct syntax_command *c)
{
	enum sieve_quota what;
	int err = sieve_scripts_room(
	    &s->scripts, c->arguments[0].text, c->arguments[1].number, &what);
	return command_result(err, R_TRYLATER, &what);
}

/* Lines end in CRLF: RFC 5804 2.6. */
static void
put_errors(const struct sieve_errors *errors, struct buf *out)
{
	struct buf lines = {0};
	sieve_errors_put(errors, &lines);
	for (struct span rest = buf_as_span(&lines); rest.n;) {
		buf_span(out, span_cut(&rest, '\n'));
		buf_str(out, rest.n ? "\r\n" : "");
	}
	buf_free(&lines);
}

/*
 * What is included may come later (RFC 6609 3.2), and is not looked at.
 *   warnings  text of these; empty: none
 *   returns   whether it is right; if not, the client was told why
 */
static bool
is_right(struct session *s, struct span name, struct span script, struct buf *warnings)
{
	struct sieve_limits limits;
	struct sieve_errors errors = {0};
	struct sieve_program *program = NULL;
	programs_limits(the_child.conf, &limits);
	const struct sieve_checking want = {
	    .limits = &limits, .name = name, .exts = programs_exts(the_child.conf)};
	int err = sieve_compile(script, &want, &errors, &program);
	put_errors(&errors, warnings);
	if (err != E_OK)
		reply_put(&s->io.out, "NO", NULL, buf_as_span(warnings));
	sieve_program_free(&program);
	sieve_errors_reset(&errors);
	return err == E_OK;
}

static enum reply
right(struct session *s, const struct buf *warnings)
{
	if (warnings->len == 0)
		return R_DONE;
	reply_put(&s->io.out, "OK", "WARNINGS", buf_as_span(warnings));
	return R_SAID;
}

enum reply
cmd_putscript(struct session *s, const struct syntax_command *c)
{
	struct span name = c->arguments[0].text, script = c->arguments[1].text;
	struct buf warnings = {0};
	enum sieve_quota what;
	if (script.n == 0)
		return R_EMPTY;
	/* before its errors are told: too long a script is not looked at */
	int err = sieve_scripts_room(&s->scripts, name, script.n, &what);
	if (err != E_OK)
		return command_result(err, R_TRYLATER, &what);
	enum reply r = R_SAID;
	if (is_right(s, name, script, &warnings)) {
		err = sieve_scripts_put(&s->scripts, name, script, &what);
		r = err == E_OK ? right(s, &warnings)
		                : command_result(err, R_TRYLATER, &what);
		log_event(LOG_INFO, "script_put", "name=%s bytes=%zu result=%s",
		    log_q(name), script.n, err_name(err));
	}
	buf_free(&warnings);
	return r;
}

/* RFC 5804 2.12: whether there is room does not matter. */
enum reply
cmd_checkscript(struct session *s, const struct syntax_command *c)
{
	struct buf warnings = {0};
	enum reply r = R_SAID;
	if (is_right(s, SPAN(""), c->arguments[0].text, &warnings))
		r = right(s, &warnings);
	buf_free(&warnings);
	return r;
}
