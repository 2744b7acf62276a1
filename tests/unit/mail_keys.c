/* SPDX-License-Identifier: ISC */
/* mail_keys.c - a folder of keys that sign mail, and the role "key" over it. */
#include "mail_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proc/child.h"
#include "scratch.h"
#include "tls/dkim_keys.h"
#include "tls/key.h"

static struct {
	char dir[64];
	struct conf *conf; /* own */
	pid_t key_pid;
} the;

void
mail_keys_path(const char *name, char *out, size_t n)
{
	snprintf(out, n, "%s/%s", the.dir, name);
}

void
mail_keys_file(const char *name, struct span text)
{
	char path[256];
	mail_keys_path(name, path, sizeof path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n);
	close(fd);
}

void
mail_keys_dir(const char *name)
{
	char path[256];
	mail_keys_path(name, path, sizeof path);
	assert_int_equal(mkdir(path, 0700), 0);
}

void
mail_keys_make(const char *file, enum dkim_key_kind kind, struct buf *record)
{
	struct dkim_key *key = dkim_key_new(kind);
	struct buf pem = {0}, public = {0};
	dkim_key_pem(key, &pem);
	dkim_key_public(key, &public);
	mail_keys_file(file, buf_as_span(&pem));
	buf_reset(record);
	buf_putf(record, "v=DKIM1; k=%s; p=", dkim_key_kind_name(kind));
	buf_base64(record, buf_as_span(&public));
	dkim_key_free(&key);
	buf_wipe(&pem);
	buf_free(&public);
}

int
mail_keys_setup(void **state)
{
	struct buf text = {0}, errors = {0};
	char path[128];
	(void)state;
	snprintf(the.dir, sizeof the.dir, "/tmp/test_dkim.XXXXXX");
	assert_non_null(mkdtemp(the.dir));
	buf_putf(&text, "version = 1\ncommon {\n\tstate_dir = \"%s\"\n}\n", the.dir);
	mail_keys_file("conf", buf_as_span(&text));
	mail_keys_path("conf", path, sizeof path);
	assert_int_equal(conf_load(path, &errors, &the.conf), E_OK);
	mail_keys_dir("dkim");
	buf_free(&text);
	buf_free(&errors);
	return 0;
}

int
mail_keys_teardown(void **state)
{
	(void)state;
	conf_free(&the.conf);
	scratch_remove(the.dir);
	return 0;
}

/* ---- the role, in a process of its own ---- */

NORETURN static void
serve_key(int chan)
{
	struct buf scratch = {0};
	const struct ask_table *t = key_mail_table(0);
	dkim_keys_open(the.conf);
	struct asker *a = asker_new(chan, t->rows, t->n_rows, t->who, NULL);
	struct pollfd p = {.fd = chan, .events = POLLIN};
	while (poll(&p, 1, -1) >= 0 && asker_serve(a, &scratch, 8) == E_OK)
		continue;
	_exit(0);
}

int
mail_keys_channel(int *out)
{
	int pair[2];
	ask_pair(pair);
	the.key_pid = fork();
	if (the.key_pid == 0) {
		close(pair[0]);
		serve_key(pair[1]);
	}
	close(pair[1]);
	*out = pair[0];
	return the.key_pid < 0 ? E_IO : E_OK;
}

void
mail_keys_gone(struct dkim_signer *s)
{
	dkim_signer_done(s);
	assert_int_equal(waitpid(the.key_pid, NULL, 0), the.key_pid);
}

void
mail_keys_answer(struct lookups *l, const struct mail_record *records, size_t n)
{
	const struct resolver_query *q;
	while ((q = lookups_wanted(l, 0)) != NULL) {
		struct dns_record *r = arena_get(&l->arena, sizeof *r);
		struct dns_answer a = {.status = DNS_NO_NAME};
		for (size_t i = 0; i < n; i++)
			if (span_eqs(q->name, records[i].name)) {
				r->data = buf_as_span(records[i].text);
				a = (struct dns_answer){
				    .status = DNS_FOUND, .records = r, .n_records = 1};
			}
		lookups_put(l, &a);
	}
}
