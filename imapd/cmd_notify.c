/* SPDX-License-Identifier: ISC */
/* cmd_notify.c - NOTIFY: RFC 5465 3.1. */
#include "imapd/notify.h"

enum reply
cmd_notify(struct session *s, struct command *c)
{
	switch (notify_begin(s, &c->parse)) {
	case E_OK:
		break;
	case E_BAD:
		return R_SYNTAX;
	case E_DENY:
		buf_str(&s->code, "BADEVENT (");
		notify_events_put(&s->code);
		buf_ch(&s->code, ')');
		return R_CANNOT;
	case E_LIMIT:
		buf_str(&s->code, "NOTIFICATIONOVERFLOW");
		return R_LIMIT;
	default:
		return R_LATER;
	}
	notify_answer(s);
	return R_DONE;
}
