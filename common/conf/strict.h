/* SPDX-License-Identifier: ISC */
/* strict.h - items of strict_bare and its like: "smtp=count". */
#ifndef CONF_STRICT_H
#define CONF_STRICT_H

#include "base/span.h"

struct conf;

/* Kinds of listeners for which strictness is chosen. */
enum listen_class { CLASS_SMTP, CLASS_SUBMISSION, CLASS_LMTP, CLASS_COUNT };

struct strict {
	enum listen_class class;
	bool is_counted; /* what is wrong is counted, and taken */
};

MUST_USE int strict_parse(struct span item, struct strict *out); /* E_OK, E_BAD */
/* strict_is_counted - by such a list of section smtpd; the last item for a class counts */
bool strict_is_counted(const struct conf *, const char *setting, enum listen_class);

#endif
