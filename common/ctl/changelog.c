/* SPDX-License-Identifier: ISC */
/* changelog.c - a change that a command made, as a line where the daemons log. */
#include "ctl/changelog.h"

#include <unistd.h>

#include "base/log.h"
#include "proc/logfile.h"

bool
changelog_begin(const struct merpati *c)
{
	if (logfile_open(c->conf, "merpati") != E_OK)
		return false;
	log_level(LOG_INFO);
	return true;
}

void
changelog_end(void)
{
	log_open("merpati", STDERR_FILENO, false);
	log_level(LOG_WARNING);
}
