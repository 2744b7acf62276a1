/* SPDX-License-Identifier: ISC */
/* nearest.c - what somebody may have meant who wrote a name that is not there. */
#include "conf/nearest.h"

#include <string.h>

#include "conf/conf.h"

/* Edit distance of two names; names are short. */
static unsigned
distance(struct span a, struct span b)
{
	enum { NAME_LENGTH_MAX = 40 };

	unsigned row[NAME_LENGTH_MAX + 1];
	if (a.n > NAME_LENGTH_MAX || b.n > NAME_LENGTH_MAX)
		return UINT32_MAX;
	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned change = diagonal + (a.p[i - 1] != b.p[j - 1]);
			diagonal = row[j];
			unsigned least =
			    row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
			row[j] = change < least ? change : least;
		}
	}
	return row[b.n];
}

static void
nearer(struct span name, const char *candidate, const char **best, unsigned *least)
{
	unsigned d = distance(name, span_of(candidate));
	if (d < *least) {
		*least = d;
		*best = candidate;
	}
}

static const char *
nearest_in(const struct conf_section *section, struct span name)
{
	const char *best = "";
	unsigned least = UINT32_MAX;
	for (size_t n = 0; n < section->n_settings; n++)
		nearer(name, section->settings[n].name, &best, &least);
	return best;
}

static const char *
nearest_section(struct span name)
{
	const char *best = "version";
	unsigned least = distance(name, span_of(best));
	for (size_t s = 0; s < conf_n_sections; s++)
		nearer(name, conf_sections[s].name, &best, &least);
	return best;
}

static const struct conf_section *
section_with(struct span name)
{
	for (size_t s = 0; s < conf_n_sections; s++)
		for (size_t n = 0; n < conf_sections[s].n_settings; n++)
			if (span_eqs(name, conf_sections[s].settings[n].name))
				return &conf_sections[s];
	return NULL;
}

void
nearest_say(const char *section, struct span name, struct buf *out)
{
	const struct conf_section *home = section_with(name), *in = NULL;
	for (size_t s = 0; s < conf_n_sections; s++)
		if (!strcmp(section, conf_sections[s].name))
			in = &conf_sections[s];
	buf_putf(
	    out, "there is no %s \"%.*s\"", in ? "setting" : "section", SPAN_ARG(name));
	if (in)
		buf_putf(out, " in section %s", section);
	if (home)
		buf_putf(out, "; it belongs into section %s", home->name);
	else if (in && in->n_settings)
		buf_putf(out, "; the nearest is %s", nearest_in(in, name));
	else
		buf_putf(out, "; the nearest is %s", nearest_section(name));
}
