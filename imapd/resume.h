/* SPDX-License-Identifier: ISC */
/* resume.h - the selected mailbox of a client whose session slept: what it knew, out of a rule. */
#ifndef IMAPD_RESUME_H
#define IMAPD_RESUME_H

#include "imapd/session.h"
#include "imapd/slept.h"

/*
 * selected_save - fills out, whose sets are own.  The client was told all that a command may tell;
 * expunges that it may not be told of go along.  E_OK; E_MORE (it cannot be said in few bytes, or
 * the view is no more: not now)
 */
MUST_USE int selected_save(const struct selected *, struct slept_mailbox *out);
/*
 * selected_resume - s has it selected as it had; what happened meanwhile is told by the next
 * selected_update.  is_for_news: store_reselect's.  E_OK; E_BAD (it is no more, another one has its
 * name, or nobody knows any more what went from it); E_IO.  Takes out->saved
 */
MUST_USE int selected_resume(
    struct session *, struct slept_mailbox *, bool is_for_news);

#endif
