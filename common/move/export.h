/* SPDX-License-Identifier: ISC */
/*
 * export.h - a mailbox as a Maildir++ of Dovecot's kind, in a process of the mailbox's uid, in its
 * jail; the command writes the files.  Messages as they are kept (CRLF), with dates, flags,
 * keywords, UIDs, UIDVALIDITY and UIDLs: an import of it gives the same account.  What a Maildir
 * cannot say is told: more than 26 keywords of a folder, dates of saving.
 */
#ifndef MOVE_EXPORT_H
#define MOVE_EXPORT_H

/*
 * export_run - command: for MOVE_MAKE_DIRECTORY, MOVE_WRITE, MOVE_PROGRESS, MOVE_ROW, MOVE_SAY.  An
 * exit status
 */
int export_run(int command, const char *home);

#endif
