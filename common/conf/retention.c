/* SPDX-License-Identifier: ISC */
/* retention.c - what one rule of retention says. */
#include "conf/retention.h"

#include "conf/domain.h"
#include "conf/rule.h"
#include "conf/value.h"

/* ---- words ---- */

struct word {
	struct span name, value;
	bool has_value;
};

/* The next word of *text, which does not begin with a blank. */
static int
word_cut(struct span *text, struct word *out)
{
	size_t n = 0;
	while (n < text->n && text->p[n] != '=' && !ch_space(text->p[n]))
		n++;
	*out = (struct word){.name = span_head(*text, n)};
	*text = span_from(*text, n);
	out->has_value = span_take(text, '=');
	if (!out->has_value)
		return E_OK;
	if (text->n && (text->p[0] == '\'' || text->p[0] == '"')) {
		char quote = text->p[0];
		*text = span_from(*text, 1);
		if (span_find(*text, quote) == text->n)
			return E_BAD;
		out->value = span_cut(text, quote);
		return text->n == 0 || ch_space(text->p[0]) ? E_OK : E_BAD;
	}
	for (n = 0; n < text->n && !ch_space(text->p[n]); n++)
		continue;
	out->value = span_head(*text, n);
	*text = span_from(*text, n);
	return E_OK;
}

/* ---- values ---- */

static bool
is_text(struct span s, size_t most)
{
	if (s.n == 0 || s.n > most || !utf8_valid(s))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (ch_ctl(s.p[i]))
			return false;
	return true;
}

bool
retention_use(struct span folder)
{
	static const char *const uses[] = {
	    "\\Archive", "\\Drafts", "\\Important", "\\Junk", "\\Sent", "\\Trash"};
	for (size_t i = 0; i < COUNT(uses); i++)
		if (span_ieqs(folder, uses[i]))
			return true;
	return false;
}

static bool
has_wildcard(struct span s)
{
	return span_find(s, '*') < s.n || span_find(s, '?') < s.n;
}

/* What fits nobody is a mistake: a keep that protects nothing. */
static int
read_who(struct retention_rule *r, struct span value)
{
	size_t at = span_rfind(value, '@');
	if (!is_text(value, RETENTION_FOLDER_MAX) || r->who.n)
		return E_BAD;
	if (at == value.n ? has_wildcard(value) : at == 0 || at + 1 == value.n)
		return E_BAD;
	r->who = value;
	return E_OK;
}

static int
read_folder(struct retention_rule *r, struct span value)
{
	if (!is_text(value, RETENTION_FOLDER_MAX) || r->folder.n ||
	    (value.p[0] == '\\' && !retention_use(value)))
		return E_BAD;
	r->folder = value;
	return E_OK;
}

static int
read_age(int64_t *out, struct span value)
{
	if (*out || value_parse_number(CONF_SECONDS, value, out) != E_OK ||
	    *out < RETENTION_AGE_LEAST_SEC ||
	    *out / RETENTION_AGE_LEAST_SEC > RETENTION_AGE_MOST_DAYS)
		return E_BAD;
	return E_OK;
}

static int
read_older(struct retention_rule *r, struct span value)
{
	return read_age(&r->older_sec, value);
}

static int
read_saved(struct retention_rule *r, struct span value)
{
	return read_age(&r->saved_sec, value);
}

static int
read_larger(struct retention_rule *r, struct span value)
{
	int64_t bytes;
	if (r->larger_bytes || value_parse_number(CONF_BYTES, value, &bytes) != E_OK ||
	    bytes == 0)
		return E_BAD;
	r->larger_bytes = (uint64_t)bytes;
	return E_OK;
}

/* No mailbox has such a one. */
static bool
has_bad_level(struct span name)
{
	struct span rest = name;
	unsigned depth = 0;
	while (rest.n) {
		struct span level = span_cut(&rest, '/');
		if (level.n == 0 || span_eqs(level, ".") || span_eqs(level, "..") ||
		    ++depth > RETENTION_ARCHIVE_DEPTH)
			return true;
	}
	return name.p[name.n - 1] == '/';
}

/* Levels that are none, and what only dates can be behind a '%'. */
static int
read_archive(struct retention_rule *r, struct span value)
{
	struct span use = span_head(value, span_find(value, '/'));
	if (!is_text(value, RETENTION_ARCHIVE_MAX) || has_bad_level(value) ||
	    span_ieqs(value, "INBOX") || (value.p[0] == '\\' && !retention_use(use)))
		return E_BAD;
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] == '*' ||
		    (value.p[i] == '%' &&
			(++i == value.n || (value.p[i] != 'Y' && value.p[i] != 'm' &&
					       value.p[i] != '%'))))
			return E_BAD;
	r->archive = value;
	return E_OK;
}

/* ---- a rule ---- */

static const struct {
	const char *name;
	int (*read)(struct retention_rule *, struct span value);
	const char *right;
} values[] = {
    {"for", read_who,
	"for=user@example.com, for=*@example.com or for=example.com, once"},
    {"folder", read_folder,
	"folder= with a name, in which * and % are as in LIST of IMAP, or a special "
	"use like \\Trash, once"},
    {"older", read_older, "older= with an age from 1d to 36500d, once"},
    {"saved", read_saved, "saved= with an age from 1d to 36500d, once"},
    {"larger", read_larger, "larger= with a size like 10M, once"},
    {"archive", read_archive,
	"archive= with the name of a folder, in which %Y is the year and %m the "
	"month of a message"},
};

static int
value_read(struct retention_rule *r, const struct word *w, const char **wrong)
{
	for (size_t i = 0; i < COUNT(values); i++)
		if (span_eqs(w->name, values[i].name)) {
			*wrong = values[i].right;
			return values[i].read(r, w->value);
		}
	*wrong = "for=, folder=, older=, saved=, larger=, flagged, and one of keep, "
		 "remove and archive=";
	return E_BAD;
}

static int
word_read(struct retention_rule *r, const struct word *w, unsigned *actions,
    const char **wrong)
{
	bool is_keep = span_eqs(w->name, "keep");
	if (!w->has_value && span_eqs(w->name, "flagged")) {
		*wrong = "flagged once";
		if (r->has_flagged)
			return E_BAD;
		r->has_flagged = true;
		return E_OK;
	}
	if (!w->has_value && (is_keep || span_eqs(w->name, "remove"))) {
		r->action = is_keep ? RETENTION_KEEP : RETENTION_REMOVE;
		++*actions;
		return E_OK;
	}
	if (w->has_value && span_eqs(w->name, "archive")) {
		r->action = RETENTION_ARCHIVE;
		++*actions;
	}
	return value_read(
	    r, w->has_value ? w : &(struct word){.name = SPAN("")}, wrong);
}

int
retention_rule_parse(struct span text, struct retention_rule *out, const char **wrong)
{
	struct word w;
	unsigned actions = 0;
	*out = (struct retention_rule){.text = text};
	for (text = span_trim(text); text.n; text = span_trim(text)) {
		*wrong = "each quote closed, with a blank behind it";
		if (word_cut(&text, &w) != E_OK ||
		    word_read(out, &w, &actions, wrong) != E_OK)
			return E_BAD;
	}
	*wrong = "one of keep, remove and archive=FOLDER";
	if (actions != 1)
		return E_BAD;
	*wrong = "older= or saved=, as else it takes all that comes";
	if (out->action != RETENTION_KEEP && !out->older_sec && !out->saved_sec)
		return E_BAD;
	return E_OK;
}

int
retention_own_parse(struct span text, struct retention_rule *out, const char **wrong)
{
	for (size_t i = 0; i < text.n; i++)
		if (ch_ctl(text.p[i])) {
			*wrong = "no control characters";
			return E_BAD;
		}
	int err = retention_rule_parse(text, out, wrong);
	if (err != E_OK || out->who.n == 0)
		return err;
	*wrong = "no for=: it is for whom it is set";
	return E_BAD;
}

bool
retention_rule_is_for(const struct retention_rule *r, struct span address)
{
	if (r->who.n == 0)
		return true;
	size_t at = span_rfind(address, '@'), split = span_rfind(r->who, '@');
	struct span domain = span_from(address, at < address.n ? at + 1 : address.n);
	if (split == r->who.n)
		return domain_same(r->who, domain);
	/* as domains has it in either spelling */
	struct span of = span_from(r->who, split + 1);
	if (has_wildcard(of))
		return rule_fits(r->who, address);
	return rule_fits(span_head(r->who, split), span_head(address, at)) &&
	       domain_same(of, domain);
}

bool
retention_rule_has_all(const struct retention_rule *r)
{
	return r->action == RETENTION_KEEP && !r->older_sec && !r->saved_sec &&
	       !r->larger_bytes;
}

void
retention_archive_put(
    const struct retention_rule *r, int year, int month, struct buf *out)
{
	for (size_t i = 0; i < r->archive.n; i++) {
		char c = r->archive.p[i];
		if (c == '%')
			c = r->archive.p[++i];
		else {
			buf_ch(out, c);
			continue;
		}
		if (c == 'Y')
			buf_putf(out, "%04d", year);
		else if (c == 'm')
			buf_putf(out, "%02d", month);
		else
			buf_ch(out, c);
	}
}
