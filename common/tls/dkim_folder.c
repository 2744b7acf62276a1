/* SPDX-License-Identifier: ISC */
/* dkim_folder.c - where the keys that sign mail lie, and which of them signs. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "tls/dkim_key.h"

static const char *const kind_names[] = {
    [DKIM_KEY_RSA] = "rsa", [DKIM_KEY_ED25519] = "ed25519"};

const char *
dkim_key_kind_name(enum dkim_key_kind kind)
{
	return kind < DKIM_KEY_KINDS ? kind_names[kind] : "?";
}

static bool
is_label(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ch_digit(s.p[i]) && (s.p[i] < 'a' || s.p[i] > 'z') &&
		    s.p[i] != '-' && s.p[i] != '_')
			return false;
	return s.n > 0;
}

static bool
are_labels(struct span s, size_t most)
{
	if (s.n == 0 || s.n > most || s.p[s.n - 1] == '.')
		return false;
	while (s.n)
		if (!is_label(span_cut(&s, '.')))
			return false;
	return true;
}

bool
dkim_is_domain(struct span s)
{
	return are_labels(s, DKIM_DOMAIN_MAX);
}

bool
dkim_is_selector(struct span s)
{
	return are_labels(s, DKIM_SELECTOR_MAX);
}

void
dkim_path_put(const struct conf *conf, struct span domain, struct buf *out)
{
	buf_putf(out, "%s/dkim", conf_str(conf, "common", "state_dir"));
	if (domain.n)
		buf_putf(out, "/%.*s", SPAN_ARG(domain));
}

void
dkim_file_put(struct span selector, enum dkim_key_kind kind, struct buf *out)
{
	buf_putf(out, "%.*s.%s.pem", SPAN_ARG(selector), kind_names[kind]);
}

bool
dkim_file_parse(struct span name, enum dkim_key_kind *kind, struct span *selector)
{
	static const struct span tails[] = {[DKIM_KEY_RSA] = SPAN(".rsa.pem"),
	    [DKIM_KEY_ED25519] = SPAN(".ed25519.pem")};
	for (size_t i = 0; i < COUNT(tails); i++)
		if (span_ends(name, tails[i])) {
			*kind = (enum dkim_key_kind)i;
			*selector = span_head(name, name.n - tails[i].n);
			return dkim_is_selector(*selector);
		}
	return false;
}

void
dkim_current_put(enum dkim_key_kind kind, struct buf *out)
{
	buf_putf(out, "current.%s", kind_names[kind]);
}

static bool
is_of(struct span name, enum dkim_key_kind kind, struct span *selector)
{
	enum dkim_key_kind its;
	return dkim_file_parse(name, &its, selector) && its == kind;
}

static int
linked(int dir, enum dkim_key_kind kind, struct buf *out)
{
	char to[DKIM_KEY_LINK_MAX];
	struct buf link = {0};
	struct span selector;
	dkim_current_put(kind, &link);
	ssize_t n = readlinkat(dir, buf_cstr(&link), to, sizeof to);
	buf_free(&link);
	if (n <= 0 || !is_of(span_make(to, (size_t)n), kind, &selector))
		return E_MORE;
	buf_span(out, selector);
	return buf_done(out);
}

static int
last_by_name(int dir, enum dkim_key_kind kind, struct buf *out)
{
	struct buf last = {0};
	struct span selector;
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (!d && fd >= 0)
		close(fd);
	for (struct dirent *e; d && (e = readdir(d)) != NULL;)
		if (is_of(span_of(e->d_name), kind, &selector) &&
		    span_cmp(selector, buf_as_span(&last)) > 0) {
			buf_reset(&last);
			buf_span(&last, selector);
		}
	if (d)
		closedir(d);
	int err = last.len ? E_OK : E_MORE;
	buf_span(out, buf_as_span(&last));
	buf_free(&last);
	return err == E_OK ? buf_done(out) : err;
}

int
dkim_current(int dir, enum dkim_key_kind kind, struct buf *out)
{
	int err = linked(dir, kind, out);
	return err == E_OK ? E_OK : last_by_name(dir, kind, out);
}
