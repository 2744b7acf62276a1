/* SPDX-License-Identifier: ISC */
/* login.h - IMAP before the login: the not authenticated state of RFC 9051 3.1. */
#ifndef IMAPD_LOGIN_H
#define IMAPD_LOGIN_H

#include "login/front.h"

extern const struct dialect imap_dialect;

#endif
