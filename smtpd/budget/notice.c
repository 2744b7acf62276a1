/* SPDX-License-Identifier: ISC */
/* notice.c - what the postmaster is told of an account that tripped. */
#include "base/clock.h"
#include "smtpd/budget/budget.h"
#include "smtpd/budget/errand.h"

static const char return_path[] = "Return-Path: <>\r\n";

/* It was chosen by who has it: nothing of it may look like more than a name. */
static void
put_account(struct buf *out, struct span account)
{
	for (size_t i = 0; i < account.n; i++) {
		bool is_plain = account.p[i] > ' ' && account.p[i] < 127;
		buf_ch(out, is_plain ? account.p[i] : '?');
	}
}

void
notice_put(struct buf *out, struct span account, const struct trip *t,
    const char *postmaster, const char *hostname, uint32_t *head_bytes)
{
	buf_str(out, return_path);
	*head_bytes = (uint32_t)out->len;
	buf_str(out, "Date: ");
	date_put(out, t->since_sec);
	buf_putf(out,
	    "\r\nFrom: Mail system <%s>\r\nTo: <%s>\r\nMessage-ID: <%s@%s>\r\n"
	    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\nSubject: ",
	    postmaster, postmaster, id_text(t->notice), hostname);
	put_account(out, account);
	buf_str(out, " sent too much and was stopped\r\n\r\nThe account ");
	put_account(out, account);
	buf_putf(out, " of %s wanted to send more than ", hostname);
	overrun_put(out, &t->over);
	buf_str(out,
	    ".\r\n\r\nIts sessions were ended, what waits of its mail is held, and it "
	    "may not submit mail\r\nuntil you say so.  It can still read its "
	    "mail.\r\n\r\nTo look at what it sent:\r\n\r\n    merpati queue list "
	    "--account ");
	put_account(out, account);
	buf_str(out,
	    "\r\n\r\nAnother password, where somebody else knows the old one; the held "
	    "mail goes away:\r\n\r\n");
	static const char *const commands[] = {"passwd", "purge"};
	for (size_t i = 0; i < COUNT(commands); i++) {
		buf_putf(out, "    merpati user %s ", commands[i]);
		put_account(out, account);
		buf_str(out, "\r\n");
	}
	buf_str(out, "\r\nIt may send again, and held mail goes on its way:\r\n\r\n    "
		     "merpati user release ");
	put_account(out, account);
	buf_str(out, "\r\n");
}
