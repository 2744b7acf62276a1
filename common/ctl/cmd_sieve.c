/* SPDX-License-Identifier: ISC */
/* cmd_sieve.c - is a Sieve script right, and what would it do with a message? */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/ctl.h"
#include "ctl/sieve_file.h"
#include "sieve/run.h"

enum { MESSAGE_BYTES_MAX = 256 << 20 };

int
sieve_file_read(const char *path, size_t max, struct buf *out)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	char chunk[65536];
	size_t n;
	bool is_bad;
	out->max = max;
	if (!f) {
		ctl_say("%s: %s", path, strerror(errno));
		return EX_NOINPUT;
	}
	while (buf_done(out) == E_OK && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_put(out, chunk, n);
	is_bad = ferror(f) != 0;
	if (f != stdin)
		(void)fclose(f);
	if (is_bad) {
		ctl_say("%s: cannot be read", path);
		return EX_NOINPUT;
	}
	if (buf_done(out) != E_OK) {
		ctl_say("%s: more than %zu octets", path, max);
		return EX_DATAERR;
	}
	return EX_OK;
}

/* ---- the script ---- */

struct place {
	struct span dir; /* of the script: those it includes are beside it */
};

/* NAME, or NAME.sieve; personal and global ones are not told apart here. */
static int
find_script(void *ctx, struct span location, struct span name, struct buf *out)
{
	static const char *const tails[] = {"", ".sieve"};
	const struct place *place = ctx;
	(void)location;
	for (size_t i = 0; i < COUNT(tails); i++) {
		struct buf path = {0};
		FILE *f;
		buf_putf(&path, "%.*s/%.*s%s", SPAN_ARG(place->dir), SPAN_ARG(name),
		    tails[i]);
		f = fopen(buf_cstr(&path), "rb");
		if (f) {
			(void)fclose(f);
			i = COUNT(tails);
		}
		if (f && sieve_file_read(
			     buf_cstr(&path), SIEVE_SCRIPT_BYTES_MAX, out) == EX_OK) {
			buf_free(&path);
			return E_OK;
		}
		buf_free(&path);
	}
	return E_MORE;
}

static int
load_script(const char *path, struct sieve_errors *errors, struct sieve_program **out)
{
	struct buf text = {0};
	struct span whole = span_of(path);
	size_t at = span_rfind(whole, '/');
	struct place place = {.dir = at < whole.n ? span_head(whole, at) : SPAN(".")};
	struct sieve_checking want = {.name = whole,
	    .script = find_script,
	    .ctx = &place,
	    .needs_includes = true};
	/* one octet more than is allowed, so that the check says it */
	int status = sieve_file_read(path, SIEVE_SCRIPT_BYTES_MAX + 1, &text);
	if (status == EX_OK &&
	    sieve_compile(buf_as_span(&text), &want, errors, out) != E_OK)
		status = EX_DATAERR;
	buf_free(&text);
	return status;
}

void
sieve_errors_say(const struct sieve_errors *errors)
{
	struct buf text = {0};
	sieve_errors_put(errors, &text);
	ctl_put(stderr, &text);
	buf_free(&text);
}

int
cmd_sieve_check(struct merpati *c, int argc, char **argv)
{
	struct sieve_errors errors = {0};
	struct sieve_program *program = NULL;
	int status = opts_read(c, NULL, 0, &argc, argv, 1, 1);
	if (status != EX_OK)
		return status;
	status = load_script(argv[0], &errors, &program);
	sieve_errors_say(&errors);
	sieve_program_free(&program);
	sieve_errors_reset(&errors);
	return status;
}

/* ---- a message ---- */

static void
trace(void *ctx, struct span script, unsigned line, struct span text)
{
	struct buf out = {0};
	(void)ctx;
	if (line)
		buf_putf(&out, "%.*s:%u: ", SPAN_ARG(script), line);
	for (size_t i = 0; i < text.n;
	     i++) /* what a message holds is nothing for a terminal */
		buf_ch(&out, ch_ctl(text.p[i]) ? ' ' : text.p[i]);
	buf_ch(&out, '\n');
	ctl_put(stdout, &out);
	buf_free(&out);
}

static bool
any_mailbox(void *ctx, struct span mailbox)
{
	(void)ctx;
	(void)mailbox;
	return true;
}

static void
put_action(const struct sieve_action *a, bool is_json, struct buf *out)
{
	struct buf text = {0};
	sieve_action_put(a, &text);
	if (!is_json) {
		buf_span(out, buf_as_span(&text));
	} else {
		buf_putf(out,
		    "{\"action\":\"%s\",\"implicit\":%s,\"line\":%u,\"text\":",
		    sieve_action_name(a->kind), a->is_implicit ? "true" : "false",
		    a->line);
		buf_quoted(out, buf_as_span(&text));
		buf_ch(out, '}');
	}
	buf_ch(out, '\n');
	buf_free(&text);
}

static int
run_script(
    const struct sieve_program *program, const struct sieve_input *in, bool is_json)
{
	struct sieve_result result = {0};
	struct sieve_errors errors = {0};
	struct buf out = {0};
	int status =
	    sieve_run(program, in, &result, &errors) == E_OK ? EX_OK : EX_DATAERR;
	for (const struct sieve_action *a = result.actions; a; a = a->next)
		put_action(a, is_json, &out);
	sieve_errors_say(&errors);
	ctl_put(stdout, &out);
	buf_free(&out);
	sieve_result_free(&result);
	sieve_errors_reset(&errors);
	return status == EX_OK ? ctl_done() : status;
}

int
cmd_sieve_run(struct merpati *c, int argc, char **argv)
{
	bool is_traced = false;
	const char *from = NULL, *to = NULL;
	const struct opt opts[] = {{"--trace", &is_traced, NULL},
	    {"--from", NULL, &from}, {"--to", NULL, &to}};
	struct sieve_errors errors = {0};
	struct sieve_program *program = NULL;
	struct buf message = {0};
	static const struct sieve_item items[] = {
	    {{"location", 8}, {"MDA", 3}}, {{"phase", 5}, {"during", 6}}};
	struct sieve_input in = {.items = items, .n_items = COUNT(items)};
	int status = opts_read(c, opts, COUNT(opts), &argc, argv, 2, 2);
	if (status != EX_OK)
		return status;
	status = load_script(argv[0], &errors, &program);
	sieve_errors_say(&errors);
	if (status == EX_OK)
		status = sieve_file_read(argv[1], MESSAGE_BYTES_MAX, &message);
	if (status == EX_OK) {
		in.message = buf_as_span(&message);
		in.envelope.from = from ? span_of(from) : SPAN("");
		in.envelope.to = to ? span_of(to) : SPAN("");
		in.address = in.envelope.to;
		in.now_sec = clock_wall_sec();
		in.mailbox_exists = any_mailbox;
		in.trace = is_traced ? trace : NULL;
		status = run_script(program, &in, c->is_json);
	}
	buf_free(&message);
	sieve_program_free(&program);
	sieve_errors_reset(&errors);
	return status;
}
