/* SPDX-License-Identifier: ISC */
/*
 * fuzz_sieve_run.c - a script and a message: what is decided keeps the limits, and its letters can be made.
 * fuzz: common/sieve/*.c common/spool/address.c common/mime/address.c common/mime/casemap.c common/mime/charset*.c common/mime/date.c common/mime/decode.c common/mime/find.c common/mime/header.c common/mime/html.c common/mime/lex.c common/mime/msgid.c common/mime/param.c common/mime/text.c common/mime/transfer.c common/mime/tree.c common/mime/word.c common/mime/words.c
 * libs: -lunistring -lpcre2-8
 */
#include <stdlib.h>
#include <string.h>

#include "sieve/letter.h"
#include "sieve/run.h"
#include "sieve/vacation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char all[] =
    "require "
    "[\"fileinto\",\"envelope\",\"encoded-character\",\"comparator-i;ascii-numeric\","
    "\"comparator-i;unicode-casemap\",\"reject\",\"ereject\",\"copy\",\"body\","
    "\"environment\","
    "\"variables\",\"vacation\",\"vacation-seconds\",\"relational\",\"imap4flags\","
    "\"subaddress\",\"spamtest\",\"spamtestplus\",\"virustest\",\"date\",\"index\","
    "\"editheader\",\"enotify\",\"ihave\",\"mailbox\",\"mboxmetadata\","
    "\"servermetadata\","
    "\"foreverypart\",\"mime\",\"extracttext\",\"replace\",\"enclose\",\"redirect-"
    "dsn\",\"envelope-dsn\","
    "\"extlists\","
    "\"include\",\"imapsieve\",\"duplicate\",\"special-use\",\"fcc\",\"mailboxid\","
    "\"regex\"];\n";

static bool
says_yes(void *ctx, struct span name)
{
	(void)ctx;
	return name.n % 2 == 0;
}

static bool
is_listed(void *ctx, struct span list, struct span value)
{
	(void)ctx;
	return list.n == value.n;
}

static void
put_letters(const struct sieve_input *in, const struct sieve_result *r)
{
	struct span head, body;
	struct sieve_letter by = {
	    .id = SPAN("id"), .host = SPAN("host"), .postmaster = SPAN("p@host")};
	size_t n = 0;
	for (const struct sieve_action *a = r->actions; a; a = a->next) {
		struct buf text = {.max = 8 << 20}, said = {.max = 8 << 20};
		sieve_action_put(a, &said);
		sieve_action_message(a, in->message, &head, &body);
		if (head.n + body.n > SIEVE_REMADE_BYTES_MAX + in->message.n)
			abort();
		n += !a->is_implicit && a->kind != ACTION_DUPLICATE &&
		     a->kind != ACTION_DISCARD;
		if (a->kind == ACTION_VACATION) {
			(void)vacation_refusal(in, &a->vacation, true);
			letter_vacation(in, &a->vacation, &by, &text);
		} else if (a->kind == ACTION_NOTIFY) {
			letter_notify(in, &a->notify, &by, &text);
		} else if (a->kind == ACTION_REJECT || a->kind == ACTION_EREJECT) {
			letter_reject(in, a->reason, &by, &text);
		}
		buf_free(&text);
		buf_free(&said);
	}
	if (n > sieve_limits_default.actions)
		abort();
}

static void
run(const struct sieve_program *program, struct span message)
{
	struct sieve_input in = {.message = message,
	    .envelope = {.from = SPAN("from@example.org"),
		.to = SPAN("to+x@example.org")},
	    .address = SPAN("to@example.org"),
	    .mailbox_exists = says_yes,
	    .mailboxid_exists = says_yes,
	    .list_exists = says_yes,
	    .list_has = is_listed,
	    .spam = {.status_header = SPAN("X-Spam: ([0-9.]+)"),
		.max_value = SPAN("10")},
	    .virus = {.status_header = SPAN("X-Virus"),
		.type = SPAM_STRLEN,
		.max_value = SPAN("5")}};
	struct sieve_result result = {0};
	struct sieve_errors errors = {0};
	for (int i = 0; i < 2; i++) /* as a user's script behind the domain's */
		if (sieve_run(program, &in, &result, &errors) != E_OK) {
			if (!errors.total || !result.has_keep)
				abort();
			break;
		}
	put_letters(&in, &result);
	sieve_result_free(&result);
	sieve_errors_reset(&errors);
}

/* The script, a line "====", the message. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span input = span_make(data, n), mark = SPAN("\n====\n");
	size_t at = span_search(input, mark);
	struct sieve_limits limits = sieve_limits_default;
	struct sieve_checking want = {.limits = &limits};
	struct sieve_errors errors = {0};
	struct sieve_program *program;
	struct buf text = {0};
	limits.work = 4 << 20;
	limits.steps = 20000;
	buf_str(&text, all);
	buf_span(&text, span_head(input, at));
	if (sieve_compile(buf_as_span(&text), &want, &errors, &program) == E_OK)
		run(program,
		    at < n ? span_from(input, at + mark.n) : (struct span){"", 0});
	sieve_program_free(&program);
	sieve_errors_reset(&errors);
	buf_free(&text);
	return 0;
}
