/* SPDX-License-Identifier: ISC */
/* retention_rules.c - the rules for one account, and what they fit.  Pure. */
#include "store/retention.h"

#include <time.h>

#include "conf/conf.h"
#include "store/pattern.h"

enum { HOUR_SEC = 3600, DAY_HOURS = 24 };

struct rule {
	struct retention_rule what;
	enum retention_from from;
	unsigned number;
	bool is_unknown;
	struct pattern *folders; /* own; NULL: any, or a special use */
};

struct retention {
	struct buf text;     /* own: the address, and rules of the table of accounts */
	struct span address; /* borrow: text */
	struct rule *all;    /* own */
	size_t n;
};

static void
add(struct retention *r, const struct retention_rule *what, enum retention_from from,
    unsigned number)
{
	r->all = mem_grow(r->all, r->n + 1, sizeof *r->all);
	struct rule *to = &r->all[r->n++];
	*to = (struct rule){.what = *what, .from = from, .number = number};
	if (what->folder.n == 0 || retention_use(what->folder))
		return;
	to->folders = mem_new(sizeof *to->folders);
	pattern_make(to->folders, SPAN(""), what->folder);
}

/*
 * What another version may have kept, and is no rule to us, keeps all: it may have been there to
 * protect from those behind it.
 */
static void
add_own(struct retention *r, struct span lines, enum retention_from from)
{
	for (unsigned number = 1; lines.n; number++) {
		struct span line = span_cut(&lines, '\n');
		struct retention_rule rule;
		const char *wrong;
		bool is_unknown = retention_own_parse(line, &rule, &wrong) != E_OK;
		if (is_unknown)
			rule = (struct retention_rule){
			    .text = line, .action = RETENTION_KEEP};
		add(r, &rule, from, number);
		r->all[r->n - 1].is_unknown = is_unknown;
	}
}

static void
add_site(struct retention *r, const struct conf *conf)
{
	size_t n = conf_list_count(conf, "common", "retention");
	for (size_t i = 0; i < n; i++) {
		struct retention_rule rule;
		const char *wrong;
		if (retention_rule_parse(
			span_of(conf_list(conf, "common", "retention", i)), &rule,
			&wrong) == E_OK &&
		    retention_rule_is_for(&rule, r->address))
			add(r, &rule, RETENTION_OF_SITE, (unsigned)i + 1);
	}
}

struct retention *
retention_new(const struct conf *conf, const struct retention_own *own)
{
	struct retention *r = mem_new(sizeof *r);
	buf_span(&r->text, own->address);
	buf_span(&r->text, own->of_account);
	buf_span(&r->text, own->of_domain);
	struct span text = buf_as_span(&r->text);
	r->address = span_head(text, own->address.n);
	text = span_from(text, own->address.n);
	add_own(r, span_head(text, own->of_account.n), RETENTION_OF_ACCOUNT);
	add_own(r, span_from(text, own->of_account.n), RETENTION_OF_DOMAIN);
	add_site(r, conf);
	return r;
}

void
retention_free(struct retention **r)
{
	for (size_t i = 0; *r && i < (*r)->n; i++)
		mem_free(&(*r)->all[i].folders);
	if (*r) {
		buf_free(&(*r)->text);
		mem_free(&(*r)->all);
	}
	mem_free(r);
}

struct span
retention_address(const struct retention *r)
{
	return r->address;
}

size_t
retention_count(const struct retention *r)
{
	return r->n;
}

const struct retention_rule *
retention_rule(const struct retention *r, size_t i)
{
	return &r->all[i].what;
}

enum retention_from
retention_from(const struct retention *r, size_t i)
{
	return r->all[i].from;
}

const char *
retention_from_name(enum retention_from from)
{
	static const char *const names[] = {"account", "domain", "site"};
	return names[from];
}

unsigned
retention_number(const struct retention *r, size_t i)
{
	return r->all[i].number;
}

bool
retention_is_unknown(const struct retention *r, size_t i)
{
	return r->all[i].is_unknown;
}

/* FNV-1a */
uint64_t
retention_digest(const struct retention *r)
{
	uint64_t sum = 0xcbf29ce484222325;
	for (size_t i = 0; i < r->n; i++) {
		struct span text = r->all[i].what.text;
		for (size_t at = 0; at <= text.n; at++) {
			sum ^= at < text.n ? (unsigned char)text.p[at] : 0;
			sum *= 0x100000001b3;
		}
	}
	return sum ? sum : 1;
}

bool
retention_folder(
    const struct retention *r, size_t i, struct span name, struct span special_use)
{
	const struct rule *rule = &r->all[i];
	if (rule->folders)
		return pattern_matches(rule->folders, name);
	/* POP3's mail goes by its name alone: EXPIRE knows no uses */
	return rule->what.folder.n == 0 ||
	       (!span_eqs(name, "INBOX") && span_ieq(rule->what.folder, special_use));
}

bool
retention_fits(const struct retention *r, size_t i, const struct retention_message *m,
    int64_t now_sec)
{
	const struct retention_rule *rule = &r->all[i].what;
	if (m->is_flagged && !rule->has_flagged && rule->action != RETENTION_KEEP)
		return false;
	if (rule->older_sec && m->date_sec > now_sec - rule->older_sec)
		return false;
	if (rule->saved_sec && m->saved_sec > now_sec - rule->saved_sec)
		return false;
	return rule->larger_bytes == 0 || m->bytes > rule->larger_bytes;
}

/* Of two ages that both must be reached, the larger one counts. */
static int32_t
days_of(const struct retention_rule *r)
{
	int64_t sec = r->older_sec > r->saved_sec ? r->older_sec : r->saved_sec;
	return (int32_t)(sec / RETENTION_AGE_LEAST_SEC);
}

int32_t
retention_expire_days(const struct retention *r)
{
	int32_t least = RETENTION_NEVER;
	for (size_t i = 0; i < r->n; i++) {
		const struct retention_rule *rule = &r->all[i].what;
		if (!retention_folder(r, i, SPAN("INBOX"), SPAN("")))
			continue;
		if (retention_rule_has_all(rule))
			break;
		if (rule->action != RETENTION_KEEP &&
		    (least == RETENTION_NEVER || days_of(rule) < least))
			least = days_of(rule);
	}
	return least;
}

/* mktime reads /etc again, which a jail has not.  Around a change of the clocks it may be an hour off. */
int64_t
retention_due(int64_t now_sec, int hour)
{
	time_t t = (time_t)now_sec;
	struct tm tm;
	if (!localtime_r(&t, &tm))
		return now_sec - DAY_HOURS * HOUR_SEC;
	int hours = (tm.tm_hour - hour + DAY_HOURS) % DAY_HOURS;
	int64_t due = now_sec - hours * HOUR_SEC - tm.tm_min * 60 - tm.tm_sec;
	t = (time_t)due;
	if (!localtime_r(&t, &tm) || tm.tm_hour == hour)
		return due;
	int off = (hour - tm.tm_hour + DAY_HOURS) % DAY_HOURS;
	due += (off > DAY_HOURS / 2 ? off - DAY_HOURS : off) * HOUR_SEC;
	return due > now_sec ? due - DAY_HOURS * HOUR_SEC : due;
}
