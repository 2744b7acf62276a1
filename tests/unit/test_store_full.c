/* SPDX-License-Identifier: ISC */
/* test_store_full.c - a disk without room: a small file system, which root can mount. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "store/name.h"
#include "store_home.h"

enum {
	DISK_BYTES = 48 << 20,
	MESSAGES = 5000,
	ROUNDS = 6,
	HURRY_MS = 2500,
	LATER_MS = 25000
};

/*
 * The keeper looks at the room before it begins; where it is told that there is some, Berkeley DB
 * meets the wall.
 */
static bool tells_room;

int __real_statvfs64(const char *path, struct statvfs *out);
int __wrap_statvfs64(const char *path, struct statvfs *out);

int
__wrap_statvfs64(const char *path, struct statvfs *out)
{
	int result = __real_statvfs64(path, out);
	if (tells_room)
		out->f_bavail = (fsblkcnt_t)1 << 30;
	return result;
}

static int
setup(void **state)
{
	char options[64];
	snprintf(options, sizeof options, "size=%d", DISK_BYTES);
	tells_room = false;
	home_place();
	if (geteuid() != 0 || mount("tmpfs", home_dir, "tmpfs", 0, options) != 0) {
		print_message("needs root to mount a small file system\n");
		*state = NULL;
		return 0;
	}
	return home_setup(state);
}

static int
teardown(void **state)
{
	int result = *state ? home_teardown(state) : 0;
	umount2(home_dir, MNT_DETACH);
	rmdir(home_dir);
	return result;
}

/* Until so many bytes are left. */
static void
fill(uint64_t left)
{
	struct statvfs fs;
	unlink("filler");
	assert_int_equal(__real_statvfs64(".", &fs), 0);
	uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
	int fd = open("filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	if (room > left)
		assert_int_equal(posix_fallocate(fd, 0, (off_t)(room - left)), 0);
	close(fd);
}

static enum store_said
flag(struct store *s, const struct store_view *v, enum store_how how)
{
	struct numset all = set_of(1, UINT32_MAX);
	struct store_change c = {.how = how, .flags = FLAG_SEEN};
	enum store_said said = store_flags(s, v->mailbox, &all, &c, NULL);
	numset_free(&all);
	return said;
}

static enum store_said
try_append(struct store *s)
{
	struct incoming m;
	enum store_said said = STORE_DISK_FULL;
	int err = incoming_begin(s, &m);
	if (err == E_OK)
		err = incoming_write(&m, text_of(1));
	if (err == E_OK)
		err = incoming_end(&m);
	assert_true(err == E_OK || err == E_LIMIT);
	if (err == E_OK)
		said = store_append(s, SPAN("INBOX"), &m, 1, NULL, NULL);
	incoming_drop(&m);
	return said;
}

/* Sooner than where there is room. */
static void
wait_for_room(struct file_id id)
{
	struct buf path = {0};
	double begun = ms_now();
	msg_path_put(&path, id);
	while (access(buf_cstr(&path), F_OK) == 0 && ms_now() - begun < HURRY_MS)
		poll(NULL, 0, 5);
	assert_int_equal(access(buf_cstr(&path), F_OK), -1);
	buf_free(&path);
}

static void
test_little_room(void **state)
{
	struct home *h = *state;
	struct store_view v;
	struct store_copied c;
	struct numset some = {0};
	if (!h)
		skip();
	append_many(h->a, "INBOX", 1000);
	assert_int_equal(store_select(h->a, SPAN("INBOX"), true, &v), E_OK);
	/* nothing comes in, and what makes room goes on */
	fill(5 << 20);
	assert_int_equal(try_append(h->b), STORE_DISK_FULL);
	assert_int_equal(numset_add(&some, 1, 500), E_OK);
	assert_int_equal(store_copy(h->b, v.mailbox, &some, SPAN("Sent"), false, &c),
	    STORE_DISK_FULL);
	assert_int_equal(flag(h->a, &v, STORE_ADD), STORE_DONE);
	assert_int_equal(store_expunge(h->a, v.mailbox, &some, false), STORE_DONE);
	wait_for_room(v.records[0].id);
	mailbox_check(h->b, "INBOX", 500, 0, 0);
	mailbox_check(h->b, "Sent", 0, 0, 0);
	/* nothing at all is changed, and all can be read */
	fill(0);
	deliver("");
	assert_int_equal(try_append(h->b), STORE_DISK_FULL);
	assert_int_equal(flag(h->b, &v, STORE_REMOVE), STORE_DISK_FULL);
	assert_int_equal(
	    store_mailbox_create(h->b, SPAN("more"), NULL, NULL), STORE_DISK_FULL);
	assert_int_equal(store_check(h->b), 500);
	assert_int_equal(rmdir("tmp"), 0);
	assert_int_equal(mkdir("tmp", 0700), 0);
	assert_int_equal(unlink("filler"), 0);
	assert_int_equal(flag(h->b, &v, STORE_REMOVE), STORE_DONE);
	assert_int_equal(try_append(h->b), STORE_DONE);
	mailbox_check(h->b, "INBOX", 502, 502, 0); /* and the one that was delivered */
	assert_int_equal(v.head->is_superseded, 0);
	numset_free(&some);
	store_unselect(h->a, &v);
}

/* Mail comes to a session that waits, there is no room for it, and then there is: it hears of it. */
static void
test_room_later(void **state)
{
	struct home *h = *state;
	struct pollfd p = {.events = POLLIN};
	if (!h)
		skip();
	struct store_view v = selected(h->a, "INBOX");
	assert_int_equal(store_watch(h->a, &v, v.modseq, &p.fd), E_OK);
	fill(5 << 20);
	deliver("Subject: waits for room\r\n\r\n");
	for (unsigned i = 0; i < 3; i++) /* its event is past */
		mailbox_check(h->b, "INBOX", 0, 0, 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(unlink("filler"), 0);
	assert_int_equal(poll(&p, 1, LATER_MS), 1);
	assert_int_equal(v.head->n, 1);
	store_watch_end(h->a);
	store_unselect(h->a, &v);
}

/*
 * Its row was told of, the keeper died before the file moved, and the next one has no room to take in
 * what lies there: that is not gone.
 */
static void
test_told_without_room(void **state)
{
	struct home *h = *state;
	struct buf text = {0};
	glob_t lay, stands;
	if (!h)
		skip();
	deliver("Subject: told\r\n\r\n");
	assert_int_equal(glob("new/*", 0, NULL, &lay), 0);
	struct store_view v = selected(h->a, "INBOX");
	assert_int_equal(store_sync(h->a), E_OK); /* it is moved by then */
	assert_int_equal(glob("msg/*/*", 0, NULL, &stands), 0);
	home_kill();
	assert_int_equal(rename(stands.gl_pathv[0], lay.gl_pathv[0]), 0);
	fill(5 << 20);
	assert_int_equal(store_message_read(h->a, &v.records[0], &text), E_IO);
	assert_int_equal(unlink("filler"), 0);
	assert_int_equal(store_message_read(h->a, &v.records[0], &text), E_OK);
	/* one that is gone is, with room */
	assert_int_equal(unlink(stands.gl_pathv[0]), 0);
	assert_int_equal(store_message_read(h->a, &v.records[0], &text), E_BAD);
	buf_free(&text);
	globfree(&lay);
	globfree(&stands);
	store_unselect(h->a, &v);
}

/*
 * Who sleeps is woken by mail for which there is no room: by nothing would it hear of it later, so it
 * stays up, with whatever it asks, and hears of it then.  Then it sleeps.
 */
static void
test_room_for_sleeper(void **state)
{
	struct home *h = *state;
	struct pollfd p = {.events = POLLIN};
	bool is_same;
	if (!h)
		skip();
	struct store_view v = selected(h->a, "INBOX");
	assert_int_equal(store_doze(h->a, &v, v.modseq, &p.fd, &is_same), E_OK);
	fill(5 << 20);
	deliver("Subject: waits for room\r\n\r\n");
	assert_int_equal(poll(&p, 1, LATER_MS), 1);
	assert_int_equal(store_doze(h->a, &v, v.modseq, &p.fd, &is_same), E_IO);
	assert_int_equal(
	    store_doze_all(h->a, &v, v.modseq, STORE_NO_FEED, &p.fd), E_IO);
	assert_int_equal(store_watch(h->a, &v, v.modseq, &p.fd), E_OK);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(unlink("filler"), 0);
	assert_int_equal(poll(&p, 1, LATER_MS), 1);
	assert_int_equal(v.head->n, 1);
	assert_int_equal(store_doze(h->a, &v, v.head->modseq, &p.fd, &is_same), E_OK);
	assert_int_equal(
	    store_doze_all(h->a, &v, v.head->modseq, STORE_NO_FEED, &p.fd), E_OK);
	store_watch_end(h->a);
	store_unselect(h->a, &v);
}

/* Somebody else takes the room in the middle of it. */
static void
test_no_room(void **state)
{
	struct home *h = *state;
	struct numset all = set_of(1, UINT32_MAX);
	struct store_copied c;
	struct store_mailbox m;
	if (!h)
		skip();
	append_many(h->a, "INBOX", MESSAGES / 5);
	assert_int_equal(store_mailbox(h->a, SPAN("INBOX"), &m), E_OK);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(
		    store_copy(h->a, m.id, &all, SPAN("Archive"), false, &c),
		    STORE_DONE);
		numset_free(&c.from);
		numset_free(&c.to);
	}
	tells_room = true;
	home_kill();
	home_reopen(h);
	for (unsigned i = 0; i < ROUNDS; i++) {
		assert_int_equal(store_sync(h->a), E_OK);
		fill(i * 40000);
		enum store_said said = store_copy(h->a, m.id, &all,
		    i % 2 ? SPAN("Sent") : SPAN("Archive"), false, &c);
		numset_free(&c.from);
		numset_free(&c.to);
		assert_int_equal(unlink("filler"), 0);
		assert_true(said == STORE_DONE || said == STORE_DISK_FULL);
		/* what was told is there, and nothing else */
		uint64_t n = store_check(h->b);
		assert_true(n >= MESSAGES && n % (MESSAGES / 5) == 0);
		assert_int_equal(store_mailbox(h->b, SPAN("INBOX"), &m), E_OK);
		assert_int_equal(m.messages, MESSAGES / 5);
	}
	tells_room = false;
	home_kill();
	home_reopen(h);
	assert_int_equal(try_append(h->a), STORE_DONE);
	store_check(h->b);
	assert_int_equal(access("index.broken", F_OK), -1);
	numset_free(&all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_little_room, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_room_later, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_room_for_sleeper, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_told_without_room, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_room, setup, teardown)};
	return cmocka_run_group_tests_name("store_full", tests, NULL, NULL);
}
