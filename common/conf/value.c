/* SPDX-License-Identifier: ISC */
/* value.c - values of settings: parse, compare, print. */
#include "conf/value.h"

#include <string.h>

enum { LIST_ITEMS_MAX = 1024, VALUE_TEXT_MAX = 4096 };

struct unit {
	char letter;
	int64_t factor;
};

static const struct unit units_bytes[] = {{'K', 1024}, {'M', 1024 * 1024}, {'G', 1024 * 1024 * 1024}};
static const struct unit units_seconds[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};

static int
parse_number(enum conf_type type, struct span text, int64_t *out)
{
	const struct unit *units = type == CONF_BYTES ? units_bytes : units_seconds;
	size_t n_units = type == CONF_BYTES ? COUNT(units_bytes)
	    : type == CONF_SECONDS          ? COUNT(units_seconds)
	                                    : 0;
	uint64_t value;
	int64_t factor = 1;
	for (size_t i = 0; i < n_units && text.n; i++)
		if (text.p[text.n - 1] == units[i].letter) {
			factor = units[i].factor;
			text.n--;
			break;
		}
	if (span_u64(text, (uint64_t)(INT64_MAX / factor), &value) != E_OK)
		return E_BAD;
	*out = (int64_t)value * factor;
	return E_OK;
}

static int
parse_bool(const char *text, int64_t *out)
{
	static const char *const yes[] = {"yes", "true", "on"}, *const no[] = {"no", "false", "off"};
	for (size_t i = 0; i < COUNT(yes); i++) {
		if (!strcmp(text, yes[i]) || !strcmp(text, no[i])) {
			*out = !strcmp(text, yes[i]);
			return E_OK;
		}
	}
	return E_BAD;
}

static void
say_range(const struct conf_setting *s, struct buf *wrong)
{
	static const char *const example[] = {
	    [CONF_INT] = "a number", [CONF_BYTES] = "a size like 256K, 50M, 1G or a number of bytes",
	    [CONF_SECONDS] = "a time like 30s, 5m, 4h, 5d or a number of seconds"};
	buf_putf(wrong, "%s from %lld to %lld", example[s->type], (long long)s->least, (long long)s->most);
	if (s->unit[0])
		buf_putf(wrong, " %s", s->unit);
}

static int
check_one(const struct conf_setting *s, const char *text, int64_t *number, struct buf *wrong)
{
	const char *right = strlen(text) > VALUE_TEXT_MAX ? "at most 4096 characters"
	    : s->check                                    ? s->check(text)
	                                                  : NULL;
	if (right)
		buf_str(wrong, right);
	else if (s->type == CONF_BOOL && parse_bool(text, number) != E_OK)
		buf_str(wrong, "yes or no");
	else if (s->type >= CONF_INT && s->type <= CONF_SECONDS &&
	    (parse_number(s->type, span_of(text), number) != E_OK || *number < s->least ||
	        *number > s->most))
		say_range(s, wrong);
	else
		return E_OK;
	return E_BAD;
}

int
value_set(const struct conf_setting *s, const char *const *texts, size_t n, struct conf_value *out,
    struct buf *wrong)
{
	int64_t number = 0;
	if (n > LIST_ITEMS_MAX || (s->type != CONF_LIST && n != 1)) {
		buf_str(wrong, s->type == CONF_LIST ? "at most 1024 items" : "one value");
		return E_BAD;
	}
	for (size_t i = 0; i < n; i++)
		if (check_one(s, texts[i], &number, wrong) != E_OK)
			return E_BAD;
	value_free(out);
	out->items = mem_new((n ? n : 1) * sizeof *out->items);
	out->n_items = n;
	out->number = number;
	for (size_t i = 0; i < n; i++)
		out->items[i] = mem_dup(texts[i]);
	return E_OK;
}

static void
default_list(const struct conf_setting *s, struct conf_value *out)
{
	struct span rest = span_of(s->def);
	out->items = mem_new(sizeof *out->items);
	while (rest.n) {
		struct buf item = {0};
		buf_span(&item, span_cut(&rest, ' '));
		out->items = mem_grow(out->items, out->n_items + 1, sizeof *out->items);
		out->items[out->n_items++] = mem_dup(buf_cstr(&item));
		buf_free(&item);
	}
}

void
value_default(const struct conf_setting *s, struct conf_value *out)
{
	struct buf wrong = {0};
	*out = (struct conf_value){.items = NULL};
	if (s->type == CONF_LIST)
		default_list(s, out);
	else if (value_set(s, &s->def, 1, out, &wrong) != E_OK)
		bug(s->name);
	buf_free(&wrong);
}

void
value_free(struct conf_value *v)
{
	for (size_t i = 0; i < v->n_items; i++)
		mem_free(&v->items[i]);
	mem_free(&v->items);
	*v = (struct conf_value){.items = NULL};
}

bool
value_same(const struct conf_value *a, const struct conf_value *b)
{
	if (a->n_items != b->n_items || a->number != b->number)
		return false;
	for (size_t i = 0; i < a->n_items; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

/* A string as the grammar reads it back: quoted, with its quotes and backslashes escaped. */
static void
dump_text(const char *text, struct buf *out)
{
	buf_ch(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_ch(out, '\\');
		buf_ch(out, *text);
	}
	buf_ch(out, '"');
}

void
value_dump(const struct conf_setting *s, const struct conf_value *v, struct buf *out)
{
	if (s->type != CONF_LIST && s->type != CONF_STR) {
		buf_str(out, v->items[0]);
		return;
	}
	if (s->type == CONF_LIST)
		buf_ch(out, '{');
	for (size_t i = 0; i < v->n_items; i++) {
		if (i)
			buf_str(out, ", ");
		dump_text(v->items[i], out);
	}
	if (s->type == CONF_LIST)
		buf_ch(out, '}');
}
