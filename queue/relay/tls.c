/* SPDX-License-Identifier: ISC */
/* tls.c - STARTTLS, RFC 3207, to the level that the hop asks for. */
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/log.h"
#include "conf/route.h"
#include "queue/relay/remote.h"
#include "tls/client.h"

static struct tls_client *client; /* own: one connection, one process */

/* Authorities are read when somebody asks for them: it takes 30 ms. */
static int
client_open(struct remote *r)
{
	struct stat st;
	if (client)
		return E_OK;
	if (r->hop->tls != ROUTE_TLS_VERIFY)
		return tls_client_new("", &client);
	if (r->limits->ca < 0 || fstat(r->limits->ca, &st) != 0 || st.st_size == 0)
		return E_IO;
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, r->limits->ca, 0);
	if (p == MAP_FAILED)
		return E_IO;
	int err = tls_client_new_pem(span_make(p, (size_t)st.st_size), &client);
	munmap(p, (size_t)st.st_size);
	return err;
}

static int
handshake(struct remote *r)
{
	struct buf name = {0}, why = {0};
	enum tls_peer peer = r->hop->tls == ROUTE_TLS_VERIFY ? TLS_PEER_NAMED : TLS_PEER_ANY;
	buf_span(&name, r->name);
	tls_client_resume(client, r->hop->tls_session);
	int64_t until = deadline_in_ms(r->limits->command_ms);
	r->io.deadline = until;
	int err = tls_connect(client, &r->io, buf_cstr(&name), peer, until, &r->tls, &why);
	if (err != E_OK) {
		struct buf text = {0};
		buf_putf(&text, "cannot be encrypted with: %s", buf_cstr(&why));
		remote_lost(r, err == E_DENY ? "4.7.5" : "4.7.4", buf_cstr(&text));
		buf_free(&text);
	}
	buf_free(&name);
	buf_free(&why);
	return err == E_OK ? E_OK : E_IO;
}

/* Where encryption is only welcome, a server that cannot do what it offers gets its mail without. */
static int
no_tls(struct remote *r)
{
	if (r->hop->tls == ROUTE_TLS_MAY) {
		log_event(LOG_INFO, "without_tls", "remote=%s why=%s", log_q(buf_as_span(&r->who)), log_q(buf_as_span(&r->why)));
		r->is_mute = true;
		remote_connect_again();
	}
	return E_IO;
}

int
remote_starttls(struct remote *r)
{
	bool is_must = r->hop->tls > ROUTE_TLS_MAY;
	if (r->hop->tls == ROUTE_TLS_NONE || r->is_mute || r->hop->kind == ROUTE_UNIX)
		return E_OK;
	if (!(r->ehlo.can & EHLO_STARTTLS)) {
		if (is_must)
			remote_lost(r, "4.7.4", "offers no encryption, which its route asks for");
		return is_must ? E_IO : E_OK;
	}
	if (remote_ask(r, r->limits->command_ms, "STARTTLS\r\n") != E_OK)
		return no_tls(r);
	if (r->reply.code != 220)
		return is_must ? remote_refused(r, "4.7.4") : E_OK;
	if (client_open(r) != E_OK) {
		remote_lost(r, "4.7.5", "cannot be verified: there are no authorities; do: see tls_authorities");
		return E_IO;
	}
	return handshake(r) == E_OK ? remote_hello(r) : no_tls(r);
}

void
remote_tls_session(struct remote *r, struct buf *out)
{
	if (r->tls && tls_client_session(r->tls, out) != E_OK)
		buf_reset(out);
}
