/* SPDX-License-Identifier: ISC */
/* sessions.c - who is connected to the keeper: what they ask, have selected, and wait for. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/jobs.h"

enum { LISTEN_BACKLOG = 64, LARGE_KEPT = 1 << 20 };

/* A channel of the account's own becomes a guest's, and never the other way. */
enum { PH_ANY = PH_OWN, PH_ALSO = PH_OWN | PH_GUEST };

static struct {
	struct session *all;
	unsigned n;
	bool has_dozed;            /* the last one that left: it sleeps */
	struct buf message, large; /* of the ask that is read */
} run = {.large = {.max = ASK_BODY_MOST}};

bool
sessions_none(void)
{
	return run.n == 0;
}

bool
sessions_doze(void)
{
	return run.n == 0 && run.has_dozed;
}

struct span
ask_body(struct rd *body, int *fd)
{
	struct span s = body->in;
	if (*fd < 0)
		return s;
	int err = s.n == 0 ? large_read(*fd, &run.large) : E_BAD;
	close(*fd);
	*fd = -1;
	return err == E_OK ? buf_as_span(&run.large) : SPAN("");
}

/* ---- selected ---- */

/* NULL: there is none now */
static struct view *
view_of_session(const struct session *s, struct slot *slot)
{
	if (!s->guest)
		return slot->view;
	struct guest_view *g = guest_view_of(slot, s->guest);
	return g ? g->view : NULL;
}

/* uidnext: when its client was shown all that there was. */
static void
unselect(struct session *s, uint32_t uidnext)
{
	struct slot *was = slot_of(s->selected);
	struct view *v = was ? view_of_session(s, was) : NULL;
	s->selected = 0;
	if (v && v->n_selected && --v->n_selected == 0)
		v->idle_since_ms = clock_mono_ms();
	if (!was || was->recent != s)
		return;
	was->recent = NULL;
	if (uidnext > was->next.uidnext)
		uidnext = was->next.uidnext;
	if (was->next.first_recent >= uidnext)
		return; /* nothing came: a SELECT alone writes nothing */
	if (!was->view && uidnext < was->next.uidnext)
		return; /* there was no memory for its view: what came behind cannot be counted, and is shown again */
	/* what came meanwhile was shown to it; a crash shows it again, which does no harm */
	struct mailbox *m = slot_touch(was);
	m->first_recent = uidnext;
	m->recent = was->view ? view_count_from(was->view, uidnext) : 0;
}

void
session_select(struct session *s, uint32_t mailbox, bool is_examine)
{
	struct slot *slot = slot_of(mailbox);
	if (s->selected)
		unselect(s, UINT32_MAX);
	if (!slot)
		return;
	s->selected = mailbox;
	keeper_look();
	struct view *v = view_of_session(s, slot);
	if (v)
		v->n_selected++;
	if (!is_examine && !slot->recent)
		slot->recent = s;
}

static int
ask_unselect(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct session *s = a->ctx;
	uint32_t mailbox = rd_u32(body), uidnext = rd_u32(body);
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	if (s->selected == mailbox)
		unselect(s, uidnext);
	return E_MORE; /* and no reply */
}

/* ---- who waits ---- */

static int
ask_wait(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct session *s = a->ctx;
	(void)fd, (void)reply, (void)fd_back;
	s->wait_mailbox = rd_u32(body);
	s->wait_modseq = rd_u64(body);
	s->wait_metadata = rd_u64(body);
	s->is_waiting = true;
	keeper_look();
	if (rd_end(body) != E_OK)
		return E_BAD;
	if (s->guest)
		s->wait_metadata = 0; /* not his matter */
	sessions_wake();
	return E_MORE;
}

void
sessions_end_waits(uint32_t mailbox)
{
	for (struct session *s = run.all; s; s = s->next)
		if (s->is_waiting && s->wait_mailbox == mailbox)
			s->wait_modseq = 0;
}

static int
ask_doze_all(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct session *s = a->ctx;
	uint64_t since = rd_u64(body), metadata = rd_u64(body);
	uint32_t mailbox = rd_u32(body);
	uint64_t modseq = rd_u64(body);
	const struct slot *slot = slot_of(mailbox);
	enum store_said said = STORE_DONE;
	(void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	bool is_past = (since != STORE_NO_FEED && feed_is_past(since)) ||
	               (slot && slot->now.modseq > modseq) ||
	               (metadata && metadata != metadata_changes_now());
	if (mailbox && !slot)
		said = STORE_NONEXISTENT;
	else if (!is_past &&
		 (takein_is_behind() || (metadata && metadata_keep() != E_OK)))
		said = STORE_LATER;
	s->is_dozing = said == STORE_DONE && !is_past;
	the_keeper.is_dozed |= s->is_dozing;
	buf_u8(reply, said);
	buf_u8(reply, is_past);
	return E_OK;
}

bool
sessions_take_guest(struct span who)
{
	unsigned all = 0, same = 0;
	for (const struct session *s = run.all; s; s = s->next) {
		all += s->guest != NULL;
		same += s->guest && span_eqs(who, s->guest->who);
	}
	return all < KEEPER_GUESTS_MOST && same < KEEPER_GUEST_CHANNELS_MOST;
}

bool
sessions_look(void)
{
	for (struct session *s = run.all; s; s = s->next)
		if (s->selected || s->is_waiting || s->is_fed)
			return true;
	return false;
}

/* Nothing of what it waits for has come. */
static bool
waits_on(const struct session *s, const struct slot *slot)
{
	if (s->wait_metadata && s->wait_metadata != metadata_changes_now())
		return false;
	return slot ? slot->now.modseq <= s->wait_modseq : s->wait_mailbox == 0;
}

void
sessions_wake(void)
{
	for (struct session *s = run.all; s; s = s->next) {
		feed_session(s);
		struct slot *slot = s->is_waiting ? slot_of(s->wait_mailbox) : NULL;
		if (slot && s->guest && !session_may(s, slot, RIGHT_READ))
			slot = NULL;
		if (!s->is_waiting || waits_on(s, slot))
			continue;
		struct buf reply = {0};
		bool is_there = slot || (s->wait_mailbox == 0 && !s->guest);
		buf_u8(&reply, is_there ? STORE_DONE : STORE_NONEXISTENT);
		s->is_waiting = false;
		session_answer(s, KEEPER_WAIT, &reply, -1);
		buf_free(&reply);
	}
}

/* ---- asks ---- */

enum { NAME_BYTES = 4 + STORE_NAME_MAX, ANY_BYTES = ASK_MSG_MAX };

/* How often is nobody's concern but the account's own. */
/* clang-format off */
static const struct ask_row rows[KEEPER_ASKS] = {
	/*                        name             legal in  times  bytes               fd back  answered by */
	[KEEPER_SELECT]        = {"SELECT",        PH_ALSO,  0,     NAME_BYTES + 1,     true,    ask_select},
	[KEEPER_RENEW]         = {"RENEW",         PH_ALSO,  0,     5,                  true,    ask_renew},
	[KEEPER_UNSELECT]      = {"UNSELECT",      PH_ALSO,  0,     8,                  false,   ask_unselect},
	[KEEPER_SYNC]          = {"SYNC",          PH_ANY,   0,     0,                  false,   ask_sync},
	[KEEPER_MAILBOXES]     = {"MAILBOXES",     PH_ALSO,  0,     0,                  true,    ask_mailboxes},
	[KEEPER_MAILBOX]       = {"MAILBOX",       PH_ALSO,  0,     NAME_BYTES,         false,   ask_mailbox},
	[KEEPER_SUBSCRIPTIONS] = {"SUBSCRIPTIONS", PH_ANY,   0,     0,                  true,    ask_subscriptions},
	[KEEPER_SUBSCRIBE]     = {"SUBSCRIBE",     PH_ANY,   0,     NAME_BYTES + 1,     false,   ask_subscribe},
	[KEEPER_FLAGS]         = {"FLAGS",         PH_ALSO,  0,     ANY_BYTES,          true,    ask_flags},
	[KEEPER_EXPUNGE]       = {"EXPUNGE",       PH_ALSO,  0,     ANY_BYTES,          false,   ask_expunge},
	[KEEPER_EXPUNGED]      = {"EXPUNGED",      PH_ALSO,  0,     12,                 true,    ask_expunged},
	[KEEPER_USAGE]         = {"USAGE",         PH_ANY,   0,     0,                  false,   ask_usage},
	[KEEPER_LIMITS]        = {"LIMITS",        PH_ANY,   0,     16,                 false,   ask_limits},
	[KEEPER_UIDLS]         = {"UIDLS",         PH_ANY,   0,     0,                  true,    ask_uidls},
	[KEEPER_CACHE]         = {"CACHE",         PH_ANY,   0,     ANY_BYTES,          false,   ask_cache},
	[KEEPER_FILES]         = {"FILES",         PH_ANY,   0,     FILE_ID_BYTES + 1,  true,    ask_files},
	[KEEPER_ANNOTATIONS]   = {"ANNOTATIONS",   PH_ANY,   0,     0,                  false,   ask_annotations},
	[KEEPER_LEAVE]         = {"LEAVE",         PH_ANY,   0,     0,                  false,   ask_leave},
	[KEEPER_GUEST]         = {"GUEST",         PH_ANY,   0,     8 + ANNOTATION_WHO_MAX + KEEPER_GROUPS_MAX + 21, false, ask_guest},
	[KEEPER_GRANTED]       = {"GRANTED",       PH_ANY,   0,     0,                  true,    ask_granted},
	[KEEPER_FILE]          = {"FILE",          PH_GUEST, 0,     8,                  true,    ask_file},
	[KEEPER_HOLD]          = {"HOLD",          PH_ANY,   0,     0,                  false,   ask_hold},
	[KEEPER_ACL]           = {"ACL",           PH_ALSO,  0,     NAME_BYTES,         true,    ask_acl},
	[KEEPER_METADATA]      = {"METADATA",      PH_ALSO,  0,     NAME_BYTES,         true,    ask_metadata},
	[KEEPER_SET_METADATA]  = {"SET_METADATA",  PH_ALSO,  0,     ANY_BYTES,          false,   ask_set_metadata},
	[KEEPER_METADATA_CHANGES] = {"METADATA_CHANGES", PH_ANY, 0, 8,                  true,    ask_metadata_changes},
	[KEEPER_WAIT]          = {"WAIT",          PH_ALSO,  0,     20,                 false,   ask_wait},
	[KEEPER_DOZE]          = {"DOZE",          PH_ANY,   0,     13,                 false,   ask_doze},
	[KEEPER_CREATE]        = {"CREATE",        PH_ALSO,  0,     NAME_BYTES + 4 + 15, false,  ask_create},
	[KEEPER_DELETE]        = {"DELETE",        PH_ALSO,  0,     NAME_BYTES,         false,   ask_delete},
	[KEEPER_RENAME]        = {"RENAME",        PH_ANY,   0,     2 * NAME_BYTES,     false,   ask_rename},
	[KEEPER_APPEND]        = {"APPEND",        PH_OWN | PH_DEPOSIT,  0,     ANY_BYTES,          false,   ask_append},
	[KEEPER_COPY]          = {"COPY",          PH_ALSO,  0,     ANY_BYTES,          true,    ask_copy},
	[KEEPER_SET_ACL]       = {"SET_ACL",       PH_ALSO,  0,     NAME_BYTES + 4 + IDENTIFIER_MAX + 7, false, ask_set_acl},
	[KEEPER_ADOPT]         = {"ADOPT",         PH_ANY,   0,     NAME_BYTES + 12,    false,   ask_adopt},
	[KEEPER_FEED]          = {"FEED",          PH_ANY,   0,     9,                  true,    ask_feed},
	[KEEPER_QUOTA]         = {"QUOTA",         PH_ANY,   0,     24,                 false,   ask_quota},
	[KEEPER_RECOUNT]       = {"RECOUNT",       PH_ANY,   0,     0,                  false,   ask_recount},
	[KEEPER_KEPT]          = {"KEPT",          PH_ANY,   0,     4,                  true,    ask_kept},
	[KEEPER_EVENT]         = {"EVENT",         PH_ANY,   0,     8,                  true,    ask_event},
	[KEEPER_EVENT_DONE]    = {"EVENT_DONE",    PH_ANY,   0,     ANY_BYTES,          false,   ask_event_done},
	[KEEPER_PEEK]          = {"PEEK",          PH_ANY,   0,     NAME_BYTES,         true,    ask_peek},
	[KEEPER_URL_KEY]       = {"URL_KEY",       PH_ANY,   0,     NAME_BYTES + 1,     false,   ask_url_key},
	[KEEPER_DOZE_ALL]      = {"DOZE_ALL",      PH_ANY,   0,     28,                 false,   ask_doze_all},
};

/* clang-format on */

void
session_answer(struct session *s, uint16_t ask, struct buf *reply, int fd)
{
	int large = -1, err = buf_done(reply);
	struct span body = buf_as_span(reply);
	if (err == E_OK && body.n > ASK_MSG_MAX - 2) {
		fd = large = large_make(body);
		body = SPAN("");
		err = fd >= 0 ? E_OK : E_IO;
	}
	if (err == E_OK)
		err = ask_answer(s->asker, ask, body, fd);
	if (err != E_OK) {
		log_event(LOG_DEBUG, "session_gone", "ask=%s why=%s", rows[ask].name,
		    err_name(err));
		/* it is freed when its end is read */
		shutdown(s->asker->chan, SHUT_RDWR);
	}
	if (large >= 0)
		close(large);
	if (s->is_paused) {
		s->is_paused = false;
		loop_events(s->watch, LOOP_READ);
	}
}

/* ---- life ---- */

static void
session_free(struct session *s)
{
	if (s->job)
		s->job->session = NULL;
	if (s->selected)
		unselect(s, UINT32_MAX);
	run.has_dozed = s->is_dozing;
	guest_leave(&s->guest);
	loop_unwatch(&s->watch);
	asker_free(&s->asker);
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	mem_free(&s);
	run.n--;
}

/* One ask at a time: what it says before it was answered waits in the socket. */
static void
on_session(void *ctx, int fd, unsigned events)
{
	struct session *s = ctx;
	(void)fd, (void)events;
	if (s->job) {
		s->is_paused = true;
		loop_events(s->watch, 0);
		return;
	}
	/* what is answered at once is durable, too */
	if (jobs_settle() != E_OK)
		return;
	if (asker_serve(s->asker, &run.message, 1) != E_OK)
		session_free(s);
	if (run.large.cap > LARGE_KEPT)
		buf_free(&run.large);
}

static void
session_new(int fd)
{
	static uint64_t number;
	struct session *s = mem_new(sizeof *s);
	s->number = ++number;
	s->asker = asker_new(fd, rows, COUNT(rows), "session", s);
	s->watch = loop_watch(the_keeper.loop, fd, LOOP_READ, on_session, s);
	s->next = run.all;
	s->link = &run.all;
	if (s->next)
		s->next->link = &s->next;
	run.all = s;
	run.n++;
}

static void
on_listener(void *ctx, int listener, unsigned events)
{
	(void)ctx, (void)events;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (run.n == KEEPER_SESSIONS_MOST || !ask_peer_is_ours(fd))
		close(fd);
	else
		session_new(fd);
}

int
sessions_listen(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "index/keeper"};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(a.sun_path);
	if (fd >= 0 && (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
			   listen(fd, LISTEN_BACKLOG) != 0)) {
		close(fd);
		fd = -1;
	}
	if (fd >= 0)
		loop_watch(the_keeper.loop, fd, LOOP_READ, on_listener, NULL);
	return fd >= 0 ? E_OK : E_IO;
}

void
sessions_first(int fd)
{
	struct pollfd p = {.fd = fd};
	if (poll(&p, 1, 0) == 1 && p.revents & POLLHUP)
		close(fd); /* it waits for nothing, and what it left may be swept */
	else
		session_new(fd);
}
