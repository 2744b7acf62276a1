/* SPDX-License-Identifier: ISC */
/*
 * keeper_load.c - keeper_load DIR [ACCOUNTS [ROUNDS]]: what a keeper's start and end take, on
 * accounts made in DIR (a new directory).  Each start is that of a session that selects INBOX, in
 * which one message has come.  Medians; CPU is of the keeper's process alone.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/name.h"
#include "store/store.h"
#include "tls/hash.h"

enum { ACCOUNTS = 20, ROUNDS = 10, STARTS_MOST = 10000, MESSAGE_BYTES = 4096 };

static char message[MESSAGE_BYTES];
static int64_t start_us[STARTS_MOST], end_us[STARTS_MOST], cpu_us[STARTS_MOST],
    faults[STARTS_MOST];

static void
must(int ok)
{
	if (!ok) {
		fprintf(stderr, "a call failed\n");
		exit(1);
	}
}

static int
by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static void
said(const char *what, const char *unit, int64_t *all, size_t n)
{
	qsort(all, n, sizeof *all, by_size);
	printf("%-40s %8lld %s  (least %lld, most %lld)\n", what, (long long)all[n / 2],
	    unit, (long long)all[0], (long long)all[n - 1]);
}

/* In a process of its own: the working directory is the account's. */
static int64_t
in_child(int64_t (*fn)(const char *home), const char *home)
{
	int64_t took = -1;
	int pair[2], status = 1;
	must(pipe2(pair, O_CLOEXEC) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		took = fn(home);
		_exit(write(pair[1], &took, sizeof took) == sizeof took ? 0 : 1);
	}
	close(pair[1]);
	must(waitpid(pid, &status, 0) == pid && status == 0 &&
	     read(pair[0], &took, sizeof took) == sizeof took);
	close(pair[0]);
	return took;
}

static int64_t
create(const char *home)
{
	must(mkdir(home, 0700) == 0 && store_create(home) == E_OK);
	return 0;
}

static int64_t
start(const char *home)
{
	struct store *s;
	struct store_view v;
	must(store_open(home, &s) == E_OK);
	int64_t begin_us = clock_mono_us();
	must(store_select(s, SPAN("INBOX"), true, &v) == E_OK);
	int64_t took_us = clock_mono_us() - begin_us;
	store_unselect(s, &v);
	store_close(&s);
	return took_us;
}

static int64_t
end(const char *home)
{
	int64_t begin_us = clock_mono_us();
	must(store_end_guests(home) == E_OK);
	return clock_mono_us() - begin_us;
}

/* A message comes, as a placer brings it. */
static void
place(const char *home, struct id id)
{
	struct file_name f = {.id = file_id_of(id, 7), .size_bytes = sizeof message};
	struct buf path = {0};
	sha256(span_make(message, sizeof message), f.sha256);
	buf_putf(&path, "%s/new/", home);
	file_name_put(&path, &f);
	int fd = open(buf_cstr(&path), O_WRONLY | O_CREAT | O_EXCL, 0600);
	must(write(fd, message, sizeof message) == sizeof message && close(fd) == 0);
	buf_free(&path);
}

int
main(int argc, char **argv)
{
	struct rusage used;
	int n_accounts = argc > 2 ? atoi(argv[2]) : ACCOUNTS,
	    n_rounds = argc > 3 ? atoi(argv[3]) : ROUNDS;
	size_t n = 0;
	if (argc < 2 || n_accounts < 1 || n_rounds < 1 ||
	    n_accounts * n_rounds > STARTS_MOST)
		return 64;
	memset(message, 'x', sizeof message);
	/* keepers are nobody's children: they become ours */
	must(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	store_prepare();
	for (int a = 0; a < n_accounts; a++) {
		char home[4096];
		snprintf(home, sizeof home, "%s/%d", argv[1], a);
		in_child(create, home);
	}
	for (int r = 0; r < n_rounds; r++)
		for (int a = 0; a < n_accounts; a++, n++) {
			char home[4096];
			snprintf(home, sizeof home, "%s/%d", argv[1], a);
			place(home, id_new());
			start_us[n] = in_child(start, home);
			end_us[n] = in_child(end, home);
			must(wait4(-1, NULL, 0, &used) > 0);
			cpu_us[n] =
			    used.ru_utime.tv_sec * 1000000 + used.ru_utime.tv_usec +
			    used.ru_stime.tv_sec * 1000000 + used.ru_stime.tv_usec;
			faults[n] = used.ru_minflt;
		}
	said("a keeper's start, to the view", "us", start_us, n);
	said("its end, to its lock", "us", end_us, n);
	said("its CPU", "us", cpu_us, n);
	said("its page faults", "  ", faults, n);
	return 0;
}
