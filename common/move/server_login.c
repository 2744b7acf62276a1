/* SPDX-License-Identifier: ISC */
/* server_login.c - TLS with another server, whatever is spoken in it. */
#include "move/server_login.h"

#include <sysexits.h>

int
server_begin_tls(const struct server_login *l, struct io *io, struct tls_conn **out,
    struct failure *failure)
{
	struct buf why = {0};
	int err = tls_connect(l->trust, io, l->host, l->peer, io->deadline, out, &why);
	if (err != E_OK)
		failed(failure, err == E_DENY ? EX_NOPERM : EX_TEMPFAIL,
		    "no TLS with %s: %s", l->host, buf_cstr(&why));
	buf_free(&why);
	return err == E_OK ? E_OK : E_IO;
}
