/* SPDX-License-Identifier: ISC */
/* dir.c - the folder of the account table. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/account.h"
#include "account/files.h"
#include "base/log.h"
#include "conf/conf.h"

enum { STATE_MODE = 0711, DIR_MODE = 0750 };

/* Whatever the umask: who makes it first is a monitor, or an admin with a narrow one. */
static bool
make(const char *path, mode_t mode)
{
	return mkdir(path, mode) == 0 ? chmod(path, mode) == 0 : errno == EEXIST;
}

int
accounts_dir_make(const struct conf *conf)
{
	struct buf path = {0};
	const char *state = conf_str(conf, "common", "state_dir");
	buf_putf(&path, "%s/accounts", state);
	bool is_there = make(state, STATE_MODE) && make(buf_cstr(&path), DIR_MODE);
	if (!is_there)
		log_event(LOG_WARNING, "no_accounts_dir", "dir=%s err=%s",
		    log_qs(buf_cstr(&path)), log_errno(errno));
	buf_free(&path);
	return is_there ? E_OK : E_IO;
}

/* Not of the folder alone: a role makes that before there are files in it. */
int
accounts_find(const struct conf *conf, struct accounts **out)
{
	struct buf dir = {0}, table = {0};
	buf_putf(&dir, "%s/accounts", conf_str(conf, "common", "state_dir"));
	buf_putf(&table, "%s/" ACCOUNTS_TABLE, buf_cstr(&dir));
	int err = access(buf_cstr(&table), F_OK) == 0
	              ? accounts_open(buf_cstr(&dir), false, out)
	              : E_BAD;
	buf_free(&dir);
	buf_free(&table);
	return err;
}
