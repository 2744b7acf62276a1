/* SPDX-License-Identifier: ISC */
/* app_use.c - the files of last uses. */
#include "account/app_use.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"

enum { DIR_MODE = 0700, FILE_MODE = 0600, SET_BYTES = APP_USES_WAYS * APP_USE_BYTES };

struct app_uses {
	int fd; /* own */
};

struct place {
	struct id id;
	struct app_use use;
};

/* ---- a place ---- */

static void
place_put(const struct place *p, struct buf *out)
{
	buf_put(out, p->id.b, ID_BYTES);
	buf_u8(out, (uint8_t)p->use.protocol);
	buf_u8(out, 0);
	buf_u16(out, 0);
	buf_u64(out, (uint64_t)p->use.when_sec);
	buf_put(out, p->use.client, sizeof p->use.client);
}

static void
place_get(struct span bytes, struct place *out)
{
	struct rd r = rd_of(bytes);
	rd_id(&r, &out->id);
	out->use.protocol = rd_u8(&r);
	(void)rd_bytes(&r, 3);
	out->use.when_sec = (int64_t)rd_u64(&r);
	struct span client = rd_bytes(&r, sizeof out->use.client);
	if (r.err == E_OK)
		memcpy(out->use.client, client.p, sizeof out->use.client);
	else
		*out = (struct place){0};
}

static off_t
set_at(struct id id)
{
	return (off_t)((id.b[0] | (unsigned)id.b[1] << 8) % APP_USES_SETS) * SET_BYTES;
}

/* Its place, else the one of its set that was used longest ago; which of them, and what is there. */
static size_t
place_find(int fd, struct id id, struct place *out)
{
	char bytes[SET_BYTES] = {0};
	size_t best = 0;
	if (pread(fd, bytes, sizeof bytes, set_at(id)) < 0)
		memset(bytes, 0, sizeof bytes);
	for (size_t i = 0; i < APP_USES_WAYS; i++) {
		struct place p;
		place_get(span_make(bytes + i * APP_USE_BYTES, APP_USE_BYTES), &p);
		if (i == 0 || p.use.when_sec < out->use.when_sec || id_eq(p.id, id)) {
			*out = p;
			best = i;
		}
		if (id_eq(p.id, id))
			break;
	}
	return best;
}

static void
take_client(const char *text, unsigned char out[16])
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	unsigned char four[4];
	memset(out, 0, 16);
	if (inet_pton(AF_INET, text, four) == 1) {
		memcpy(out, mapped, sizeof mapped);
		memcpy(out + sizeof mapped, four, sizeof four);
	} else if (inet_pton(AF_INET6, text, out) != 1) {
		memset(out, 0, 16);
	}
}

/* ---- the file of a daemon ---- */

static void
put_path(const struct conf *conf, const char *daemon, struct buf *out)
{
	buf_putf(out, "%s/app_uses", conf_str(conf, "common", "state_dir"));
	if (daemon)
		buf_putf(out, "/%s", daemon);
}

struct app_uses *
app_uses_open(const struct conf *conf, const char *daemon)
{
	struct app_uses *u = NULL;
	struct buf path = {0};
	put_path(conf, NULL, &path);
	bool has_dir = mkdir(buf_cstr(&path), DIR_MODE) == 0 || errno == EEXIST;
	buf_reset(&path);
	put_path(conf, daemon, &path);
	int fd = has_dir ? open(buf_cstr(&path),
			       O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE)
	                 : -1;
	if (fd >= 0) {
		u = mem_new(sizeof *u);
		u->fd = fd;
	} else {
		log_event(LOG_NOTICE, "app_uses_not_kept", "file=%s err=%s",
		    log_qs(buf_cstr(&path)), log_errno(errno));
	}
	buf_free(&path);
	return u;
}

void
app_uses_close(struct app_uses **u)
{
	if (*u)
		close((*u)->fd);
	mem_free(u);
}

void
app_uses_note(struct app_uses *u, struct id id, unsigned protocol, const char *client)
{
	int64_t now = clock_wall_sec();
	struct place p = {0};
	struct buf bytes = {0};
	if (!u)
		return;
	size_t way = place_find(u->fd, id, &p);
	if (id_eq(p.id, id) && now >= p.use.when_sec &&
	    now - p.use.when_sec < APP_USE_NOTE_SEC)
		return;
	p = (struct place){.id = id, .use = {.when_sec = now, .protocol = protocol}};
	take_client(client, p.use.client);
	place_put(&p, &bytes);
	if (pwrite(u->fd, bytes.p, bytes.len,
		set_at(id) + (off_t)(way * APP_USE_BYTES)) != (ssize_t)bytes.len)
		log_event(LOG_NOTICE, "app_use_unwritten", "err=%s", log_errno(errno));
	buf_free(&bytes);
}

/* ---- who reads them ---- */

static void
look(int dir, const char *name, struct id id, struct app_use *out)
{
	struct place p = {0};
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	place_find(fd, id, &p);
	if (id_eq(p.id, id) && p.use.when_sec > out->when_sec)
		*out = p.use;
	close(fd);
}

void
app_use_last(const struct conf *conf, struct id id, struct app_use *out)
{
	struct buf path = {0};
	*out = (struct app_use){0};
	put_path(conf, NULL, &path);
	DIR *d = opendir(buf_cstr(&path));
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.')
			look(dirfd(d), e->d_name, id, out);
	if (d)
		closedir(d);
	buf_free(&path);
}

void
app_use_client_put(const struct app_use *u, struct buf *out)
{
	static const unsigned char none[16];
	char text[INET6_ADDRSTRLEN];
	bool is_v4 =
	    IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)u->client);
	if (memcmp(u->client, none, sizeof none) == 0)
		return;
	if (inet_ntop(is_v4 ? AF_INET : AF_INET6, u->client + (is_v4 ? 12 : 0), text,
		sizeof text))
		buf_str(out, text);
}
