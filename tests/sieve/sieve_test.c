/* SPDX-License-Identifier: ISC */
/*
 * sieve_test.c - runs test scripts of the dialect vnd.dovecot.testsuite:  sieve-test FILE.svtest...
 * Each test is a line; the status is 0 when all passed.  Scripts that are included come from
 * included/ and included-global/ beside the file.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "suite.h"

bool
suite_read(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	char chunk[4096];
	size_t n;
	if (!f)
		return false;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_put(out, chunk, n);
	(void)fclose(f);
	return buf_done(out) == E_OK;
}

int
suite_fetch(void *ctx, struct span location, struct span name, struct buf *out)
{
	const struct suite *s = ctx;
	struct buf path = {0};
	bool is_there;
	buf_putf(&path, "%.*s/%s/%.*s.sieve", SPAN_ARG(s->dir),
	    span_eqs(location, "global") ? "included-global" : "included",
	    SPAN_ARG(name));
	is_there = suite_read(buf_cstr(&path), out);
	buf_free(&path);
	return is_there ? E_OK : E_MORE;
}

static bool
mailbox_exists(void *ctx, struct span name)
{
	return suite_box(ctx, name, span_ieqs(name, "INBOX")) != NULL;
}

static int
metadata(void *ctx, struct span mailbox, struct span name, struct buf *out)
{
	const struct suite *s = ctx;
	for (const struct note *n = s->notes; n; n = n->next) {
		bool is_same = mailbox.p ? n->mailbox.p && span_ieq(n->mailbox, mailbox)
		                         : !n->mailbox.p;
		if (is_same && span_ieq(n->name, name)) {
			buf_span(out, n->value);
			return E_OK;
		}
	}
	return E_MORE;
}

static bool
is_member(const struct suite *s, struct span list, struct span value)
{
	for (const struct member *m = s->members; m; m = m->next)
		if (span_eq(m->list, list) && (!value.p || span_ieq(m->value, value)))
			return true;
	return false;
}

static bool
has_member(const struct suite *s, const char *kind, struct span name, struct span value)
{
	struct buf list = {0};
	bool is_there;
	buf_putf(&list, "%s:%.*s", kind, SPAN_ARG(name));
	is_there = is_member(s, buf_as_span(&list), value);
	buf_free(&list);
	return is_there;
}

static bool
list_exists(void *ctx, struct span list)
{
	return has_member(ctx, "list", list, (struct span){NULL, 0});
}

static bool
list_has(void *ctx, struct span list, struct span value)
{
	return has_member(ctx, "list", list, value.p ? value : SPAN(""));
}

static bool
special_use_exists(void *ctx, struct span mailbox, struct span flag)
{
	return has_member(ctx, "use", flag, mailbox);
}

static bool
mailboxid_exists(void *ctx, struct span id)
{
	return has_member(ctx, "id", id, (struct span){NULL, 0});
}

/* What actions of this kind left: suite_execute. */
static bool
is_duplicate(
    void *ctx, struct span handle, struct span id, uint64_t period_sec, bool is_last)
{
	struct suite *s = ctx;
	(void)period_sec;
	(void)is_last;
	for (const struct seen *d = s->seen; d; d = d->next)
		if (span_eq(d->handle, handle) && span_eq(d->id, id))
			return s->input.now_sec < d->until_sec;
	return false;
}

/* The first message: what is tested before one is set. */
static const char first_message[] =
    "From: sender@example.com\r\nTo: recipient@example.org\r\n"
    "Subject: Test message\r\n\r\nTest.\r\n";

static void
suite_init(struct suite *s, const char *path)
{
	static const struct sieve_item items[] = {{{"location", 8}, {"MS", 2}},
	    {{"phase", 5}, {"post", 4}}, {{"host", 4}, {"host.example.com", 16}},
	    {{"domain", 6}, {"example.com", 11}}};
	struct span dir = span_of(path);
	size_t at = span_rfind(dir, '/');
	*s = (struct suite){.limits = sieve_limits_default};
	s->dir = at < dir.n ? span_head(dir, at) : SPAN(".");
	s->letter.host = SPAN("host.example.com");
	s->letter.postmaster = SPAN("postmaster@example.com");
	s->input.message = span_make(first_message, sizeof(first_message) - 1);
	s->input.envelope.from = SPAN("sender@example.com");
	s->input.envelope.to = SPAN("recipient@example.org");
	for (size_t i = 0; i < COUNT(items); i++)
		s->items[s->input.n_items++] = items[i];
	s->input.items = s->items;
	s->input.list_exists = list_exists;
	s->input.list_has = list_has;
	s->input.special_use_exists = special_use_exists;
	s->input.mailboxid_exists = mailboxid_exists;
	s->input.is_duplicate = is_duplicate;
	s->input.now_sec = clock_wall_sec();
	s->input.ctx = s;
	s->input.mailbox_exists = mailbox_exists;
	s->input.metadata = metadata;
}

static void
say_errors(const char *path, const struct sieve_errors *errors)
{
	struct buf text = {0};
	sieve_errors_put(errors, &text);
	printf("FAILED  %s\n%s", path, buf_cstr(&text));
	buf_free(&text);
}

static bool
run_file(const char *path, unsigned *n_passed, unsigned *n_failed)
{
	struct suite s;
	struct buf text = {.max = SIEVE_SCRIPT_BYTES_MAX};
	struct sieve_checking want = {.dialect = &suite_dialect, .script = suite_fetch};
	struct sieve_program *program = NULL;
	struct sieve_result result = {0};
	struct sieve_errors errors = {0};
	suite_init(&s, path);
	want.ctx = &s;
	want.limits = &s.limits;
	if (!suite_read(path, &text)) {
		fprintf(stderr, "sieve-test: cannot read %s\n", path);
		s.n_failed++;
	} else if (sieve_compile(buf_as_span(&text), &want, &errors, &program) !=
		       E_OK ||
		   sieve_run(program, &s.input, &result, &errors) != E_OK) {
		say_errors(path, &errors);
		s.n_failed += !program || !s.n_failed;
	}
	*n_passed += s.n_passed;
	*n_failed += s.n_failed;
	sieve_program_free(&program);
	sieve_program_free(&s.program);
	sieve_result_free(&result);
	sieve_errors_reset(&errors);
	sieve_errors_reset(&s.errors);
	arena_reset(&s.arena);
	buf_free(&text);
	return s.n_failed == 0;
}

int
main(int argc, char **argv)
{
	unsigned n_passed = 0, n_failed = 0;
	bool is_good = true;
	if (argc < 2 || strcmp(argv[1], "--help") == 0) {
		fprintf(stderr, "usage: sieve-test FILE.svtest...\n");
		return argc < 2 ? 64 : 0;
	}
	for (int i = 1; i < argc; i++)
		is_good &= run_file(argv[i], &n_passed, &n_failed);
	printf("%u passed, %u failed\n", n_passed, n_failed);
	return is_good ? 0 : 1;
}
