/* SPDX-License-Identifier: ISC */
/* dir.c - the folder of the account table. */
#include <errno.h>
#include <sys/stat.h>

#include "account/account.h"
#include "base/log.h"
#include "conf/conf.h"

enum { STATE_MODE = 0711, DIR_MODE = 0750 };

int
accounts_dir_make(const struct conf *conf)
{
	struct buf path = {0};
	const char *state = conf_str(conf, "common", "state_dir");
	buf_putf(&path, "%s/accounts", state);
	bool is_there = (mkdir(state, STATE_MODE) == 0 || errno == EEXIST) &&
	    (mkdir(buf_cstr(&path), DIR_MODE) == 0 || errno == EEXIST);
	if (!is_there)
		log_event(LOG_WARNING, "no_accounts_dir", "dir=%s err=%s", log_qs(buf_cstr(&path)), log_errno(errno));
	buf_free(&path);
	return is_there ? E_OK : E_IO;
}
