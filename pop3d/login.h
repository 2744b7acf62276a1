/* SPDX-License-Identifier: ISC */
/* login.h - POP3 before the login: the AUTHORIZATION state of RFC 1939. */
#ifndef POP3D_LOGIN_H
#define POP3D_LOGIN_H

#include "login/front.h"

extern const struct dialect pop3_dialect;

#endif
