/* SPDX-License-Identifier: ISC */
/*
 * module.h - libraries that one role needs, or one configuration: loaded by that process alone.
 *
 * What a program is linked with, every process that it forks has mapped, and a fork copies each
 * mapping: with libcurl, libunbound and the 20 libraries that these bring, smtpd had 216 instead of
 * 113, and a session's fork and end cost 0.3 ms more.  So these two come as modules that hold
 * nothing but their library's name (net/library.c), and aliases in SQL and LDAP as modules of ours
 * (maps/driver.h).
 */
#ifndef PROC_MODULE_H
#define PROC_MODULE_H

#include "base/base.h"

/*
 * module_open - loads NAME.so from where this program was installed, or from the folder of common/
 * where it was built; before the jail.  It blocks for as long as the disk does.
 *   returns  for dlsym, which looks into its libraries, too; own: dlclose.  NULL: dlerror says why
 */
void *module_open(const char *folder, const char *name);

/*
 * module_take - a function of it, put where its caller keeps it; what the names say of its type is
 * the caller's word.  Ends the process when the library has it not: it is another than that which
 * this program was built with.
 */
void module_take(void *module, const char *symbol, void *function);

#endif
