/* SPDX-License-Identifier: ISC */
/*
 * fuzz_imap_command.c - commands after the login as they come, literals and all: the first byte says what is enabled and how many
 * octets come at a time.  Each has one tagged reply, or ends the conversation; nothing is looked at past its end.
 * fuzz: tests/fuzz/imap_store.c
 * fuzz: imapd/append.c imapd/append_stream.c imapd/catenate.c imapd/cmd_unauthenticate.c common/mime/imap_url.c imapd/bound.c imapd/cmd_append.c imapd/cmd_replace.c
 * fuzz: imapd/command.c imapd/ring.c imapd/read.c imapd/parse.c imapd/parse_values.c imapd/partial.c common/store/pattern.c imapd/respond.c imapd/selected.c imapd/numbers.c
 * fuzz: imapd/capability.c imapd/language.c imapd/cmd_language.c imapd/cmd_list.c imapd/cmd_mailbox.c imapd/cmd_acl.c common/store/rights.c imapd/cmd_metadata.c imapd/cmd_urlauth.c common/store/urlauth.c imapd/metadata.c common/store/metadata_name.c imapd/cmd_quota.c imapd/cmd_select.c imapd/cmd_state.c imapd/cmd_status.c
 * fuzz: imapd/update.c imapd/vanished.c common/store/numset.c common/mime/date.c common/mime/charset*.c common/mime/lex.c common/mime/utf7.c
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "imap_store.h"
#include "imapd/context.h"
#include "imapd/fetch.h"
#include "imapd/notify.h"
#include "imapd/search_slices.h"
#include "imapd/url_data.h"
#include "login/serve.h"
#include "mime/bodystructure.h"
#include "proc/child.h"
#include "tls/hash.h"

#define SHARE_FAKES_APPEND
#include "tests/share_fakes.h"

enum {
	IS_UTF8 = 1,
	IS_SELECTED = 2,
	HAS_QRESYNC = 4,
	IS_ONE_BY_ONE = 8,
	HAS_QUOTA = 16,
	INPUT_MAX = 8192
};

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct span input; /* not read yet */
static size_t chunk;

/* ---- the client ---- */

struct span
io_unread(const struct io *io)
{
	return span_from(buf_as_span(&io->in), io->in_at);
}

void
io_take(struct io *io, size_t n)
{
	check(n <= io->in.len - io->in_at);
	io->in_at += n;
}

int
io_flush(struct io *io)
{
	check(buf_done(&io->out) == E_OK);
	return E_OK;
}

int
io_fill(struct io *io)
{
	struct span some = span_head(input, chunk);
	buf_drop(&io->in, io->in_at);
	io->in_at = 0;
	input = span_from(input, some.n);
	buf_span(&io->in, some);
	return some.n ? E_OK : E_IO;
}

bool
io_has_line(const struct io *io)
{
	struct span s = io_unread(io);
	return span_find(s, '\n') < s.n;
}

int
io_line(struct io *io, size_t max, struct span *out)
{
	while (!io_has_line(io))
		if (io_fill(io) != E_OK)
			return E_IO;
	struct span s = io_unread(io);
	size_t n = span_find(s, '\n') + 1;
	io->in_at += n;
	if (n > max)
		return E_LIMIT;
	if (n < 2 || s.p[n - 2] != '\r' || span_find(s, '\r') != n - 2)
		return E_BAD;
	*out = span_head(s, n - 2);
	return E_OK;
}

/* ---- what others test ---- */

int
url_data_open(struct session *s, const struct imap_url *url, struct url_data *out)
{
	*out = (struct url_data){.session = s, .text = SPAN("what it means")};
	return url->uid == 1 ? E_OK : E_BAD;
}

int
url_data_decode(struct url_data *d, const struct imap_url *url)
{
	d->text = SPAN("what\0it means");
	return url->section.n ? E_BAD : E_OK;
}

/* No part, so that there is nothing of which the structure would be told. */
const struct tree *
message_tree(struct message *m)
{
	return &m->tree;
}

const struct part *
part_find(const struct tree *tree, const uint32_t *path, size_t n)
{
	(void)tree, (void)path, (void)n;
	return NULL;
}

void
bodystructure_put_part(struct buf *out, const struct tree *tree,
    const struct part *part, const struct span *decoded, struct arena *arena)
{
	(void)out, (void)tree, (void)part, (void)decoded, (void)arena;
	abort();
}

void
fetch_hide_nuls(char *p, size_t n)
{
	check(memchr(p, '\0', n) == NULL); /* there are none in what these URLs mean */
}

/* Each token is 61 61 ... 61. */
void
hmac_sha256(struct span key, struct span data, unsigned char out[SHA256_BYTES])
{
	check(key.n == STORE_URL_KEY_BYTES && data.n > 0);
	memset(out, 'a', SHA256_BYTES);
}

void
url_data_close(struct url_data *d)
{
	(void)d;
}

int
serve_return(struct io *io, bool has_tls)
{
	(void)io, (void)has_tls;
	return E_OK;
}

int
child_tell(uint16_t type, struct span body, int fd)
{
	(void)type, (void)body, (void)fd;
	return E_OK;
}

/* There is no file to make one of. */
bool
cache_make(struct span message, struct arena *arena, struct buf *out)
{
	(void)message, (void)arena, (void)out;
	abort();
}

/* As an IDLE whose client never says anything else than what is there. */
enum reply
cmd_idle(struct session *s, struct command *c)
{
	struct span line;
	(void)c;
	int err = io_line(&s->io, IMAP_TAG_MAX, &line);
	s->is_over = err == E_IO;
	return err == E_OK ? R_DONE : err == E_IO ? R_NONE : R_SYNTAX;
}

/* ---- NOTIFY: its grammar is fuzz_imap_notify's ---- */

void
notify_update(struct session *s, enum update what, bool is_uid)
{
	selected_update(s, what, is_uid);
}

void
contexts_end_numbers(struct session *s)
{
	(void)s;
}

void
notify_leave(struct session *s)
{
	(void)s;
}

bool
notify_has_metadata(const struct session *s, struct span mailbox)
{
	(void)s;
	check(utf8_valid(mailbox));
	return true;
}

void
search_slices_keep(struct session *s)
{
	(void)s;
}

int
notify_wait(struct session *s)
{
	(void)s;
	return E_OK;
}

enum reply
idle_go_on(struct session *s, struct command *c, int64_t deadline)
{
	(void)deadline;
	return cmd_idle(s, c);
}

/* ---- commands that others test: what they read of the text ---- */

static enum reply
read_set(struct session *s, struct command *c)
{
	struct seqset set;
	struct numset seqs = {.n = 0};
	struct flag_list flags;
	if (parse_seqset(&c->parse, &set) != E_OK)
		return R_SYNTAX;
	int err = numbers_resolve(s, &set, c->is_uid, &seqs);
	check(err == E_BAD || seqs.n == 0 || seqs.ranges[seqs.n - 1].to <= MESSAGES);
	numset_free(&seqs);
	if (parse_sp(&c->parse) != E_OK || parse_flags(&c->parse, &flags) != E_OK)
		return err == E_OK ? R_DONE : R_BAD_SEQUENCE;
	return R_DONE;
}

/* clang-format off */
enum reply cmd_compress(struct session *s, struct command *c) { (void)s; return parse_end(&c->parse) == E_OK ? R_COMPRESSED : R_SYNTAX; }
enum reply cmd_fetch(struct session *s, struct command *c) { return read_set(s, c); }
enum reply cmd_store(struct session *s, struct command *c) { return read_set(s, c); }
enum reply cmd_copy(struct session *s, struct command *c) { return read_set(s, c); }
enum reply cmd_move(struct session *s, struct command *c) { return read_set(s, c); }
enum reply cmd_expunge(struct session *s, struct command *c) { return c->is_uid ? read_set(s, c) : R_DONE; }
enum reply cmd_search(struct session *s, struct command *c) { return read_set(s, c); }
enum reply cmd_esearch(struct session *s, struct command *c) { return s->selected ? read_set(s, c) : R_BAD_STATE; }
enum reply cmd_cancelupdate(struct session *s, struct command *c) { return s->selected ? read_set(s, c) : R_BAD_STATE; }
enum reply cmd_notify(struct session *s, struct command *c) { (void)s, (void)c; return R_SYNTAX; }
enum reply cmd_sort(struct session *s, struct command *c) { return read_set(s, c); }
enum reply cmd_thread(struct session *s, struct command *c) { return read_set(s, c); }

/* clang-format on */

void
session_end(struct session *s, int err)
{
	(void)err;
	s->is_over = true;
}

/* ---- what must hold ---- */

static bool
is_tagged(struct span line)
{
	struct span status = line, tag = span_cut(&status, ' ');
	if (tag.n == 0 || (span_eqs(tag, "*") && !span_starts(status, SPAN("BAD "))))
		return false;
	return span_starts(status, SPAN("OK ")) || span_starts(status, SPAN("NO ")) ||
	       span_starts(status, SPAN("BAD "));
}

/*
 * How many tagged replies there are in it; every line ends in CR LF.  Names may be literals: then
 * lines are not looked at.
 */
static unsigned
count_tagged(struct span out)
{
	unsigned n = 0;
	check(out.n == 0 || span_ends(out, SPAN("\r\n")));
	while (out.n) {
		struct span line = span_head(out, span_search(out, SPAN("\r\n")));
		out = span_from(out, line.n + 2);
		n += is_tagged(line);
	}
	return n;
}

static void
talk(struct session *s)
{
	while (!s->is_over && !s->is_broken && s->errors < IMAP_ERRORS_MOST) {
		size_t before = s->io.out.len;
		int err = command_read(s);
		check(s->command.len <= IMAP_COMMAND_MAX + IMAP_LINE_MAX);
		if (err != E_OK)
			return;
		unsigned n = count_tagged(span_from(buf_as_span(&s->io.out), before));
		bool has_literal =
		    span_search(buf_as_span(&s->io.out), SPAN("{")) < s->io.out.len;
		check(n == 1 || has_literal || s->is_over || s->is_broken);
		buf_reset(&s->io.out);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n < 1 || n > INPUT_MAX)
		return 0;
	struct session s = {.io = {.fd = -1},
	    .account = "joe@example.com",
	    .has_tls = true,
	    .may_unauthenticate = true,
	    .server_admin = "mailto:a@example.test",
	    .arena = {.max_bytes = IMAP_ARENA_MAX},
	    .message_size_most = 1 << 20,
	    .quota_bytes = p[0] & HAS_QUOTA ? 500 : 0,
	    .quota_messages = p[0] & HAS_QUOTA ? 9 : 0,
	    .enabled = (p[0] & IS_UTF8 ? EN_UTF8 : 0) |
	               (p[0] & HAS_QRESYNC ? EN_CONDSTORE | EN_QRESYNC : 0)};
	log_level(LOG_EMERG);
	input = span_make(p + 1, n - 1);
	chunk = p[0] & IS_ONE_BY_ONE ? 1 : INPUT_MAX;
	if (p[0] & IS_SELECTED)
		check(selected_open(&s, SPAN("INBOX"), false) == E_OK);
	talk(&s);
	check(n_incoming == 0);
	selected_close(&s);
	arena_reset(&s.arena);
	buf_free(&s.io.in);
	buf_free(&s.io.out);
	buf_free(&s.command);
	buf_free(&s.code);
	return 0;
}
