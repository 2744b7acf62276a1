/* SPDX-License-Identifier: ISC */
/* test_progress.c - mailboxes of a recipient that have a message already. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deliver/progress.h"

static struct target
mailbox(uint32_t tag, uid_t uid)
{
	return (struct target){.is_local = true, .tag = tag, .uid = uid};
}

static bool
has(struct id id, uint32_t rcpt, uint32_t tag, uid_t uid)
{
	struct target t = mailbox(tag, uid);
	return progress_has(id, rcpt, &t);
}

static bool
sent(struct id id, uint32_t rcpt, uint32_t tag, uid_t uid)
{
	struct target t = mailbox(tag, uid);
	return progress_sent(id, rcpt, &t);
}

static void
add(struct id id, uint32_t rcpt, uint32_t tag, uid_t uid)
{
	struct target t = mailbox(tag, uid);
	progress_add(id, rcpt, &t);
}

/* Of this message, this recipient, this mailbox alone; also of a long list. */
static void
test_of_whom(void **state)
{
	struct id one = id_new(), other = id_new();
	(void)state;
	for (uint32_t i = 0; i < RECIPIENT_TARGETS_MAX; i++)
		add(one, 0, i, 1000 + i);
	progress_end(one, 0, true);
	for (uint32_t i = 0; i < RECIPIENT_TARGETS_MAX; i++)
		assert_true(has(one, 0, i, 1000 + i));
	assert_false(has(one, 0, RECIPIENT_TARGETS_MAX, 1000));
	assert_false(has(one, 0, 1, 1000));
	assert_false(has(one, 1, 0, 1000));
	assert_false(has(other, 0, 0, 1000));
	progress_forget(other, 0);
	assert_true(has(one, 0, 0, 1000));
	progress_forget(one, 0);
	assert_false(has(one, 0, 0, 1000) || sent(one, 0, 0, 1000));
}

/* Where time was left, and where a sync failed, all is stored anew, and nothing is sent again. */
static void
test_sent(void **state)
{
	struct id one = id_new();
	(void)state;
	assert_false(sent(one, 0, 1, 1));
	add(one, 0, 1, 1);
	progress_end(one, 0, false);
	assert_true(!has(one, 0, 1, 1) && sent(one, 0, 1, 1));
	add(one, 0, 1, 1);
	progress_end(one, 0, true);
	assert_true(has(one, 0, 1, 1) && sent(one, 0, 1, 1));
	progress_lost();
	assert_true(!has(one, 0, 1, 1) && sent(one, 0, 1, 1));
	progress_forget(one, 0);
	assert_false(sent(one, 0, 1, 1));
}

/* The one that was tried least lately goes. */
static void
test_forgets(void **state)
{
	struct id ids[PROGRESS_MOST + 1];
	(void)state;
	for (size_t i = 0; i < PROGRESS_MOST; i++) {
		ids[i] = id_new();
		add(ids[i], 3, 1, 1);
	}
	add(ids[0], 3, 2, 2);
	ids[PROGRESS_MOST] = id_new();
	add(ids[PROGRESS_MOST], 3, 1, 1);
	assert_true(sent(ids[0], 3, 1, 1) && sent(ids[0], 3, 2, 2));
	assert_false(sent(ids[1], 3, 1, 1));
	for (size_t i = 2; i <= PROGRESS_MOST; i++)
		assert_true(sent(ids[i], 3, 1, 1));
	for (size_t i = 0; i <= PROGRESS_MOST; i++)
		progress_forget(ids[i], 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_of_whom),
	    cmocka_unit_test(test_sent), cmocka_unit_test(test_forgets)};
	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
