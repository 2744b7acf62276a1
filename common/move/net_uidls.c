/* SPDX-License-Identifier: ISC */
/* net_uidls.c - UIDLs of the messages of INBOX, from a POP3 server that has the same account. */
#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "move/imap_talk.h"
#include "move/net.h"
#include "move/pop3_client.h"

/* Both show all heads, which takes longer than the sizes do. */
static int
match_heads(struct pop3 *c, const struct pop3_messages *theirs, struct imap *imap,
    struct listing *l)
{
	struct head_sum *a = mem_new((theirs->n + 1) * sizeof *a),
			*b = mem_new((l->n + 1) * sizeof *b);
	size_t n_theirs = 0, n_ours = 0;
	int err = pop3_heads(c, theirs, a, &n_theirs);
	if (err == E_OK)
		err = imap_heads(imap, l, b, &n_ours) == E_OK ? E_OK : E_BAD;
	if (err == E_OK)
		l->n_lost_uidls =
		    (unsigned)(uidls_by_head(theirs, a, n_theirs, l, b, n_ours) +
			       theirs->n - n_theirs);
	mem_free(&a);
	mem_free(&b);
	return err;
}

int
net_uidls(const struct net_server *n, struct imap *imap, struct listing *l)
{
	struct pop3_messages theirs = {.n = 0};
	struct pop3 c;
	int fd, err = net_connect(n, &fd), err_no = errno;
	pop3_init(&c, fd);
	if (err != E_OK)
		err = failed(&c.failure, EX_TEMPFAIL, "no connection to %s: %s",
		    n->login.host, strerror(err_no));
	if (err == E_OK)
		err = pop3_login(&c, &n->login);
	if (err == E_OK)
		err = pop3_messages(&c, &theirs);
	if (err == E_OK && !uidls_by_size(&theirs, l))
		err = match_heads(&c, &theirs, imap, l);
	if (err == E_IO)
		failed(
		    &imap->failure, c.failure.status, "%s", buf_cstr(&c.failure.why));
	pop3_messages_free(&theirs);
	pop3_done(&c);
	/* without them nothing is brought: a later run could not give them */
	return err == E_OK ? E_OK : E_IO;
}
