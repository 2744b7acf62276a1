/* SPDX-License-Identifier: ISC */
/* library.c - of a module that is nothing but the name of a library: see proc/module.h. */

extern const char net_library[];
const char net_library[] = "loaded by the role that needs it";
