/* SPDX-License-Identifier: ISC */
/* dkim_make.c - the folder of the keys that sign mail. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "proc/daemon.h"
#include "tls/dkim_key.h"

enum { STATE_MODE = 0711, FOLDER_MODE = 0700 };

void
dkim_folder_make(const struct conf *conf)
{
	struct buf path = {0};
	const char *state = conf_str(conf, "common", "state_dir");
	uid_t uid;
	gid_t gid;
	dkim_path_put(conf, SPAN(""), &path);
	if (mkdir(state, STATE_MODE) == 0) /* whatever the umask */
		(void)!chmod(state, STATE_MODE);
	bool is_there = mkdir(buf_cstr(&path), FOLDER_MODE) == 0 || errno == EEXIST;
	if (is_there && geteuid() == 0)
		is_there = daemon_user(conf, USER_KEY, &uid, &gid) == E_OK &&
		           lchown(buf_cstr(&path), uid, gid) == 0;
	if (!is_there)
		log_event(LOG_WARNING, "no_dkim_folder", "dir=%s err=%s",
		    log_qs(buf_cstr(&path)), log_errno(errno));
	buf_free(&path);
}
