/* SPDX-License-Identifier: ISC */
/*
 * letter_sign.c - the role dkim is asked to sign letters, when it was looked at who wrote them, and to
 * seal redirects.
 */
#include "deliver/letter_sign.h"

#include <unistd.h>

#include "account/recipient.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/seal.h"
#include "deliver/asks.h"
#include "deliver/seal.h"
#include "dkim/sign.h"
#include "mime/address.h"
#include "mime/header.h"
#include "proc/child.h"
#include "store/asks.h"

enum {
	PH_ANY = 1,
	AUTHOR_ARENA_BYTES = 256 << 10,
	SEAL_ASK_MAX = 4 + ACCOUNT_ADDRESS_MAX + 4,
};

static struct {
	struct dkim_signer signer;
	struct span host; /* borrow: the configuration */
	struct seal_rules seals;
	int lookup; /* own: a channel to it; -1 */
} me = {.lookup = -1};

/* ---- the role ---- */

static int
dkim_channel(int *out)
{
	return child_channel("dkim", out);
}

/* A script may say anything in From; as at submission it has to be an address of the account. */
static bool
is_by(struct span author, struct span account)
{
	struct buf postmaster = {0};
	bool may = span_ieq(author, account);
	buf_str(&postmaster, "postmaster@");
	buf_span(&postmaster, me.host);
	may = may || span_ieq(author, buf_as_span(&postmaster));
	buf_free(&postmaster);
	if (may || author.n == 0 || author.n > ACCOUNT_ADDRESS_MAX)
		return may;
	return lookup_senders(&me.lookup, account, &author, 1, &may) == E_OK && may;
}

static bool
has_author(struct span letter, struct span account, struct arena *arena)
{
	struct span from = header_value(header_head(letter), SPAN("from"));
	const struct address *a = from.p ? address_parse(from, arena) : NULL;
	struct buf text = {0};
	if (!a || a->next || a->kind != ADDRESS_MAILBOX || !a->is_exact)
		return false;
	address_put(&text, a);
	bool is = is_by(buf_as_span(&text), account);
	buf_free(&text);
	return is;
}

static void
sign(struct span letter, struct span account, struct buf *out)
{
	const struct dkim_sign_how how = {.now_sec = clock_wall_sec()};
	struct arena arena = {.max_bytes = AUTHOR_ARENA_BYTES};
	struct span domain;
	int err = has_author(letter, account, &arena)
	              ? dkim_author_domain(letter, &arena, &domain)
	              : E_DENY;
	if (err == E_OK)
		err = dkim_sign_nearest(&me.signer, letter, domain, &how, out);
	if (err != E_OK && err != E_DENY)
		log_event(LOG_WARNING, "letter_not_signed", "account=%s why=%s",
		    log_q(account), err_name(err));
	arena_reset(&arena);
}

static int
ask_sign(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span account = rd_str(body, ACCOUNT_ADDRESS_MAX),
		    letter = rd_str(body, LETTER_SIGN_MAX);
	struct buf fields = {.max = DKIM_SIGN_HEAD_MAX / 2};
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	sign(letter, account, &fields);
	buf_bytes(reply, buf_done(&fields) == E_OK ? buf_as_span(&fields) : SPAN(""));
	buf_free(&fields);
	return E_OK;
}

static int
ask_seal(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span account = rd_str(body, ACCOUNT_ADDRESS_MAX);
	uint32_t came_at = rd_u32(body);
	struct buf message = {.max = SEAL_MESSAGE_MAX},
		   fields = {.max = DKIM_SIGN_HEAD_MAX / 2};
	(void)a, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	int err = large_read(*fd, &message);
	if (err == E_OK && came_at > message.len)
		err = E_BAD;
	if (err == E_OK)
		err = seal_put(
		    &me.signer, &me.seals, buf_as_span(&message), came_at, &fields);
	if (err != E_OK && err != E_DENY)
		log_event(err == E_BAD || err == E_LIMIT ? LOG_INFO : LOG_WARNING,
		    "redirect_not_sealed", "account=%s why=%s", log_q(account),
		    err_name(err));
	buf_bytes(reply,
	    err == E_OK && buf_done(&fields) == E_OK ? buf_as_span(&fields) : SPAN(""));
	buf_free(&message);
	buf_free(&fields);
	return E_OK;
}

static int
ask_sealer(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span domain = me.seals.domain;
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	int err = domain.n ? dkim_sign_has_key(&me.signer, domain) : E_DENY;
	if (err != E_OK && err != E_DENY)
		log_event(LOG_WARNING, "no_sealer", "why=%s", err_name(err));
	buf_bytes(reply, err == E_OK ? domain : SPAN(""));
	return E_OK;
}

/* clang-format off */
static const struct ask_row rows[SIGNER_ASKS] = {
	/*                 name      legal in times           bytes            fd back answered by */
	[SIGNER_SIGN]   = {"SIGN",   PH_ANY, LETTER_SIGNS_MOST, ASK_MSG_MAX - 2, false, ask_sign},
	[SIGNER_SEAL]   = {"SEAL",   PH_ANY, LETTER_SIGNS_MOST, SEAL_ASK_MAX,    false, ask_seal},
	[SIGNER_SEALER] = {"SEALER", PH_ANY, LETTER_SIGNS_MOST, 0,               false, ask_sealer},
};

/* clang-format on */

static const struct ask_table *
table_of(unsigned kind)
{
	static const struct ask_table placers = {
	    .rows = rows, .n_rows = COUNT(rows), .who = "placer"};
	static const struct ask_table events = {
	    .rows = rows, .n_rows = SIGNER_SIGN + 1, .who = "events"};
	return kind == DELIVER_PLACER   ? &placers
	       : kind == DELIVER_EVENTS ? &events
	                                : NULL;
}

void
signer_jail(struct jail *j)
{
	(void)j; /* no file, no socket: what it needs is asked */
}

int
signer_run(void)
{
	me.host = span_of(conf_str(the_child.conf, "common", "hostname"));
	me.seals = (struct seal_rules){.domain = span_of(seal_domain(the_child.conf)),
	    .server = span_of(authserv_id(the_child.conf))};
	dkim_signer_init(&me.signer, dkim_channel);
	return child_serve(table_of, NULL, 0);
}

/* ---- the placer's side ---- */

/* out: emptied; what is to be put before it, or whose keys that would be, or nothing */
static void
ask(enum signer_ask what, struct span body, int file, struct span account,
    struct buf *out)
{
	static int chan = -1;
	struct buf in = {0};
	struct ask_msg reply = {.fd = -1};
	int err = chan >= 0 ? E_OK : child_channel("signer", &chan);
	if (err == E_OK)
		err = ask_call(chan, what, body, file, &in, &reply,
		    deadline_in_ms(LETTER_SIGN_WAIT_MS));
	if (err == E_OK) {
		buf_span(out, rd_str(&reply.body, DKIM_SIGN_HEAD_MAX));
		err = rd_end(&reply.body);
	}
	if (err != E_OK) {
		if (chan >= 0)
			ask_hang_up(&chan);
		buf_reset(out);
		log_event(LOG_WARNING,
		    what == SIGNER_SIGN ? "letter_not_signed" : "redirect_not_sealed",
		    "account=%s why=%s", log_q(account), err_name(err));
	}
	if (reply.fd >= 0)
		close(reply.fd);
	buf_free(&in);
}

void
letter_sign(struct span letter, struct span account, struct buf *out)
{
	struct buf body = {0};
	buf_reset(out);
	if (letter.n > LETTER_SIGN_MAX || account.n > ACCOUNT_ADDRESS_MAX)
		return;
	buf_bytes(&body, account);
	buf_bytes(&body, letter);
	ask(SIGNER_SIGN, buf_as_span(&body), -1, account, out);
	buf_free(&body);
}

bool
letter_may_seal(struct span account)
{
	struct buf domain = {0};
	ask(SIGNER_SEALER, SPAN(""), -1, account, &domain);
	bool may = domain.len > 0;
	buf_free(&domain);
	return may;
}

void
letter_seal(int file, uint32_t came_at, struct span account, struct buf *out)
{
	struct buf body = {0};
	buf_reset(out);
	if (account.n > ACCOUNT_ADDRESS_MAX)
		return;
	buf_bytes(&body, account);
	buf_u32(&body, came_at);
	ask(SIGNER_SEAL, buf_as_span(&body), file, account, out);
	buf_free(&body);
}
