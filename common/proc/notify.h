/* SPDX-License-Identifier: ISC */
/* notify.h - what the service manager is told: sd_notify(3)'s datagrams. */
#ifndef PROC_NOTIFY_H
#define PROC_NOTIFY_H

/* Each does nothing where NOTIFY_SOCKET is not set.  None blocks or fails. */
void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);

#endif
