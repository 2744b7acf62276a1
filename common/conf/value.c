/* SPDX-License-Identifier: ISC */
/* value.c - values of settings: parse, compare, print. */
#include "conf/value.h"

#include <string.h>

struct unit {
	char letter;
	int64_t factor;
};

/* largest first: what is printed takes the first that fits */
static const struct unit units_bytes[] = {
    {'G', 1 << 30}, {'M', 1 << 20}, {'K', 1 << 10}};
static const struct unit units_seconds[] = {
    {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

static const struct unit *
units_of(enum conf_type type, size_t *n_out)
{
	*n_out = type == CONF_BYTES     ? COUNT(units_bytes)
	         : type == CONF_SECONDS ? COUNT(units_seconds)
	                                : 0;
	return type == CONF_BYTES ? units_bytes : units_seconds;
}

int
value_parse_number(enum conf_type type, struct span text, int64_t *out)
{
	size_t n_units;
	const struct unit *units = units_of(type, &n_units);
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

void
value_number(enum conf_type type, int64_t number, struct buf *out)
{
	size_t n_units;
	const struct unit *units = units_of(type, &n_units);
	for (size_t i = 0; i < n_units && number; i++)
		if (number % units[i].factor == 0) {
			buf_putf(out, "%lld%c", (long long)(number / units[i].factor),
			    units[i].letter);
			return;
		}
	buf_putf(out, "%lld", (long long)number);
}

static int
parse_bool(const char *text, int64_t *out)
{
	static const char *const yes[] = {"yes", "true", "on"}, *const no[] = {"no",
								    "false", "off"};
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
	static const char *const what[] = {[CONF_INT] = "a number",
	    [CONF_BYTES] = "a size like 256K, 50M or 1G,",
	    [CONF_SECONDS] = "a time like 30s, 5m, 4h or 5d,"};
	buf_putf(wrong, "%s from ", what[s->type]);
	value_number(s->type, s->least, wrong);
	buf_str(wrong, " to ");
	value_number(s->type, s->most, wrong);
}

int
value_check(
    const struct conf_setting *s, const char *text, int64_t *number, struct buf *wrong)
{
	const char *right = strlen(text) > VALUE_TEXT_MAX ? "at most 4096 characters"
	                    : s->check                    ? s->check(text)
	                                                  : NULL;
	bool is_number =
	    s->type == CONF_INT || s->type == CONF_BYTES || s->type == CONF_SECONDS;
	if (right)
		buf_str(wrong, right);
	else if (s->type == CONF_BOOL && parse_bool(text, number) != E_OK)
		buf_str(wrong, "yes or no");
	else if (is_number &&
		 (value_parse_number(s->type, span_of(text), number) != E_OK ||
		     *number < s->least || *number > s->most))
		say_range(s, wrong);
	else
		return E_OK;
	return E_BAD;
}

void
value_set(const struct conf_setting *s, const char *const *texts, size_t n,
    struct conf_value *out)
{
	int64_t number = 0;
	struct buf wrong = {0};
	unsigned line = out->line;
	bool has_items = s->type == CONF_LIST || s->type == CONF_STR;
	for (size_t i = 0; i < n; i++)
		if (value_check(s, texts[i], &number, &wrong) != E_OK)
			bug(s->name);
	value_free(out);
	buf_free(&wrong);
	out->line = line;
	out->number = number;
	out->items = mem_new((n ? n : 1) * sizeof *out->items);
	for (size_t i = 0; i < n && has_items; i++)
		out->items[out->n_items++] = mem_dup(texts[i]);
}

static void
default_list(const struct conf_setting *s, struct conf_value *out)
{
	const char *texts[LIST_ITEMS_MAX];
	struct span rest = span_of(s->def);
	char *copies[LIST_ITEMS_MAX];
	size_t n = 0;
	while (rest.n) {
		struct buf item = {0};
		buf_span(&item, span_cut(&rest, ' '));
		texts[n] = copies[n] = mem_dup(buf_cstr(&item));
		n++;
		buf_free(&item);
	}
	value_set(s, texts, n, out);
	while (n)
		mem_free(&copies[--n]);
}

void
value_default(const struct conf_setting *s, struct conf_value *out)
{
	*out = (struct conf_value){.items = NULL};
	if (s->type == CONF_LIST)
		default_list(s, out);
	else
		value_set(s, &s->def, 1, out);
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

/* A string as the grammar reads it back; ${NAME} would be taken from the environment. */
static void
dump_text(const char *text, struct buf *out)
{
	buf_ch(out, '"');
	for (; *text; text++) {
		if (ch_ctl(*text)) {
			buf_putf(out, "\\x%02x", (unsigned char)*text);
			continue;
		}
		if (*text == '"' || *text == '\\' || *text == '$')
			buf_ch(out, '\\');
		buf_ch(out, *text);
	}
	buf_ch(out, '"');
}

static void
dump_list(const struct conf_value *v, struct buf *out)
{
	buf_ch(out, '{');
	for (size_t i = 0; i < v->n_items; i++) {
		if (i)
			buf_str(out, ", ");
		dump_text(v->items[i], out);
	}
	buf_ch(out, '}');
}

void
value_dump(const struct conf_setting *s, const struct conf_value *v, struct buf *out)
{
	if (s->type == CONF_LIST)
		dump_list(v, out);
	else if (s->type == CONF_STR)
		dump_text(v->items[0], out);
	else if (s->type == CONF_BOOL)
		buf_str(out, v->number ? "yes" : "no");
	else
		value_number(s->type, v->number, out);
}

void
value_dump_json(
    const struct conf_setting *s, const struct conf_value *v, struct buf *out)
{
	if (s->type == CONF_STR) {
		buf_quoted(out, span_of(v->items[0]));
	} else if (s->type == CONF_LIST) {
		buf_ch(out, '[');
		for (size_t i = 0; i < v->n_items; i++) {
			buf_str(out, i ? ", " : "");
			buf_quoted(out, span_of(v->items[i]));
		}
		buf_ch(out, ']');
	} else if (s->type == CONF_BOOL) {
		buf_str(out, v->number ? "true" : "false");
	} else {
		buf_putf(out, "%lld", (long long)v->number);
	}
}
