/* SPDX-License-Identifier: ISC */
/*
 * log.h - one line an event: "daemon/role[pid]: event=NAME sid=... mid=... key=value ...".
 * Lines go to syslog (a datagram socket to /dev/log) or to a descriptor; both are opened by the
 * monitor and inherited, so a jailed process logs without a file system.
 * A value that came from outside is passed through log_q, which quotes and bounds it.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <syslog.h>

#include "base/id.h"
#include "base/span.h"

enum { LOG_LINE_MAX = 1000, LOG_VALUE_MAX = 320, LOG_LOSS_MS = 1000 };

/*
 * log_open - daemon (static storage) and where: a descriptor, kept; is_syslog: it speaks RFC 3164
 * datagrams
 */
void log_open(const char *daemon, int fd, bool is_syslog);
int log_fd(void);
bool log_is_syslog(void);
/*
 * log_on_loss - what is done with a line that a syslogd did not take because it is another one now;
 * called at most once in LOG_LOSS_MS, so while there is none it costs little.  Other such lines are
 * lost.  NULL: all are
 */
void log_on_loss(void (*)(struct span line));
void log_role(const char *role);   /* borrow: static storage */
void log_level(int most);          /* LOG_INFO by default; LOG_DEBUG shows all */
void log_session(const char *sid); /* copied; NULL: none.  In every line from now on */
/* copied; NULL: none.  In every line from now on */
void log_message(const struct id *id);

/* fmt "": no more keys */
void log_event(int level, const char *event, const char *fmt, ...) FMT(3, 4);
/*
 * log_from_signal - as log_event, with one number; takes no lock and no memory, so a signal handler
 * may call it.  Such a line carries no date of ours.
 */
void log_from_signal(const char *event, const char *key, unsigned number);
/* log_q - a value made safe: as is when it is plain, else in quotes with escapes; at most
 * LOG_VALUE_MAX bytes.  In one of 8 rotating static buffers. */
const char *log_q(struct span);
const char *log_qs(const char *);
/* log_errno - "ENOSPC (No space left on device)": the value of err=..., quoted */
const char *log_errno(int err);

#endif
