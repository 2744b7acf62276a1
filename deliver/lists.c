/* SPDX-License-Identifier: ISC */
/* lists.c - lists that scripts ask about: files of the site and of the user, addresses of the site. */
#include "deliver/lists.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/recipient.h"
#include "base/file.h"
#include "base/log.h"
#include "conf/conf.h"
#include "deliver/programs.h"
#include "sieve/lists.h"
#include "spool/envelope.h"

/* One of the site's, or one that was read. */
struct list {
	struct span name;    /* borrow: the configuration, or name_text */
	struct span address; /* borrow: the configuration; empty: it is a file */
	int fd;              /* own; -1: none, or it could not be opened */
	bool is_read;        /* for this message */
	int err;             /* of that */
	struct buf text;     /* own */
};

static struct {
	struct list site[LISTS_MOST];
	size_t n_site;
	struct list user; /* the one that was asked about last */
	struct buf user_name;
	size_t read_bytes;     /* for this message */
	uint64_t looked_bytes; /* by all its tests */
	unsigned n_asked;
	int lookup; /* own: a channel; -1 */
} me = {.user = {.fd = -1}, .lookup = -1};

/* ---- the site's ---- */

static void
site_add(struct span setting)
{
	struct list *l = &me.site[me.n_site++];
	*l = (struct list){.fd = -1};
	l->name = span_cut(&setting, '=');
	if (setting.p[0] != '/') {
		l->address = setting;
		return;
	}
	struct buf path = {0};
	buf_span(&path, setting);
	l->fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (l->fd < 0)
		log_event(LOG_ERR, "no_list", "file=%s err=%s", log_q(setting),
		    log_errno(errno));
	buf_free(&path);
}

void
lists_prepare(const struct conf *c)
{
	size_t n = conf_list_count(c, "deliver", "sieve_lists");
	for (size_t i = 0; i < n && i < LISTS_MOST; i++)
		site_add(span_of(conf_list(c, "deliver", "sieve_lists", i)));
	if (n > LISTS_MOST)
		log_event(LOG_ERR, "too_many_lists", "most=%d", LISTS_MOST);
}

int
lists_self_test(const struct conf *c, struct buf *errors)
{
	int err = E_OK;
	for (size_t i = 0; i < conf_list_count(c, "deliver", "sieve_lists"); i++) {
		struct span setting =
		    span_of(conf_list(c, "deliver", "sieve_lists", i));
		span_cut(&setting, '=');
		if (setting.p[0] != '/' || access(setting.p, R_OK) == 0)
			continue;
		buf_putf(errors, "sieve_lists: %.*s cannot be read: %s\n",
		    SPAN_ARG(setting), log_errno(errno));
		err = E_BAD;
	}
	return err;
}

/* ---- reading ---- */

/* From its beginning, once a message: a list that is rewritten is another file. */
static int
read_text(struct list *l)
{
	struct stat st;
	if (l->is_read)
		return l->err;
	l->is_read = true;
	buf_reset(&l->text);
	l->text.max = LIST_BYTES_MAX;
	l->err = E_IO;
	if (l->fd < 0 || fstat(l->fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    lseek(l->fd, 0, SEEK_SET) != 0)
		return l->err;
	l->err = me.read_bytes + (uint64_t)st.st_size > LISTS_READ_MAX
	             ? E_LIMIT
	             : file_read(l->fd, &l->text);
	me.read_bytes += l->text.len;
	if (l->err != E_OK) {
		log_event(LOG_WARNING, "list_not_read", "list=%s why=%s",
		    log_q(l->name), err_name(l->err));
		buf_reset(&l->text);
	}
	return l->err;
}

static void
forget(struct list *l)
{
	l->is_read = false;
	buf_reset(&l->text);
}

static void
user_close(void)
{
	if (me.user.fd >= 0)
		close(me.user.fd);
	me.user.fd = -1;
	me.user.name = SPAN("");
	forget(&me.user);
}

/* HOME/sieve/lists/NAME, a regular file behind no link. */
static struct list *
user_find(struct span name)
{
	struct buf path = {0};
	if (span_eq(name, me.user.name))
		return me.user.fd >= 0 ? &me.user : NULL;
	user_close();
	if (programs_folder() < 0)
		return NULL;
	buf_reset(&me.user_name);
	buf_span(&me.user_name, name);
	me.user.name = buf_as_span(&me.user_name);
	int dir = openat(programs_folder(), "lists",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	buf_span(&path, name);
	if (dir >= 0) {
		me.user.fd = openat(dir, buf_cstr(&path),
		    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		close(dir);
	}
	buf_free(&path);
	return me.user.fd >= 0 ? &me.user : NULL;
}

static struct list *
find(struct span name)
{
	for (size_t i = 0; i < me.n_site; i++)
		if (span_eq(me.site[i].name, name))
			return &me.site[i];
	if (span_starts(name, SPAN(":addrbook:")))
		name = span_from(name, sizeof ":addrbook:" - 1);
	return list_name_check(name) ? user_find(name) : NULL;
}

void
lists_begin(void)
{
	for (size_t i = 0; i < me.n_site; i++)
		forget(&me.site[i]);
	user_close();
	me.read_bytes = me.looked_bytes = 0;
	me.n_asked = 0;
}

void
lists_end(void)
{
	for (size_t i = 0; i < me.n_site; i++) {
		if (me.site[i].fd >= 0)
			close(me.site[i].fd);
		buf_free(&me.site[i].text);
	}
	me.n_site = 0;
	user_close();
	buf_free(&me.user.text);
	buf_free(&me.user_name);
	if (me.lookup >= 0)
		close(me.lookup);
	me.lookup = -1;
}

/* ---- what is asked ---- */

bool
lists_exists(void *ctx, struct span name)
{
	(void)ctx;
	return find(name) != NULL;
}

static bool
is_member(const struct list *l, struct span value)
{
	bool is_in = false;
	if (value.n > ACCOUNT_ADDRESS_MAX || span_rfind(value, '@') == value.n)
		return false;
	if (me.n_asked++ >= LISTS_ASKED_MOST) {
		if (me.n_asked == LISTS_ASKED_MOST + 1)
			log_event(LOG_NOTICE, "lists_asked_too_often", "list=%s",
			    log_q(l->name));
		return false;
	}
	if (lookup_member(&me.lookup, l->name, value, &is_in) != E_OK)
		log_event(LOG_WARNING, "list_not_known", "list=%s", log_q(l->name));
	return is_in;
}

bool
lists_has(void *ctx, struct span name, struct span value)
{
	struct list *l = find(name);
	(void)ctx;
	if (!l)
		return false;
	if (l->address.n)
		return is_member(l, value);
	if (read_text(l) != E_OK || me.looked_bytes > LISTS_LOOKED_MAX)
		return false;
	me.looked_bytes += l->text.len;
	if (me.looked_bytes > LISTS_LOOKED_MAX)
		log_event(
		    LOG_NOTICE, "lists_looked_too_much", "list=%s", log_q(l->name));
	return list_text_has(buf_as_span(&l->text), value);
}

int
lists_members(struct span name, struct arena *arena, size_t most, struct span **out,
    size_t *n_out)
{
	struct list *l = find(name);
	struct span one, *all = most ? arena_get(arena, most * sizeof *all) : NULL;
	*n_out = 0;
	if (!l || !all)
		return l ? E_LIMIT : E_BAD;
	*out = all;
	if (l->address.n) {
		all[(*n_out)++] = l->address;
		return E_OK;
	}
	int err = read_text(l);
	for (struct span text = buf_as_span(&l->text);
	     err == E_OK && list_next(&text, &one) == E_OK;) {
		if (!envelope_address_check(one))
			continue;
		if (*n_out == most)
			return E_LIMIT;
		all[*n_out] = arena_span(arena, one);
		err = all[(*n_out)++].n == one.n ? E_OK : E_LIMIT;
	}
	return err == E_OK && *n_out == 0 ? E_BAD : err;
}
