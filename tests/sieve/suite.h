/* SPDX-License-Identifier: ISC */
/* suite.h - what a test script works on: a message, an envelope, mailboxes and an outbox in memory. */
#ifndef TESTS_SIEVE_SUITE_H
#define TESTS_SIEVE_SUITE_H

#include "sieve/letter.h"
#include "sieve/run.h"
#include "sieve/word.h"

struct stored {
	struct stored *next;
	struct span text, flags;
	struct span from, to; /* of the outbox; from "" is "<>" */
};

struct box {
	struct box *next;
	struct span name;
	struct stored *messages;
};

struct note { /* an annotation */
	struct note *next;
	struct span mailbox, name, value; /* mailbox p NULL: of the server */
};

struct member { /* of a list, a mailbox with a use or an id */
	struct member *next;
	struct span list, value;
};

struct seen { /* an id that was remembered */
	struct seen *next;
	struct span handle, id;
	int64_t until_sec;
};

struct suite {
	struct arena arena;       /* own: until the end */
	struct span dir;          /* of the test script */
	struct sieve_input input; /* what is run over; changed by test_set */
	struct sieve_limits limits;
	struct box *boxes;
	struct stored *outbox;
	struct note *notes;
	struct member *members;
	struct seen *seen;
	struct sieve_item items[16]; /* of environment */
	struct sieve_errors errors;  /* own: of the last compile or run */
	bool has_run;            /* errors are of a run, and what it warned of counts */
	bool has_failed_compile; /* one more is counted: that it failed */
	struct sieve_program *program; /* own: of the last test_script_compile */
	/* settings */
	struct sieve_letter letter;
	struct span redirect_from, notify_from, user_email;
	bool uses_orig_recipient, checks_no_recipient, sends_from_recipient,
	    ignores_envelope;
	/* the test that runs */
	struct span test;
	unsigned n_passed, n_failed, n_letters;
	bool has_failed;
};

extern const struct sieve_dialect suite_dialect;

/* suite_fetch - a script from DIR/included or DIR/included-global */
int suite_fetch(void *ctx, struct span location, struct span name, struct buf *out);
bool suite_read(const char *path, struct buf *out);
struct box *suite_box(struct suite *, struct span name, bool can_create);
/* suite_address - that of a field of the message; empty: none */
struct span suite_address(struct suite *, const char *field);
/* suite_execute - does what is not done yet; false: something failed, and is in errors */
bool suite_execute(struct suite *, struct sieve_result *);
void suite_set(struct suite *, struct span name, struct span value); /* a setting */

#endif
