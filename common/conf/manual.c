/* SPDX-License-Identifier: ISC */
/* manual.c - the settings as they stand in merpati.conf(5). */
#include <string.h>

#include "conf/value.h"

/* Text of ours in mdoc: a backslash or a quote at its place. */
static void
put_text(struct span text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\\')
			buf_str(out, "\\e");
		else if (text.p[i] == '"')
			buf_str(out, "\\(dq");
		else
			buf_ch(out, text.p[i]);
	}
}

static void
put_range(const struct conf_setting *s, struct buf *out)
{
	if (s->type != CONF_INT && s->type != CONF_BYTES && s->type != CONF_SECONDS)
		return;
	buf_str(out, "From ");
	value_number(s->type, s->least, out);
	buf_str(out, " to ");
	value_number(s->type, s->most, out);
	buf_str(out, ".\n");
}

static void
put_setting(const struct conf_setting *s, struct buf *out)
{
	static const char *const kinds[] = {[CONF_STR] = "text",
	    [CONF_BOOL] = "yes or no",
	    [CONF_INT] = "number",
	    [CONF_BYTES] = "size",
	    [CONF_SECONDS] = "time",
	    [CONF_LIST] = "list"};
	struct buf def = {0};
	struct conf_value v;
	value_default(s, &v);
	value_dump(s, &v, &def);
	buf_putf(out, ".It Ic %s No = Li ", s->name);
	put_text(buf_as_span(&def), out);
	buf_putf(out, "\n(%s) ", kinds[s->type]);
	put_text(span_of(s->doc), out);
	buf_str(out, ".\n");
	put_range(s, out);
	value_free(&v);
	buf_free(&def);
}

void
conf_manual(struct buf *out)
{
	for (size_t i = 0; i < conf_n_sections; i++) {
		const struct conf_section *s = &conf_sections[i];
		if (!s->n_settings)
			continue;
		buf_putf(
		    out, ".Ss Section %s: %s\n.Bl -tag -width 4n\n", s->name, s->doc);
		for (size_t n = 0; n < s->n_settings; n++)
			put_setting(&s->settings[n], out);
		buf_str(out, ".El\n");
	}
}
