/* SPDX-License-Identifier: ISC */
/* mail_key.c - the role "key" where mail is signed: it may read STATE/dkim. */
#include "proc/child.h"
#include "proc/jail.h"
#include "tls/dkim_key.h"
#include "tls/dkim_keys.h"
#include "tls/key.h"

void
key_mail_jail(struct jail *j)
{
	static struct buf path; /* until jail_enter; a monitor asks before each fork */
	buf_reset(&path);
	dkim_path_put(the_child.conf, SPAN(""), &path);
	j->calls |= JAIL_FILES_READ;
	jail_allow(j, buf_cstr(&path), JAIL_READ);
}

int
key_mail_run(void)
{
	dkim_keys_open(the_child.conf);
	return child_serve(key_mail_table, NULL, 0);
}
