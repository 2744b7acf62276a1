/* SPDX-License-Identifier: ISC */
/* session.c - the frame of a conversation, from the login's OK to the end. */
#include "imapd/session.h"

#include <sysexits.h>

#include "base/log.h"
#include "conf/conf.h"
#include "imapd/capability.h"
#include "imapd/command.h"
#include "imapd/items.h"
#include "imapd/nap.h"
#include "imapd/notify.h"
#include "imapd/ring.h"
#include "imapd/share.h"
#include "login/serve.h"
#include "mime/cache.h"
#include "net/deflate.h"
#include "proc/child.h"
#include "store/metadata.h"

static struct store *the_store; /* own; NULL: not open yet */

void
session_end(struct session *s, int err)
{
	s->is_over = true;
	if (err == E_DENY)
		io_putf(&s->io, "* BYE [UNAVAILABLE] %s\r\n",
		    the_child.is_kicked ? "an administrator ends this session"
					: "this server stops");
	if (err == E_MORE) {
		log_event(LOG_INFO, "idle", "%s", "");
		io_putf(&s->io, "* BYE idle for too long\r\n"); /* RFC 9051 5.4 */
	}
}

static void
converse(struct session *s)
{
	int err = E_OK;
	while (err == E_OK && !s->is_over && !s->is_broken) {
		err = nap_between(s);
		if (err == E_OK && !s->is_over)
			err = command_read(s);
	}
	if (err != E_OK && !s->is_over)
		session_end(s, err);
}

/*
 * The reply to LOGIN or AUTHENTICATE: RFC 9051 6.2.2, with the capabilities that hold from now on
 */
static void
say_hello(struct session *s, struct span tag, int err)
{
	io_put(&s->io, tag);
	if (err != E_OK) {
		io_putf(
		    &s->io, " NO [UNAVAILABLE] the mailboxes cannot be opened now\r\n");
		return;
	}
	io_putf(&s->io, " OK [");
	capability_put(&s->io.out, s);
	io_putf(&s->io, "] logged in\r\n");
}

static void
session_done(struct session *s)
{
	if (!s->is_broken && io_flush(&s->io) != E_OK)
		log_event(LOG_DEBUG, "reply_unsent", "%s", "");
	notify_free(s);
	selected_close(s);
	share_close(s);
	if (s->store) {
		if (!s->nap
			 .is_asleep) /* the next one may have slept in the same mailbox */
			store_unselect_now(s->store);
		store_metadata_quiet(s->store);
	}
	io_done(&s->io);
	deflate_free(&s->deflate);
	arena_reset(&s->arena);
	buf_free(&s->code);
	buf_wipe(&s->command);
}

static struct session
session_of(int fd, const struct login_client *c)
{
	struct session s = {.has_tls = c->has_tls,
	    .is_loopback = c->is_loopback,
	    .may_unauthenticate =
		conf_bool(the_child.conf, "imapd", "unauthenticate") &&
		serve_may_return(fd, c),
	    .quota_bytes = c->quota_bytes,
	    .quota_messages = c->quota_messages,
	    .account = the_child.account,
	    .server_admin = conf_str(the_child.conf, "imapd", "server_admin"),
	    .arena = {.max_bytes = IMAP_ARENA_MAX},
	    .command = {.max = IMAP_COMMAND_MAX + IMAP_LINE_MAX},
	    .message_size_most =
		(uint64_t)conf_int(the_child.conf, "imapd", "message_size"),
	    .messages_most =
		(uint32_t)conf_int(the_child.conf, "imapd", "message_limit"),
	    .saves_most = (uint32_t)conf_int(the_child.conf, "imapd", "save_limit"),
	    .progress_ms =
		conf_int(the_child.conf, "imapd", "progress_interval") * 1000};
	serve_io(&s.io, fd, c, IMAP_LINE_MAX + IMAP_IN_CHUNK, IMAP_OUT_MAX);
	nap_begin(&s);
	return s;
}

static int
open_store(struct session *s, const struct login_client *c)
{
	int err = the_store ? E_OK : store_open(the_child.home, &the_store);
	s->store = s->own = the_store;
	if (err == E_OK && the_child.keeper >= 0) {
		store_given(the_store, the_child.keeper);
		the_child.keeper = -1;
	}
	if (err == E_OK) {
		store_limit(
		    the_store, c->quota_bytes, c->quota_messages, c->quota_at_ms);
		store_hold(the_store);
	}
	return err;
}

static void
serve(int fd, const struct login_client *c)
{
	struct session s = session_of(fd, c);
	int err = open_store(&s, c);
	say_hello(&s, c->tag, err);
	if (err == E_OK) {
		log_event(LOG_INFO, "session", "client=%s account=%s", log_q(c->client),
		    log_qs(the_child.account));
		converse(&s);
	}
	session_done(&s);
}

/* One that slept goes on as if nothing had been. */
static void
wake(int fd, const struct login_client *c, struct span state)
{
	struct session s = session_of(fd, c);
	if (open_store(&s, c) == E_OK) {
		nap_wake(&s, state);
		converse(&s);
		nap_told(&s);
	}
	session_done(&s);
}

static void
configure(const char *account)
{
	store_configure(the_child.conf, account);
	if (conf_bool(the_child.conf, "imapd", "search_index"))
		store_items_made_by(items_make);
	else
		cache_without_signatures();
}

void
imap_session_ahead(const char *account, const char *home, int first)
{
	configure(account);
	store_keeper(home, first);
}

int
imap_session_run(void)
{
	configure(the_child.account);
	serve_sleepers(wake);
	serve_clients(serve);
	store_close(&the_store);
	return EX_OK;
}
