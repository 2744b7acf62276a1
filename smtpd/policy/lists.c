/* SPDX-License-Identifier: ISC */
/* lists.c - allow and deny: read into sorted rows, and looked up. */
#include "smtpd/policy/lists.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"
#include "conf/check.h"
#include "conf/conf.h"
#include "login/nets.h"
#include "mime/idn.h"

enum { NET_BYTES = 16, NET_BITS_MAX = 128 };

/* What a row is found by. */
enum kind {
	OF_CLIENT, /* bits, and that many bits of an address as IPv6, the rest 0 */
	OF_HELO,
	OF_HELO_BELOW,
	OF_SENDER,
	OF_DOMAIN,
	OF_DOMAIN_BELOW,
};

struct row {
	unsigned char kind, bits;
	bool is_deny;
	uint32_t order;        /* of two for the same the first counts */
	struct span key, text; /* borrow: the arena */
};

struct lists {
	struct arena arena; /* own */
	struct row *rows;   /* own; sorted */
	size_t n, cap;
	bool has_bits[NET_BITS_MAX + 1]; /* networks of that length */
};

static struct lists the;

/* ---- rows ---- */

static int
by_key(const struct row *a, const struct row *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->bits != b->bits)
		return a->bits < b->bits ? -1 : 1;
	return span_cmp(a->key, b->key);
}

static int
by_key_and_order(const void *x, const void *y)
{
	const struct row *a = x, *b = y;
	int c = by_key(a, b);
	return c ? c : a->order < b->order ? -1 : a->order > b->order;
}

/* The first of those with this key; NULL */
static const struct row *
find(enum kind kind, unsigned bits, struct span key)
{
	struct row want = {
	    .kind = (unsigned char)kind, .bits = (unsigned char)bits, .key = key};
	size_t low = 0, high = the.n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (by_key(&the.rows[middle], &want) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < the.n && by_key(&the.rows[low], &want) == 0 ? &the.rows[low]
	                                                         : NULL;
}

/* A domain in A-labels; all of it in lower case, without a last dot. */
static void
name_put(struct buf *out, struct span name)
{
	size_t at = out->len;
	if (idn_ascii(name, out) != E_OK)
		buf_span(out, name);
	if (out->len > at && out->p[out->len - 1] == '.')
		buf_cut(out, out->len - 1);
	for (; at < out->len; at++)
		out->p[at] = ch_lower(out->p[at]);
}

static void
address_put_lower(struct buf *out, struct span address)
{
	size_t at = span_rfind(address, '@');
	for (size_t i = 0; i < at && i < address.n; i++)
		buf_ch(out, ch_lower(address.p[i]));
	if (at == address.n)
		return;
	buf_ch(out, '@');
	name_put(out, span_from(address, at + 1));
}

static void
mask(unsigned char *b, unsigned bits)
{
	for (unsigned i = 0; i < NET_BYTES; i++) {
		unsigned keep = bits > i * 8 ? bits - i * 8 : 0;
		b[i] &= (unsigned char)(keep >= 8 ? 0xFF : 0xFF00u >> keep);
	}
}

/* ---- read ---- */

static int
row_of(const struct access_row *a, struct lists *l, struct row *out)
{
	static const unsigned char kinds[ACCESS_WHATS][2] = {
	    [ACCESS_HELO] = {OF_HELO, OF_HELO_BELOW},
	    [ACCESS_SENDER] = {OF_DOMAIN, OF_DOMAIN_BELOW}};
	struct buf key = {0};
	struct net net;
	*out = (struct row){.is_deny = a->is_deny,
	    .order = (uint32_t)l->n,
	    .text = arena_span(&l->arena, a->text)};
	if (a->what == ACCESS_CLIENT) {
		if (net_parse(a->pattern, &net) != E_OK)
			return E_BAD;
		mask(net.b, net.bits);
		out->bits = net.bits;
		l->has_bits[net.bits] = true;
		buf_put(&key, net.b, NET_BYTES);
	} else if (a->what == ACCESS_SENDER && !a->is_domain) {
		out->kind = OF_SENDER;
		address_put_lower(&key, a->pattern);
	} else {
		out->kind = kinds[a->what][a->is_below];
		name_put(&key, a->pattern);
	}
	out->key = arena_span(&l->arena, buf_as_span(&key));
	buf_free(&key);
	return E_OK;
}

/* E_OK, E_BAD, E_LIMIT */
static int
add_line(struct lists *l, struct span line)
{
	struct access_row a;
	if (l->n == LISTS_ROWS_MAX)
		return E_LIMIT;
	l->rows = mem_room(l->rows, l->n, &l->cap, sizeof *l->rows);
	if (access_parse(line, &a) != E_OK || row_of(&a, l, &l->rows[l->n]) != E_OK)
		return E_BAD;
	l->n++;
	return E_OK;
}

struct reading {
	const char *path;
	struct lists *lists;
	struct buf *errors;
	unsigned n_errors;
};

static void
complain(struct reading *r, unsigned line, const char *what, const char *right)
{
	if (r->n_errors++ >= LISTS_ERRORS_MAX)
		return;
	buf_str(r->errors, r->path);
	if (line)
		buf_putf(r->errors, ":%u", line);
	buf_putf(r->errors, ": %s%s\n", what, right);
}

static void
add_text(struct reading *r, struct span text)
{
	for (unsigned number = 1; text.n; number++) {
		struct span line = span_cut(&text, '\n');
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		line = span_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		int err = add_line(r->lists, line);
		if (err == E_BAD)
			complain(r, number, "wrong; right would be ", check_access(""));
		if (err == E_LIMIT) {
			complain(r, number, "too many lines", "");
			return;
		}
	}
}

/* E_OK, E_IO (errno), E_LIMIT (too long), E_BAD (not a regular file) */
static int
read_list(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if (fd < 0)
		return E_IO;
	int err = fstat(fd, &st) != 0 ? E_IO : S_ISREG(st.st_mode) ? E_OK : E_BAD;
	if (err == E_OK)
		err = file_read(fd, out);
	close(fd);
	return err;
}

static void
add_file(struct reading *r)
{
	struct buf text = {.max = LISTS_FILE_MAX};
	int err = read_list(r->path, &text);
	if (err == E_OK)
		add_text(r, buf_as_span(&text));
	else
		complain(r, 0,
		    err == E_IO      ? strerror(errno)
		    : err == E_LIMIT ? "too long a file"
				     : "not a regular file",
		    "");
	buf_free(&text);
}

static void
lists_clear(struct lists *l)
{
	arena_reset(&l->arena);
	mem_free(&l->rows);
	*l = (struct lists){0};
}

/* E_OK, E_BAD with lines in errors: what is right is in out */
static int
lists_read(const struct conf *conf, struct lists *out, struct buf *errors)
{
	struct reading r = {.path = conf_str(conf, "smtpd", "access_file"),
	    .lists = out,
	    .errors = errors};
	*out = (struct lists){0};
	for (size_t i = 0; i < conf_list_count(conf, "smtpd", "access"); i++)
		if (add_line(out, span_of(conf_list(conf, "smtpd", "access", i))) !=
		    E_OK)
			bug("a setting that was not checked");
	if (*r.path)
		add_file(&r);
	if (out->n)
		qsort(out->rows, out->n, sizeof *out->rows, by_key_and_order);
	return r.n_errors ? E_BAD : E_OK;
}

int
lists_self_test(const struct conf *conf, struct buf *errors)
{
	struct lists l;
	int err = lists_read(conf, &l, errors);
	lists_clear(&l);
	return err;
}

void
lists_load(const struct conf *conf)
{
	struct buf errors = {0};
	lists_free();
	if (lists_read(conf, &the, &errors) != E_OK) {
		struct span rest = buf_as_span(&errors);
		while (rest.n)
			log_event(LOG_ERR, "access_file", "says=%s",
			    log_q(span_cut(&rest, '\n')));
	}
	buf_free(&errors);
}

void
lists_free(void)
{
	lists_clear(&the);
}

bool
lists_are_empty(void)
{
	return the.n == 0;
}

/* ---- looked up ---- */

/* The longest network. */
static const struct row *
find_client(const struct ip *client)
{
	unsigned char b[NET_BYTES] = {[10] = 0xFF, [11] = 0xFF};
	const struct row *r = NULL;
	if (client->n == 0)
		return NULL;
	memcpy(b + NET_BYTES - client->n, client->b, client->n);
	for (unsigned bits = NET_BITS_MAX + 1; bits-- > 0 && !r;) {
		if (!the.has_bits[bits])
			continue;
		mask(b, bits);
		r = find(OF_CLIENT, bits, span_make(b, sizeof b));
	}
	return r;
}

/* The name itself, then what is above it, the nearest first. */
static const struct row *
find_name(enum kind kind, enum kind below, struct span name)
{
	const struct row *r = find(kind, 0, name);
	while (!r && name.n) {
		(void)span_cut(&name, '.');
		if (name.n)
			r = find(below, 0, name);
	}
	return r;
}

static const struct row *
find_helo(struct span helo)
{
	struct buf name = {0};
	name_put(&name, helo);
	const struct row *r = find_name(OF_HELO, OF_HELO_BELOW, buf_as_span(&name));
	buf_free(&name);
	return r;
}

static const struct row *
find_sender(struct span sender)
{
	struct buf address = {0};
	address_put_lower(&address, sender);
	struct span whole = buf_as_span(&address);
	size_t at = span_rfind(whole, '@');
	const struct row *r = find(OF_SENDER, 0, whole);
	if (!r && at < whole.n)
		r = find_name(OF_DOMAIN, OF_DOMAIN_BELOW, span_from(whole, at + 1));
	buf_free(&address);
	return r;
}

void
lists_judge(const struct lists_facts *f, struct lists_said *out)
{
	const struct row *found[ACCESS_WHATS] = {NULL};
	*out = (struct lists_said){.verdict = LISTS_NOTHING, .text = {"", 0}};
	if (the.n == 0)
		return;
	found[ACCESS_CLIENT] = find_client(f->client);
	if (!found[ACCESS_CLIENT]) {
		found[ACCESS_HELO] = find_helo(f->helo);
		found[ACCESS_SENDER] = f->has_sender ? find_sender(f->sender) : NULL;
	}
	for (size_t i = ACCESS_WHATS;
	     i-- > 0;) { /* the first that stands counts most */
		bool is_weaker =
		    out->verdict == LISTS_DENY && found[i] && !found[i]->is_deny;
		if (!found[i] || is_weaker)
			continue;
		out->verdict = found[i]->is_deny ? LISTS_DENY : LISTS_ALLOW;
		out->what = (enum access_what)i;
		out->text = found[i]->text;
	}
}

void
lists_refusal(
    const struct lists_said *said, const struct lists_facts *f, struct buf *out)
{
	if (said->text.n) {
		buf_span(out, said->text);
		return;
	}
	buf_str(out, "Mail from ");
	if (said->what == ACCESS_CLIENT)
		ip_put(f->client, out);
	else if (said->what == ACCESS_HELO)
		buf_span(out, f->helo);
	else
		buf_span(out, f->sender.n ? f->sender : SPAN("<>"));
	buf_str(out, " is not taken here");
}

static const char *const whats[ACCESS_WHATS] = {
    [ACCESS_CLIENT] = "client", [ACCESS_HELO] = "helo", [ACCESS_SENDER] = "sender"};

static const char *
verdict_name(const struct lists_said *said)
{
	return said->verdict == LISTS_DENY ? "deny" : "allow";
}

void
lists_log(const struct lists_said *said, struct buf *out)
{
	if (said->verdict != LISTS_NOTHING)
		buf_putf(out, " access=%s:%s", verdict_name(said), whats[said->what]);
}

void
lists_say(const struct lists_said *said, struct authres *out)
{
	if (said->verdict == LISTS_NOTHING)
		return;
	authres_result(out, "x-access", said->verdict == LISTS_ALLOW ? "pass" : "fail");
	authres_prop(out, "policy.access", span_of(whats[said->what]));
}
