/* SPDX-License-Identifier: ISC */
/* retention_of.c - rules of retention, for tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/conf.h"
#include "retention_of.h"

struct retention_of
retention_of(const char *items, const char *address)
{
	char path[] = "/tmp/merpati-test-retention.XXXXXX";
	struct buf errors = {0};
	struct retention_of r = {NULL, NULL};
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	dprintf(fd, "version = 1\ncommon {\n\tretention = {%s}\n}\n", items);
	close(fd);
	int err = conf_load(path, &errors, &r.conf);
	unlink(path);
	if (err != E_OK)
		fail_msg("%s", buf_cstr(&errors));
	buf_free(&errors);
	r.rules =
	    retention_new(r.conf, &(struct retention_own){.address = span_of(address)});
	return r;
}

void
retention_of_free(struct retention_of *r)
{
	retention_free(&r->rules);
	conf_free(&r->conf);
}
