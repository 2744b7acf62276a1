/* SPDX-License-Identifier: ISC */
/*
 * fuzz_pop3_command.c - command lines before a login and after it, on three messages: its first byte says which, and
 * how the client came.  Each line has exactly one reply, of the form of RFC 2449 3, or asks auth once and is silent.
 * fuzz: tests/fuzz/front.c
 * fuzz: pop3d/command.c pop3d/cmd_capa.c pop3d/cmd_dele.c pop3d/cmd_list.c pop3d/cmd_retr.c pop3d/capa.c pop3d/drop.c pop3d/stuff.c pop3d/login.c common/login/dialect.c common/store/numset.c
 */
#include "base/log.h"
#include "conf/conf.h"
#include "front.h"
#include "pop3d/command.h"
#include "pop3d/login.h"
#include "proc/child.h"

enum { BEFORE_LOGIN = 1, IS_UTF8 = 4, KEEPS_NONE = 16, REPLY_LINE_MAX = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct child the_child = {.daemon = "pop3d", .control = -1};

static const char *const messages[] = {"Subject: one\r\n\r\n.\r\n..\r\n",
    "Subject: gr\303\274n\r\n\r\n2\r\n", "Subject: no end\r\n\r\nthree"};

/* ---- the processes around it ---- */

int64_t
conf_int(const struct conf *conf, const char *section, const char *name)
{
	(void)conf, (void)section, (void)name;
	return 7;
}

size_t
conf_list_count(const struct conf *conf, const char *section, const char *name)
{
	(void)conf, (void)section, (void)name;
	return 1;
}

bool
auth_may_show(const struct conf *conf, bool has_tls, bool is_loopback)
{
	(void)conf;
	return has_tls || is_loopback;
}

int
store_select(
    struct store *s, struct span mailbox, bool is_examine, struct store_view *out)
{
	static struct store_record records[COUNT(messages)];
	(void)s, (void)mailbox, (void)is_examine;
	for (uint32_t i = 0; i < COUNT(messages); i++)
		records[i] = (struct store_record){
		    .uid = i + 1, .size_bytes = span_of(messages[i]).n};
	*out = (struct store_view){.records = records, .n = COUNT(messages)};
	return E_OK;
}

void
store_unselect(struct store *s, struct store_view *v)
{
	(void)s, (void)v;
}

const struct store_record *
store_record_of(const struct store_view *v, uint32_t uid)
{
	check(uid >= 1 && uid <= v->n);
	return &v->records[uid - 1];
}

/* The last one is one of the large, which are mapped. */
int
store_message_read(struct store *s, const struct store_record *r, struct buf *out)
{
	(void)s;
	buf_reset(out);
	if (r->uid == COUNT(messages))
		return E_LIMIT;
	buf_str(out, messages[r->uid - 1]);
	return E_OK;
}

int
store_message_map(struct store *s, const struct store_record *r, struct span *out)
{
	(void)s;
	*out = span_of(messages[r->uid - 1]);
	return E_OK;
}

void
store_message_unmap(struct span *s)
{
	*s = SPAN("");
}

void
store_uidl(struct store *s, const struct store_record *r, struct buf *out)
{
	(void)s;
	buf_putf(out, "id%u", r->uid);
}

enum store_said
store_expunge(
    struct store *s, uint32_t mailbox, const struct numset *uids, bool only_deleted)
{
	(void)s, (void)mailbox;
	check(!only_deleted && !numset_has(uids, 0) &&
	      !numset_has(uids, COUNT(messages) + 1));
	return STORE_DONE;
}

/* ---- what must hold ---- */

/* A first line, and nothing; or lines to the only one that is a dot. */
static void
check_reply(struct span reply)
{
	size_t end = span_search(reply, SPAN("\r\n"));
	check(span_starts(reply, SPAN("+OK")) || span_starts(reply, SPAN("-ERR ")));
	check(end < reply.n && end + 2 <= REPLY_LINE_MAX &&
	      span_find(span_head(reply, end), '\n') == end);
	struct span more = span_from(reply, end);
	if (more.n == 2)
		return;
	check(span_starts(reply, SPAN("+OK")));
	check(span_search(more, SPAN("\r\n.\r\n")) == more.n - 5);
}

static void
check_drop(const struct drop *d)
{
	size_t n = 0;
	uint64_t bytes = 0;
	for (size_t i = 0; i < d->view.n; i++)
		if (!d->is_deleted[i]) {
			n++;
			bytes += d->view.records[i].size_bytes;
		}
	check(n == d->n_left && bytes == d->bytes_left);
}

static void
after_login(uint8_t how, struct span in)
{
	struct session s = {.has_tls = how & FRONT_HAS_TLS,
	    .is_utf8 = how & IS_UTF8,
	    .is_loopback = how & FRONT_IS_LOOPBACK,
	    .mechanisms = SPAN("SCRAM-SHA-256 PLAIN")};
	check(drop_open(NULL, how & KEEPS_NONE ? 0 : 30, &s.drop) == E_OK);
	while (in.n && !s.is_over) {
		struct span line = span_cut(&in, '\n');
		buf_reset(&s.io.out);
		command_run(&s, line);
		check_reply(buf_as_span(&s.io.out));
		check_drop(&s.drop);
	}
	drop_close(&s.drop);
	buf_free(&s.io.out);
	buf_free(&s.text);
}

static void
before_login(uint8_t how, struct span in)
{
	struct front_conn c = front_client(how);
	while (in.n && c.state == FRONT_TALK) {
		struct span line = span_cut(&in, '\n');
		buf_reset(&c.out);
		n_asked = 0;
		pop3_dialect.line(&c, line);
		check(n_asked == (c.out.len == 0));
		if (!n_asked)
			check_reply(buf_as_span(&c.out));
	}
	front_client_free(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n < 1 || n > 4096)
		return 0;
	log_level(LOG_EMERG);
	struct span in = span_make(p + 1, n - 1);
	if (p[0] & BEFORE_LOGIN)
		before_login(p[0], in);
	else
		after_login(p[0], in);
	return 0;
}
