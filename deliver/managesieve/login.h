/* SPDX-License-Identifier: ISC */
/* login.h - ManageSieve before the login: the non-authenticated state of RFC 5804 2. */
#ifndef MANAGESIEVE_LOGIN_H
#define MANAGESIEVE_LOGIN_H

#include "login/front.h"

extern const struct dialect managesieve_dialect;

#endif
