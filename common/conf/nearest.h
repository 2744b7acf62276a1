/* SPDX-License-Identifier: ISC */
/* nearest.h - what somebody may have meant who wrote a name that is not there. */
#ifndef CONF_NEAREST_H
#define CONF_NEAREST_H

#include "base/buf.h"

/*
 * nearest_say - adds "there is no setting "x" in section y; the nearest is z"; section "root" is
 * the file's top
 */
void nearest_say(const char *section, struct span name, struct buf *out);

#endif
