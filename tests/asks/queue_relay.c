/* SPDX-License-Identifier: ISC */
/*
 * queue_relay.c - what a relay tells the scheduler: who speaks with strangers is believed nothing
 * that it could not know.
 */
#include "queue/relays.c"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "gates.h"

enum fate {
	STAYS,
	ENDS, /* as it said itself */
	LOST, /* it was ended, and that is logged */
	ODD,
};

static const char too_long[HOP_TLS_SESSION_MAX + 1];

/* ---- what it says ---- */

static void
put_result(struct buf *b, uint8_t outcome, size_t reason_bytes, uint8_t forward_as,
    uint16_t n_forwards)
{
	static const struct id id;
	buf_put(b, id.b, ID_BYTES);
	buf_u16(b, 0);
	buf_u8(b, outcome);
	buf_u8(b, 0);
	buf_bytes(b, span_make(too_long, reason_bytes));
	buf_u16(b, 0);
	buf_u8(b, forward_as);
	buf_bytes(b, SPAN(""));
	buf_u16(b, n_forwards);
}

static void
put_end(struct buf *b, uint8_t how, size_t why_bytes, size_t session_bytes)
{
	buf_u8(b, how);
	buf_u8(b, METRIC_ATTEMPT_CUT);
	buf_bytes(b, span_make(too_long, why_bytes));
	buf_bytes(b, span_make(too_long, session_bytes));
}

static void
results(struct buf *b)
{
	buf_u16(b, 1);
	put_result(b, JOB_PLACED, 1, 0, 0);
}

static void
results_short(struct buf *b)
{
	results(b);
	buf_cut(b, b->len - 1);
}

static void
results_more(struct buf *b)
{
	results(b);
	buf_ch(b, 'x');
}

static void
results_fewer(struct buf *b)
{
	buf_u16(b, 2);
	put_result(b, JOB_PLACED, 1, 0, 0);
}

static void
results_none(struct buf *b)
{
	buf_u16(b, 0);
	put_result(b, JOB_PLACED, 1, 0, 0);
}

static void
results_outcome(struct buf *b)
{
	buf_u16(b, 1);
	put_result(b, JOB_PERM + 1, 1, 0, 0);
}

static void
results_reason(struct buf *b)
{
	buf_u16(b, 1);
	put_result(b, JOB_TEMP, JOB_REASON_MAX + 1, 0, 0);
}

static void
results_kind(struct buf *b)
{
	buf_u16(b, 1);
	put_result(b, JOB_PLACED, 1, FORWARD_KINDS, 0);
}

static void
results_forwards(struct buf *b)
{
	buf_u16(b, 1);
	put_result(b, JOB_PLACED, 1, 0, JOB_FORWARDS_MAX + 1);
	for (size_t i = 0; i <= JOB_FORWARDS_MAX; i++)
		buf_bytes(b, SPAN(""));
}

static void
end(struct buf *b)
{
	put_end(b, RELAY_END_FINE, 0, 1);
}

static void
end_short(struct buf *b)
{
	end(b);
	buf_cut(b, b->len - 1);
}

static void
end_more(struct buf *b)
{
	end(b);
	buf_ch(b, 'x');
}

static void
end_kind(struct buf *b)
{
	put_end(b, RELAY_END_POLICY + 1, 0, 1);
}

static void
end_count(struct buf *b)
{
	buf_u8(b, RELAY_END_DOWN);
	buf_u8(b, METRIC_ATTEMPT_COUNT);
	buf_bytes(b, SPAN(""));
	buf_bytes(b, SPAN(""));
}

static void
end_reason(struct buf *b)
{
	put_end(b, RELAY_END_DOWN, JOB_REASON_MAX + 1, 1);
}

static void
end_session(struct buf *b)
{
	put_end(b, RELAY_END_FINE, 0, HOP_TLS_SESSION_MAX + 1);
}

static void
at(struct buf *b)
{
	buf_bytes(b, SPAN("mx a.test"));
}

static void
at_short(struct buf *b)
{
	at(b);
	buf_cut(b, b->len - 1);
}

static void
at_none(struct buf *b)
{
	buf_bytes(b, SPAN(""));
}

static void
at_long(struct buf *b)
{
	char name[HOP_PROVIDER_MAX + 1];
	memset(name, 'x', sizeof name);
	buf_bytes(b, span_make(name, sizeof name));
}

static void
nothing(struct buf *b)
{
	(void)b;
}

enum { NO_MESSAGE = 0xffff, WITHOUT_DEST = 1, IS_ASKING = 2 };

static const struct {
	const char *ask, *what;
	void (*put)(struct buf *);
	uint16_t type;
	unsigned flags;
	enum fate fate;
} attacks[] = {
    {"RESULTS", "of a message that it does not have: nothing comes of it", results,
	RELAY_RESULTS, 0, STAYS},
    {"RESULTS", "out of turn", results, RELAY_RESULTS, WITHOUT_DEST, LOST},
    {"RESULTS", "one byte short", results_short, RELAY_RESULTS, 0, LOST},
    {"RESULTS", "one byte more", results_more, RELAY_RESULTS, 0, LOST},
    {"RESULTS", "fewer than it says", results_fewer, RELAY_RESULTS, 0, LOST},
    {"RESULTS", "more than it says", results_none, RELAY_RESULTS, 0, LOST},
    {"RESULTS", "with an outcome that does not exist", results_outcome, RELAY_RESULTS,
	0, LOST},
    {"RESULTS", "with a reason that is too long", results_reason, RELAY_RESULTS, 0,
	LOST},
    {"RESULTS", "with forwards of a kind that does not exist", results_kind,
	RELAY_RESULTS, 0, LOST},
    {"RESULTS", "with too many forwards", results_forwards, RELAY_RESULTS, 0, LOST},
    {"END", "as it is", end, RELAY_END, 0, ENDS},
    {"END", "out of turn", end, RELAY_END, WITHOUT_DEST, LOST},
    {"END", "one byte short", end_short, RELAY_END, 0, LOST},
    {"END", "one byte more", end_more, RELAY_END, 0, LOST},
    {"END", "of a kind that does not exist", end_kind, RELAY_END, 0, LOST},
    {"END", "counted as what does not exist", end_count, RELAY_END, 0, LOST},
    {"END", "with a reason that is too long", end_reason, RELAY_END, 0, LOST},
    {"END", "with a TLS session that is too long", end_session, RELAY_END, 0, LOST},
    {"AT", "unasked", at, RELAY_AT, 0, LOST},
    {"AT", "out of turn", at, RELAY_AT, WITHOUT_DEST | IS_ASKING, LOST},
    {"AT", "one byte short", at_short, RELAY_AT, IS_ASKING, LOST},
    {"AT", "without a name", at_none, RELAY_AT, IS_ASKING, LOST},
    {"AT", "with a name that is too long", at_long, RELAY_AT, IS_ASKING, LOST},
    {"LEAVE", "is not for it to say", nothing, RELAY_LEAVE, 0, LOST},
    {"GO", "is not for it to say", nothing, RELAY_GO, 0, LOST},
    {"HOP", "is not for it to say", nothing, RELAY_HOP, 0, LOST},
    {"SEND", "is not for it to say", nothing, RELAY_SEND, 0, LOST},
    {"0", "does not exist", nothing, 0, 0, LOST},
    {"99", "does not exist", nothing, 99, 0, LOST},
    {"RESULTS", "as a reply", results, RELAY_RESULTS | ASK_REPLY, 0, LOST},
    {"-", "one byte is no message", nothing, NO_MESSAGE, 0, LOST},
};

/* ---- what becomes of it ---- */

static int
say_it(int fd, uint16_t type, struct span body)
{
	if (type == NO_MESSAGE)
		return send(fd, "x", 1, 0) == 1 ? E_OK : E_IO;
	return ask_send(fd, type, body, -1, 0);
}

/* A relay that has nothing in hand says this. */
static enum fate
fate_of(unsigned flags, uint16_t type, struct span body)
{
	static struct dest dest;
	static struct provider provider = {.n_dests = 1};
	int pair[2], log = memfd_create("log", MFD_CLOEXEC);
	char text[LOG_LINE_MAX + 1] = {0};
	ask_pair(pair);
	struct relay *r = mem_new(sizeof *r);
	*r = (struct relay){.fd = pair[1],
	    .window = WINDOW_FIRST,
	    .dest = flags & WITHOUT_DEST ? NULL : &dest,
	    .is_asking = flags & IS_ASKING};
	relays.all = r;
	relays.n = 1;
	provider = (struct provider){.n_dests = 1,
	    .n_relays = r->dest != NULL,
	    .pace = {.limit = 1, .n_open = r->dest != NULL}};
	dest = (struct dest){.relays = r->dest ? r : NULL,
	    .n_relays = r->dest != NULL,
	    .provider = &provider};
	log_open("queue", log, false);
	log_level(LOG_INFO);
	int err = say_it(pair[0], type, body);
	on_relay(r, pair[1], 0);
	log_level(LOG_EMERG);
	log_open("queue", STDERR_FILENO, false);
	bool is_logged = pread(log, text, sizeof text - 1, 0) > 0 &&
	                 strstr(text, "event=relay_lost") != NULL;
	bool has_left = recv(pair[0], text, 1, MSG_DONTWAIT) == 0;
	close(log);
	close(pair[0]);
	buf_free(&dest.tls_session);
	if (!has_left && err == E_OK && !is_logged && relays.n == 1) {
		relay_close(r);
		mem_free(&r);
		while (dests_fresh())
			; /* the next one has another */
		return STAYS;
	}
	if (!has_left || err != E_OK || relays.n || dest.n_relays)
		return ODD;
	return is_logged ? LOST : ENDS;
}

/* The defaults: paces of providers and their times come from them. */
static struct conf *
defaults(void)
{
	static const char text[] = "version = 1\n";
	struct buf errors = {0};
	struct conf *c = NULL;
	char path[32];
	int fd = memfd_create("conf", MFD_CLOEXEC);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (write(fd, text, sizeof text - 1) != (ssize_t)sizeof text - 1 ||
	    conf_load(path, &errors, &c) != E_OK)
		bug("the defaults");
	close(fd);
	return c;
}

/*
 * One that fails before it said which its exchangers are now: what its domain's mail went to before
 * is not down for that.
 */
static bool
is_down_alone(bool is_asking)
{
	struct provider was = {
	    .n_dests = 2, .n_relays = 1, .pace = {.limit = 5, .n_open = 1}};
	struct dest d = {.n_relays = 1, .provider = &was, .asked_ms = 1};
	struct relay *r = mem_new(sizeof *r);
	struct buf body = {0};
	int pair[2];
	struct conf *conf = defaults();
	the_child.conf = conf;
	log_level(LOG_EMERG);
	ask_pair(pair);
	*r = (struct relay){
	    .fd = pair[1], .window = WINDOW_FIRST, .dest = &d, .is_asking = is_asking};
	relays.all = d.relays = r;
	relays.n = 1;
	buf_str(&d.key, "d.test");
	buf_str(&was.key, "mx a.test");
	put_end(&body, RELAY_END_DOWN, 0, 0);
	int err = ask_send(pair[0], RELAY_END, buf_as_span(&body), -1, 0);
	on_relay(r, pair[1], 0);
	bool is_so = err == E_OK && d.provider != &was &&
	             down_is(&d.provider->down, clock_mono_ms()) &&
	             !was.down.failures && was.pace.limit == 5 &&
	             !was.pace.enough_until_ms && !was.pace.n_open && was.n_dests == 1;
	while (dests_fresh())
		; /* it lives no longer */
	the_child.conf = NULL;
	conf_free(&conf);
	close(pair[0]);
	buf_free(&body);
	buf_free(&d.key);
	buf_free(&was.key);
	buf_free(&d.tls_session);
	return is_so;
}

void
attack_relays(
    void (*tell)(bool ok, const char *kind, const char *ask, const char *what))
{
	for (size_t i = 0; i < COUNT(attacks); i++) {
		struct buf body = {0};
		attacks[i].put(&body);
		tell(fate_of(attacks[i].flags, attacks[i].type, buf_as_span(&body)) ==
			 attacks[i].fate,
		    "sched of a relay", attacks[i].ask, attacks[i].what);
		buf_free(&body);
	}
	tell(is_down_alone(true), "sched of a relay", "END",
	    "before it knew its provider: the one it had before is not down");
	tell(is_down_alone(false), "sched of a relay", "END",
	    "one that was not to ask for it: nor is it then");
}
