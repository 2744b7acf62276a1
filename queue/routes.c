/* SPDX-License-Identifier: ISC */
/* routes.c - which route an address takes; the passwords that routes need. */
#include "queue/routes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "conf/source.h"
#include "proc/child.h"

enum { PASSWORDS_BYTES_MAX = 1 << 20 };

static struct buf passwords; /* lines "HOST USER PASSWORD" */

static struct route
route_at(int i)
{
	struct route r;
	if (route_parse(
		span_of(conf_list(the_child.conf, "queue", "routes", (size_t)i)), &r) !=
	    E_OK)
		bug("a route that the configuration let through");
	return r;
}

static size_t
count(void)
{
	return conf_list_count(the_child.conf, "queue", "routes");
}

static void
read_passwords(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	passwords.max = PASSWORDS_BYTES_MAX;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		char *room = buf_room(&passwords, (size_t)st.st_size);
		ssize_t n = room ? read(fd, room, (size_t)st.st_size) : -1;
		buf_added(&passwords, n > 0 ? (size_t)n : 0);
		if (st.st_mode & 07)
			log_event(LOG_WARNING, "passwords_open",
			    "path=%s do=\"chmod 0600\"", log_qs(path));
	} else
		log_event(LOG_ERR, "no_passwords", "path=%s err=%s", log_qs(path),
		    log_errno(errno));
	if (fd >= 0)
		close(fd);
}

void
routes_prepare(void)
{
	bool has_user = false;
	for (size_t i = 0; i < count(); i++)
		has_user |= route_at((int)i).user.n > 0;
	if (has_user)
		read_passwords(conf_str(the_child.conf, "queue", "relay_passwords"));
}

int
routes_find(struct span address, struct span sender)
{
	unsigned best = 0, best_from = 0;
	int found = -1;
	for (size_t i = 0; i < count(); i++) {
		struct route r = route_at((int)i);
		unsigned fits = route_fits(r.pattern, address);
		unsigned from = r.from.n ? route_fits_sender(r.from, sender) : 0;
		if (!fits || (r.from.n && !from))
			continue;
		if (fits > best || (fits == best && from > best_from)) {
			best = fits;
			best_from = from;
			found = (int)i;
		}
	}
	return found;
}

/* What a message asks for, in its key: before the domain. */
enum {
	KEY_SOURCE = '/',
	KEY_ANY = ' ',
	KEY_REQUIRES_TLS = '!',
	KEY_TLS_OPTIONAL = '?'
};

/* RFC 8689 5: a report goes also where nobody knows REQUIRETLS, rather than nowhere. */
static char
key_mark(const struct envelope *e)
{
	if (e->flags & ENV_REQUIRETLS)
		return e->sender.n ? KEY_REQUIRES_TLS : KEY_ANY;
	return e->flags & ENV_TLS_OPTIONAL ? KEY_TLS_OPTIONAL : KEY_ANY;
}

/* The place of its source in relay_sources, and 1; 0: there is none for it. */
static unsigned
source_of(struct span sender)
{
	unsigned best = 0, found = 0;
	size_t n = conf_list_count(the_child.conf, "queue", "relay_sources");
	for (size_t i = 0; i < n; i++) {
		struct source s;
		if (source_parse(
			span_of(conf_list(the_child.conf, "queue", "relay_sources", i)),
			&s) != E_OK)
			bug("a source that the configuration let through");
		unsigned fits = route_fits_sender(s.pattern, sender);
		if (fits > best) {
			best = fits;
			found = (unsigned)i + 1;
		}
	}
	return found;
}

static struct span
take_number(struct span *key)
{
	size_t n = 0;
	while (n < key->n && ch_digit(key->p[n]))
		n++;
	struct span number = span_head(*key, n);
	*key = span_from(*key, n);
	return number;
}

/* "ROUTE", or "ROUTE/SOURCE", is taken from the key: the source. */
static uint16_t
take_source(struct span *key)
{
	uint64_t source = 0;
	take_number(key);
	if (!key->n || key->p[0] != KEY_SOURCE)
		return 0;
	*key = span_from(*key, 1);
	return span_u64(take_number(key), UINT16_MAX, &source) == E_OK
	           ? (uint16_t)source
	           : 0;
}

void
routes_key(int route, struct span address, const struct envelope *e, struct buf *out)
{
	struct route r = route_at(route);
	struct span domain = span_from(address, span_rfind(address, '@') + 1);
	unsigned source = source_of(e->sender);
	buf_putf(out, "%d", route);
	if (source)
		buf_putf(out, "%c%u", KEY_SOURCE, source);
	buf_ch(out, key_mark(e));
	for (size_t i = 0; r.kind == ROUTE_MX && i < domain.n; i++)
		buf_ch(out, ch_lower(domain.p[i]));
}

/* The password of the first line for this host and user. */
static struct span
password_of(const struct route *r)
{
	struct span rest = buf_as_span(&passwords);
	while (rest.n) {
		struct span password = span_trim(span_cut(&rest, '\n'));
		struct span host = span_cut(&password, ' '), user;
		password = span_trim(password);
		user = span_cut(&password, ' ');
		if (span_ieq(host, r->host) && span_eq(user, r->user))
			return span_trim(password);
	}
	log_event(
	    LOG_ERR, "no_password", "host=%s user=%s", log_q(r->host), log_q(r->user));
	return SPAN("");
}

void
routes_hop(int route, struct span key, struct hop *out)
{
	struct route r = route_at(route);
	struct span rest = key;
	uint16_t source = take_source(&rest);
	char mark = rest.n ? rest.p[0] : KEY_ANY;
	*out = (struct hop){.kind = r.kind,
	    .tls = r.tls,
	    .is_lmtp = r.is_lmtp,
	    .has_no_policies = r.has_no_policies || mark == KEY_TLS_OPTIONAL,
	    .requires_tls = mark == KEY_REQUIRES_TLS,
	    .port = r.port,
	    .route = (uint16_t)route,
	    .source = source,
	    .host = r.kind == ROUTE_MX ? span_from(rest, 1) : r.host,
	    .user = r.user,
	    .password = r.user.n ? password_of(&r) : SPAN(""),
	    .tls_session = SPAN("")};
}
