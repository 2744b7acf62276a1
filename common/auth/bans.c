/* SPDX-License-Identifier: ISC */
/* bans.c - the file of bans: made, mapped, searched, changed. */
#include "auth/bans.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "auth/bans_file.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "conf/conf.h"
#include "metrics/metric.h"
#include "proc/daemon.h"

static const char magic[16] = "merpati failures";

enum { FILE_MODE = 0600, STATE_MODE = 0711 };

uint64_t
bans_mix(uint64_t v)
{
	v += 0x9e3779b97f4a7c15u;
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9u;
	v = (v ^ v >> 27) * 0x94d049bb133111ebu;
	return v ^ v >> 31;
}

/* ---- the file ---- */

static bool
is_whole(const struct bans_file *f)
{
	return memcmp(f->head.magic, magic, sizeof magic) == 0 &&
	       f->head.layout == BANS_LAYOUT && f->head.bytes == sizeof *f;
}

/* Whoever has it mapped sees the new one: it is the same file, and never shorter. */
static void
make_anew(struct bans_file *f)
{
	memset(f, 0, sizeof *f);
	random_fill(&f->head.seed, sizeof f->head.seed);
	f->head.layout = BANS_LAYOUT;
	f->head.bytes = sizeof *f;
	memcpy(f->head.magic, magic, sizeof magic);
}

static void *
map(int fd, bool may_write)
{
	void *p = mmap(NULL, sizeof(struct bans_file),
	    may_write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

/* Its room is on the disk before anybody writes there.  E_OK, E_IO; errno */
static int
has_room(int fd, bool *was_empty)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return E_IO;
	*was_empty = st.st_size == 0;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return E_IO;
	}
	if (st.st_size >= (off_t)sizeof(struct bans_file))
		return E_OK;
	errno = posix_fallocate(fd, 0, sizeof(struct bans_file));
	return errno == 0 ? E_OK : E_IO;
}

static int
give_to_auth(const struct conf *conf, int fd)
{
	uid_t uid;
	gid_t gid;
	if (geteuid() != 0)
		return E_OK;
	if (daemon_user(conf, USER_AUTH, &uid, &gid) != E_OK ||
	    fchown(fd, uid, gid) != 0 || fchmod(fd, FILE_MODE) != 0)
		return E_IO;
	return E_OK;
}

static int
lock_in_time(int fd, int tries)
{
	const struct timespec wait = {.tv_nsec = BANS_LOCK_WAIT_US * 1000};
	for (int i = 0; i < tries; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return E_OK;
		nanosleep(&wait, NULL);
	}
	return E_LIMIT;
}

/* Who cannot have the lock, for another one keeps it, takes what is whole. */
static int
prepare(const struct conf *conf, const char *path, struct bans *b)
{
	bool was_empty;
	int locked = lock_in_time(b->fd, BANS_OPEN_TRIES);
	if (has_room(b->fd, &was_empty) != E_OK || give_to_auth(conf, b->fd) != E_OK)
		return E_IO;
	b->file = map(b->fd, true);
	if (!b->file || (locked != E_OK && !is_whole(b->file)))
		return E_IO;
	if (!is_whole(b->file)) {
		if (!was_empty)
			log_event(LOG_WARNING, "failures_damaged",
			    "file=%s do=\"nothing: it is made anew, without bans\"",
			    log_qs(path));
		make_anew(b->file);
	}
	return flock(b->fd, LOCK_UN) == 0 ? E_OK : E_IO;
}

static void
unmap(struct bans *b)
{
	if (b->file)
		munmap(b->file, sizeof *b->file);
	b->file = NULL;
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
}

/*
 * The same file, by a descriptor through which nobody can write, nor make it shorter.  Who may write
 * has its mapping for that, and the descriptor for the lock alone.
 */
static int
narrow(const char *path, bool may_write, struct bans *b)
{
	close(b->fd);
	b->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (b->fd < 0)
		return E_IO;
	if (may_write)
		return E_OK;
	munmap(b->file, sizeof *b->file);
	b->file = map(b->fd, false);
	close(b->fd);
	b->fd = -1;
	return b->file ? E_OK : E_IO;
}

/* Fronts may come before all who would make it. */
static bool
make_dir(const char *state)
{
	return mkdir(state, STATE_MODE) == 0 && chmod(state, STATE_MODE) == 0;
}

struct bans *
bans_open(const struct conf *conf, bool may_write)
{
	struct bans *b = mem_new(sizeof *b);
	struct buf path = {0};
	const char *state = conf_str(conf, "common", "state_dir");
	if (make_dir(state))
		log_event(LOG_INFO, "state_dir_made", "dir=%s", log_qs(state));
	buf_putf(&path, "%s/auth_failures", state);
	b->fd =
	    open(buf_cstr(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	int err = b->fd >= 0 ? prepare(conf, buf_cstr(&path), b) : E_IO;
	if (err == E_OK)
		err = narrow(buf_cstr(&path), may_write, b);
	if (err != E_OK) {
		log_event(LOG_WARNING, "failures_not_kept",
		    "file=%s err=%s do=\"nothing: nobody is banned meanwhile\"",
		    log_qs(buf_cstr(&path)), log_errno(errno));
		bans_close(&b);
	}
	buf_free(&path);
	return b;
}

void
bans_close(struct bans **b)
{
	if (*b)
		unmap(*b);
	mem_free(b);
}

int
bans_lock(struct bans *b)
{
	int err = lock_in_time(b->fd, BANS_LOCK_TRIES);
	if (err != E_OK)
		log_event(LOG_WARNING, "failures_locked", "why=%s", err_name(err));
	return err;
}

void
bans_unlock(struct bans *b)
{
	flock(b->fd, LOCK_UN);
}

/* ---- a row ---- */

static uint64_t
check_of(const struct bans_file *f, const struct ban_row *r)
{
	uint64_t words[(sizeof *r - sizeof r->check) / sizeof(uint64_t)],
	    sum = f->head.seed;
	memcpy(words, &r->b, sizeof words);
	for (size_t i = 0; i < COUNT(words); i++)
		sum = bans_mix(sum ^ words[i]);
	return sum | 1; /* of a free row it is 0 */
}

static size_t
set_at(const struct bans_file *f, const unsigned char b[16], unsigned bits)
{
	uint64_t halves[2];
	memcpy(halves, b, sizeof halves);
	uint64_t h = bans_mix(bans_mix(f->head.seed ^ halves[0]) ^ halves[1] ^ bits);
	return (size_t)(h % BANS_SETS) * BANS_WAYS;
}

/* E_OK, E_BAD (no row, or a damaged one) */
static int
row_get(const struct bans_file *f, size_t at, struct ban *out)
{
	struct ban_row r =
	    f->bans[at]; /* others may write it now: the copy is checked */
	bool is_name = r.kind == BAN_LOCK;
	if (!r.check || r.kind < BAN_FAILURES || r.kind > BAN_LOCK ||
	    is_name != (r.bits == BAN_NAME_BITS) ||
	    (!is_name && r.bits >= BANS_LENGTHS) || r.text[sizeof r.text - 1] ||
	    r.check != check_of(f, &r))
		return E_BAD;
	*out = (struct ban){.kind = r.kind,
	    .net.bits = r.bits,
	    .since_sec = r.since_sec,
	    .until_sec = r.until_sec,
	    .count = r.count,
	    .times = r.times};
	memcpy(out->net.b, r.b, sizeof r.b);
	memcpy(out->text, r.text, sizeof r.text);
	return E_OK;
}

static void
row_put(struct bans_file *f, size_t at, const struct ban *ban)
{
	struct ban_row r = {.bits = ban->net.bits,
	    .kind = (unsigned char)ban->kind,
	    .since_sec = ban->since_sec,
	    .until_sec = ban->until_sec,
	    .count = ban->count,
	    .times = ban->times};
	memcpy(r.b, ban->net.b, sizeof r.b);
	memcpy(r.text, ban->text, sizeof r.text - 1);
	r.check = check_of(f, &r);
	f->bans[at] = r;
}

static unsigned
bits_of(enum ban_kind kind, const struct net *net)
{
	return kind == BAN_LOCK ? BAN_NAME_BITS : net->bits;
}

/* Its row.  E_OK, E_BAD */
static int
row_find(const struct bans_file *f, unsigned bits, const unsigned char b[16],
    size_t *at, struct ban *out)
{
	size_t first = set_at(f, b, bits);
	for (*at = first; *at < first + BANS_WAYS; ++*at)
		if (f->bans[*at].bits == bits &&
		    memcmp(f->bans[*at].b, b, sizeof f->bans[*at].b) == 0 &&
		    row_get(f, *at, out) == E_OK && out->net.bits == bits &&
		    memcmp(out->net.b, b, sizeof out->net.b) == 0)
			return E_OK;
	return E_BAD;
}

bool
ban_is_in_force(const struct ban *ban, int64_t now)
{
	return now < ban->until_sec && ban->since_sec <= now + BANS_SLACK_SEC;
}

int
bans_find(
    const struct bans *b, enum ban_kind kind, const struct net *net, struct ban *out)
{
	size_t at;
	return row_find(b->file, bits_of(kind, net), net->b, &at, out);
}

/* ---- who asks ---- */

int
bans_net_of(const char *address, struct net *out)
{
	struct net net;
	if (net_parse(span_of(address), &net) != E_OK)
		return E_BAD;
	net_cut(&net,
	    net_is_v4(&net) ? (unsigned)BANS_NET4_BITS : (unsigned)BANS_NET6_BITS);
	*out = net;
	return E_OK;
}

/* What an admin said counts before what was found: it holds for who has the other kind off, too. */
int
bans_has(const struct bans *b, const char *address, int64_t now, struct ban *out)
{
	struct net net;
	struct ban one;
	size_t at;
	int err = E_BAD;
	if (!b || net_parse(span_of(address), &net) != E_OK)
		return E_BAD;
	for (unsigned bits = BANS_LENGTHS; bits-- > 0;) {
		uint64_t lengths = atomic_load_explicit(
		    &b->file->head.lengths[bits / 64], memory_order_relaxed);
		if (!(lengths >> bits % 64 & 1))
			continue;
		net_cut(&net, bits); /* shorter each time */
		if (row_find(b->file, bits, net.b, &at, &one) != E_OK ||
		    !ban_is_in_force(&one, now) ||
		    (err == E_OK && one.kind != BAN_ADMIN))
			continue;
		*out = one;
		err = E_OK;
		if (one.kind == BAN_ADMIN)
			break;
	}
	return err;
}

/* With ban = no those count that an admin said. */
static bool
is_exempt(const struct conf *conf, const struct ban *ban, const char *address)
{
	struct nets exempt;
	if (ban->kind != BAN_ADMIN && !conf_bool(conf, "common", "ban"))
		return true;
	nets_load(&exempt, conf, "common", "ban_exempt");
	bool is = nets_has_text(&exempt, address);
	nets_free(&exempt);
	return is;
}

bool
bans_refuse(const struct bans *b, const struct conf *conf, const char *address)
{
	struct ban ban;
	struct buf who = {0};
	int64_t now = clock_wall_sec();
	if (bans_has(b, address, now, &ban) != E_OK || is_exempt(conf, &ban, address))
		return false;
	ban_put_who(&ban, &who);
	log_event(LOG_INFO, "refused_banned", "client=%s network=%s seconds_left=%lld",
	    log_qs(address), log_q(buf_as_span(&who)),
	    (long long)(ban.until_sec - now));
	buf_free(&who);
	metric_count(M_BANNED);
	return true;
}

/* ---- who changes ---- */

/*
 * The place for one more: free, else of a clock that was wrong, else over for longest, else one that
 * nobody said.  E_OK, E_LIMIT
 */
static int
place_for(struct bans_file *f, size_t first, int64_t now, size_t *at)
{
	int64_t soonest = INT64_MAX;
	struct ban other;
	*at = first + BANS_WAYS;
	for (size_t i = first; i < first + BANS_WAYS; i++) {
		if (row_get(f, i, &other) != E_OK) {
			*at = i;
			return E_OK;
		}
		bool is_ahead = other.since_sec > now + BANS_SLACK_SEC;
		int64_t ends = is_ahead ? INT64_MIN : other.until_sec;
		if ((other.kind == BAN_ADMIN && ban_is_in_force(&other, now)) ||
		    ends >= soonest)
			continue;
		soonest = ends;
		*at = i;
	}
	return *at < first + BANS_WAYS ? E_OK : E_LIMIT;
}

int
bans_put(struct bans *b, const struct ban *ban, int64_t now)
{
	struct bans_file *f = b->file;
	struct ban copy = *ban, old;
	size_t at;
	copy.net.bits = (unsigned char)bits_of(ban->kind, &ban->net);
	if (row_find(f, copy.net.bits, copy.net.b, &at, &old) != E_OK &&
	    place_for(f, set_at(f, copy.net.b, copy.net.bits), now, &at) != E_OK)
		return E_LIMIT;
	row_put(f, at, &copy);
	if (copy.kind != BAN_LOCK)
		f->head.lengths[copy.net.bits / 64] |= UINT64_C(1)
		                                       << copy.net.bits % 64;
	return E_OK;
}

int
bans_remove(struct bans *b, const struct ban *ban)
{
	struct ban old;
	size_t at;
	int err =
	    row_find(b->file, bits_of(ban->kind, &ban->net), ban->net.b, &at, &old);
	if (err == E_OK)
		b->file->bans[at] = (struct ban_row){0};
	return err;
}

int
bans_each(const struct bans *b, int (*each)(void *ctx, const struct ban *), void *ctx)
{
	struct ban ban;
	int err = E_OK;
	for (size_t i = 0; i < COUNT(b->file->bans) && err == E_OK; i++)
		if (row_get(b->file, i, &ban) == E_OK)
			err = each(ctx, &ban);
	return err;
}

void
ban_put_who(const struct ban *ban, struct buf *out)
{
	if (ban->kind == BAN_LOCK)
		buf_str(out, ban->text);
	else
		net_put(&ban->net, out);
}
