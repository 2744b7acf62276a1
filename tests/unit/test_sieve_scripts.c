/* SPDX-License-Identifier: ISC */
/* test_sieve_scripts.c - names of scripts, and the folder that holds them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"
#include "sieve/script_name.h"

static char home[] = "/tmp/sieve_scripts.XXXXXX";
static int home_fd;

static int
enter(void **st)
{
	(void)st;
	strcpy(home + sizeof home - 7, "XXXXXX");
	if (!mkdtemp(home) || chdir(home) != 0)
		return -1;
	home_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return home_fd < 0 ? -1 : 0;
}

static int
leave(void **st)
{
	(void)st;
	close(home_fd);
	if (chdir("/") != 0)
		return -1;
	scratch_remove(home);
	return 0;
}

/* ---- names ---- */

static void
test_names(void **st)
{
	/* clang-format off */
	static const struct {
		const char *name, *file; /* NULL: not permitted */
	} rows[] = {
		{"", NULL},
		{"a", "a.sieve"},
		{"my vacation", "my vacation.sieve"},
		{"a.sieve", "a.sieve.sieve"},
		{"active", "active.sieve"},
		{".", "%2E.sieve"},
		{"..", "%2E..sieve"},
		{".new", "%2Enew.sieve"},
		{"a.b", "a.b.sieve"},
		{"../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd.sieve"},
		{"/etc/passwd", "%2Fetc%2Fpasswd.sieve"},
		{"100%", "100%25.sieve"},
		{"%2F", "%252F.sieve"},
		{"b\xc3\xbcro", "b\xc3\xbcro.sieve"},
		{"\xc2\xa0", "\xc2\xa0.sieve"},   /* U+00A0 is none of C1 */
		{"\xe2\x80\xa7", "\xe2\x80\xa7.sieve"},
		{"a\nb", NULL},
		{"a\rb", NULL},
		{"\t", NULL},
		{"\x7f", NULL},
		{"\xc2\x80", NULL},               /* C1 */
		{"a\xc2\x9f", NULL},
		{"\xe2\x80\xa8", NULL},           /* LINE SEPARATOR */
		{"a\xe2\x80\xa9z", NULL},         /* PARAGRAPH SEPARATOR */
		{"\xff", NULL},                   /* no UTF-8 */
		{"\xc0\xaf", NULL},               /* an overlong slash */
		{"\xed\xa0\x80", NULL},           /* a surrogate */
	};

	/* clang-format on */
	(void)st;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf file = {0}, back = {0};
		int err = sieve_name_to_file(span_of(rows[i].name), &file);
		if (err != (rows[i].file ? E_OK : E_BAD))
			fail_msg("row %zu: %s", i, err_name(err));
		if (rows[i].file) {
			assert_string_equal(buf_cstr(&file), rows[i].file);
			assert_int_equal(
			    sieve_name_of_file(buf_as_span(&file), &back), E_OK);
			assert_string_equal(buf_cstr(&back), rows[i].name);
		}
		buf_free(&file);
		buf_free(&back);
	}
	assert_false(sieve_name_valid(span_make("a\0b", 3)));
}

static void
repeat(const char *what, size_t n, struct buf *out)
{
	buf_reset(out);
	for (size_t i = 0; i < n; i++)
		buf_str(out, what);
}

static void
test_long_names(void **st)
{
	static const struct {
		const char *what;
		size_t n;
		bool is_valid;
	} rows[] = {
	    {"a", 128, true},
	    {"a", 129, false},
	    {"\xc3\xbc", 124, true},
	    {"\xc3\xbc", 125, false}, /* 250 octets of a file name, and ".sieve" */
	    {"\xe4\xb8\xad", 83, true},
	    {"\xe4\xb8\xad", 84, false},
	    {"/", 83, true},
	    {"/", 84, false},
	};
	struct buf name = {0};
	(void)st;
	for (size_t i = 0; i < COUNT(rows); i++) {
		repeat(rows[i].what, rows[i].n, &name);
		if (sieve_name_valid(buf_as_span(&name)) != rows[i].is_valid)
			fail_msg("row %zu", i);
	}
	buf_free(&name);
}

static void
test_files_of_nobody(void **st)
{
	static const char *const rows[] = {"", "a", ".sieve", "..sieve", ".a.sieve",
	    "active", ".new", "a%.sieve", "a%2f.sieve", "%41.sieve", "a%00.sieve",
	    "%2Ea%2E.sieve", "a\n.sieve", "a.Sieve", "a.sieve~", "\xff.sieve"};
	(void)st;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf name = {0};
		if (sieve_name_of_file(span_of(rows[i]), &name) != E_BAD)
			fail_msg("%s", rows[i]);
		buf_free(&name);
	}
}

/* ---- the folder ---- */

static struct sieve_scripts
opened(bool makes)
{
	struct sieve_scripts s;
	assert_int_equal(sieve_scripts_open(home_fd, makes, &s), E_OK);
	return s;
}

static void
put(struct sieve_scripts *s, const char *name, const char *text)
{
	enum sieve_quota what;
	assert_int_equal(
	    sieve_scripts_put(s, span_of(name), span_of(text), &what), E_OK);
}

static void
text_is(struct sieve_scripts *s, const char *name, const char *text)
{
	struct buf out = {0};
	assert_int_equal(sieve_scripts_read(s, span_of(name), &out), E_OK);
	assert_string_equal(buf_cstr(&out), text);
	buf_free(&out);
}

/* "a b* c": by name, the active one with a star */
static void
list_is(struct sieve_scripts *s, const char *want)
{
	struct sieve_script_list l;
	struct buf out = {0};
	assert_int_equal(sieve_scripts_list(s, &l), E_OK);
	for (size_t i = 0; i < l.n; i++)
		buf_putf(&out, "%s%.*s%s", i ? " " : "", SPAN_ARG(l.rows[i].name),
		    l.rows[i].is_active ? "*" : "");
	assert_string_equal(buf_cstr(&out), want);
	arena_reset(&l.arena);
	buf_free(&out);
}

static void
file_write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void
test_no_folder(void **st)
{
	struct buf out = {0};
	(void)st;
	struct sieve_scripts s = opened(false);
	assert_int_equal(s.dir, -1);
	list_is(&s, "");
	assert_int_equal(sieve_scripts_active(&s, &out), E_MORE);
	assert_int_equal(sieve_scripts_read(&s, SPAN("a"), &out), E_MORE);
	assert_int_equal(sieve_scripts_activate(&s, SPAN("a")), E_MORE);
	assert_int_equal(sieve_scripts_activate(&s, SPAN("")), E_OK);
	assert_int_equal(sieve_scripts_delete(&s, SPAN("a")), E_MORE);
	sieve_scripts_close(&s);
}

static void
test_put_and_list(void **st)
{
	struct stat file;
	(void)st;
	umask(0);
	struct sieve_scripts s = opened(true);
	put(&s, "b", "keep;\n");
	put(&s, "a/..", "discard;\n");
	put(&s, "b", "stop;\n");
	list_is(&s, "a/.. b");
	text_is(&s, "b", "stop;\n");
	text_is(&s, "a/..", "discard;\n");
	assert_int_equal(stat("sieve/b.sieve", &file), 0);
	assert_int_equal(file.st_mode & 07777, 0600);
	assert_int_equal(file.st_uid, geteuid());
	assert_int_equal(stat("sieve", &file), 0);
	assert_int_equal(file.st_mode & 07777, 0700);
	assert_int_equal(access("sieve/.new", F_OK), -1);
	file_write_text("sieve/.new", "left by a crash");
	file_write_text("sieve/notes.txt", "of the user's");
	put(&s, "c", "");
	list_is(&s, "a/.. b c");
	sieve_scripts_close(&s);
}

static void
test_active(void **st)
{
	struct buf name = {0};
	(void)st;
	struct sieve_scripts s = opened(true);
	put(&s, "a", "1");
	put(&s, "b", "2");
	assert_int_equal(sieve_scripts_active(&s, &name), E_MORE);
	assert_int_equal(sieve_scripts_activate(&s, SPAN("c")), E_MORE);
	assert_int_equal(sieve_scripts_activate(&s, SPAN("a")), E_OK);
	list_is(&s, "a* b");
	assert_int_equal(sieve_scripts_active(&s, &name), E_OK);
	assert_string_equal(buf_cstr(&name), "a");
	assert_int_equal(sieve_scripts_delete(&s, SPAN("a")), E_DENY);
	assert_int_equal(sieve_scripts_activate(&s, SPAN("b")), E_OK);
	list_is(&s, "a b*");
	assert_int_equal(sieve_scripts_delete(&s, SPAN("a")), E_OK);
	assert_int_equal(sieve_scripts_delete(&s, SPAN("a")), E_MORE);
	assert_int_equal(sieve_scripts_activate(&s, SPAN("")), E_OK);
	assert_int_equal(sieve_scripts_activate(&s, SPAN("")), E_OK);
	list_is(&s, "b");
	sieve_scripts_close(&s);
	buf_free(&name);
}

static void
test_what_active_says(void **st)
{
	static const char *const rows[] = {
	    "", "\n", "a", "a\nb\n", "../a\n\n", "\xff\n"};
	struct buf name = {0};
	(void)st;
	struct sieve_scripts s = opened(true);
	put(&s, "a", "1");
	for (size_t i = 0; i < COUNT(rows); i++) {
		file_write_text("sieve/active", rows[i]);
		assert_int_equal(sieve_scripts_active(&s, &name), E_MORE);
		assert_int_equal(name.len, 0);
	}
	repeat("a", SIEVE_NAME_BYTES_MAX + 2, &name);
	file_write_text("sieve/active", buf_cstr(&name));
	buf_reset(&name);
	assert_int_equal(sieve_scripts_active(&s, &name), E_MORE);
	list_is(&s, "a");
	/* that it is there is seen when it is read */
	file_write_text("sieve/active", "gone\n");
	assert_int_equal(sieve_scripts_active(&s, &name), E_OK);
	assert_int_equal(sieve_scripts_read(&s, buf_as_span(&name), &name), E_MORE);
	sieve_scripts_close(&s);
	buf_free(&name);
}

static void
test_rename(void **st)
{
	(void)st;
	struct sieve_scripts s = opened(true);
	put(&s, "a", "1");
	put(&s, "b", "2");
	assert_int_equal(sieve_scripts_activate(&s, SPAN("a")), E_OK);
	assert_int_equal(sieve_scripts_rename(&s, SPAN("a"), SPAN("b")), E_DENY);
	assert_int_equal(sieve_scripts_rename(&s, SPAN("a"), SPAN("a")), E_DENY);
	assert_int_equal(sieve_scripts_rename(&s, SPAN("c"), SPAN("d")), E_MORE);
	assert_int_equal(sieve_scripts_rename(&s, SPAN("a"), SPAN("")), E_BAD);
	assert_int_equal(sieve_scripts_rename(&s, SPAN("a"), SPAN("x\n")), E_BAD);
	list_is(&s, "a* b");
	assert_int_equal(sieve_scripts_rename(&s, SPAN("a"), SPAN("c")), E_OK);
	assert_int_equal(sieve_scripts_rename(&s, SPAN("b"), SPAN("a")), E_OK);
	list_is(&s, "a c*");
	text_is(&s, "c", "1");
	text_is(&s, "a", "2");
	sieve_scripts_close(&s);
}

static void
test_room(void **st)
{
	enum sieve_quota what;
	(void)st;
	struct sieve_scripts s = opened(true);
	s.most = 2;
	s.bytes_most = 5;
	put(&s, "a", "12345");
	assert_int_equal(sieve_scripts_room(&s, SPAN("a"), 6, &what), E_LIMIT);
	assert_int_equal(what, SIEVE_QUOTA_SIZE);
	assert_int_equal(
	    sieve_scripts_put(&s, SPAN("a"), SPAN("123456"), &what), E_LIMIT);
	put(&s, "b", "1");
	assert_int_equal(sieve_scripts_room(&s, SPAN("b"), 5, &what), E_OK);
	assert_int_equal(sieve_scripts_room(&s, SPAN("c"), 1, &what), E_LIMIT);
	assert_int_equal(what, SIEVE_QUOTA_SCRIPTS);
	assert_int_equal(sieve_scripts_put(&s, SPAN("c"), SPAN("1"), &what), E_LIMIT);
	assert_int_equal(what, SIEVE_QUOTA_SCRIPTS);
	assert_int_equal(sieve_scripts_room(&s, SPAN("x\n"), 1, &what), E_BAD);
	assert_int_equal(sieve_scripts_put(&s, SPAN(""), SPAN("1"), &what), E_BAD);
	list_is(&s, "a b");
	text_is(&s, "a", "12345");
	sieve_scripts_close(&s);
}

static void
test_bounded(void **st)
{
	struct buf out = {.max = 4};
	(void)st;
	struct sieve_scripts s = opened(true);
	put(&s, "a", "12345");
	assert_int_equal(sieve_scripts_read(&s, SPAN("a"), &out), E_LIMIT);
	sieve_scripts_close(&s);
	buf_free(&out);
}

/* What is no regular file is an error or not there, and nothing waits for its other end. */
static void
test_no_files(void **st)
{
	struct buf out = {0};
	(void)st;
	struct sieve_scripts s = opened(true);
	file_write_text("secret", "keep out\n");
	assert_int_equal(symlink("../secret", "sieve/link.sieve"), 0);
	assert_int_equal(mkfifo("sieve/fifo.sieve", 0600), 0);
	assert_int_equal(mkdir("sieve/dir.sieve", 0700), 0);
	list_is(&s, "");
	assert_int_equal(sieve_scripts_read(&s, SPAN("link"), &out), E_IO);
	assert_int_equal(sieve_scripts_read(&s, SPAN("fifo"), &out), E_IO);
	assert_int_equal(sieve_scripts_read(&s, SPAN("dir"), &out), E_IO);
	assert_int_equal(out.len, 0);
	assert_int_equal(sieve_scripts_activate(&s, SPAN("link")), E_MORE);
	assert_int_equal(sieve_scripts_delete(&s, SPAN("fifo")), E_MORE);
	assert_int_equal(mkfifo("sieve/active", 0600), 0);
	assert_int_equal(sieve_scripts_active(&s, &out), E_IO);
	assert_int_equal(unlink("sieve/active"), 0);
	assert_int_equal(symlink("../secret", "sieve/active"), 0);
	assert_int_equal(sieve_scripts_active(&s, &out), E_IO);
	/* a put takes the place of a link, and follows none */
	assert_int_equal(symlink("../secret", "sieve/.new"), 0);
	put(&s, "link", "keep;\n");
	text_is(&s, "link", "keep;\n");
	assert_int_equal(access("secret", F_OK), 0);
	sieve_scripts_close(&s);
	buf_free(&out);
}

static void
test_folder_is_link(void **st)
{
	struct sieve_scripts s;
	(void)st;
	assert_int_equal(symlink("/", "sieve"), 0);
	assert_int_equal(sieve_scripts_open(home_fd, false, &s), E_IO);
	assert_int_equal(sieve_scripts_open(home_fd, true, &s), E_IO);
	assert_int_equal(unlink("sieve"), 0);
	assert_int_equal(mkfifo("sieve", 0600), 0);
	assert_int_equal(sieve_scripts_open(home_fd, false, &s), E_IO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_long_names),
	    cmocka_unit_test(test_files_of_nobody),
	    cmocka_unit_test_setup_teardown(test_no_folder, enter, leave),
	    cmocka_unit_test_setup_teardown(test_put_and_list, enter, leave),
	    cmocka_unit_test_setup_teardown(test_active, enter, leave),
	    cmocka_unit_test_setup_teardown(test_what_active_says, enter, leave),
	    cmocka_unit_test_setup_teardown(test_rename, enter, leave),
	    cmocka_unit_test_setup_teardown(test_room, enter, leave),
	    cmocka_unit_test_setup_teardown(test_bounded, enter, leave),
	    cmocka_unit_test_setup_teardown(test_no_files, enter, leave),
	    cmocka_unit_test_setup_teardown(test_folder_is_link, enter, leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
