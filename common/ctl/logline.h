/* SPDX-License-Identifier: ISC */
/*
 * logline.h - a line of the log (base/log.h), read back: from our own file, or as syslog and the
 * journal keep it, with their time and host before it.  All pure.
 */
#ifndef CTL_LOGLINE_H
#define CTL_LOGLINE_H

#include "base/buf.h"

enum { LOGLINE_KEYS_MAX = 32, LOGLINE_MAX = 8192 };

struct logline {
	struct span time;    /* as it stands; borrow: of the line, as all spans here */
	int64_t time_us;     /* wall clock; 0: it has none that is known */
	struct span process; /* "queue/sched[123]" */
	struct span level, event;

	struct logline_key {
		struct span key, value; /* the value as it stands, quotes and all */
	} keys[LOGLINE_KEYS_MAX];

	size_t n_keys; /* without level and event */
};

/*
 * logline_parse - time, process, level, event, keys.
 *   now_sec  what year a time without one is of: the last that is not past this
 *   returns  E_OK, E_BAD (no line of ours).  Past LOGLINE_KEYS_MAX keys are left out.
 */
MUST_USE int logline_parse(struct span line, int64_t now_sec, struct logline *out);
/* logline_get - { NULL, 0 } when there is no such key */
struct span logline_get(const struct logline *, const char *key);
/*
 * logline_words - a line in plain words: in the template {key} is a value, and what stands in [] is
 * left out when a value in it is missing.  A template of NULL gives the event and all its keys.
 */
void logline_words(struct buf *out, const struct logline *, const char *template);

#endif
