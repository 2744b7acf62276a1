/* SPDX-License-Identifier: ISC */
/* ehlo.c - keywords of a server and what they mean to us. */
#include "queue/relay/ehlo.h"

static const struct {
	const char *keyword;
	unsigned can;
} keywords[] = {
    {"PIPELINING", EHLO_PIPELINING},
    {"8BITMIME", EHLO_8BITMIME},
    {"SMTPUTF8", EHLO_SMTPUTF8},
    {"CHUNKING", EHLO_CHUNKING},
    {"DSN", EHLO_DSN},
    {"STARTTLS", EHLO_STARTTLS},
    {"SIZE", EHLO_SIZE},
    {"REQUIRETLS", EHLO_REQUIRETLS},
    {"BINARYMIME", EHLO_BINARYMIME},
};

static const struct {
	const char *name;
	unsigned mech;
} mechs[] = {{"PLAIN", MECH_PLAIN}, {"LOGIN", MECH_LOGIN},
    {"SCRAM-SHA-256", MECH_SCRAM_SHA_256}};

static void
mechs_parse(struct span rest, struct ehlo *out)
{
	while (rest.n) {
		struct span name = span_cut(&rest, ' ');
		for (size_t i = 0; i < COUNT(mechs); i++)
			if (span_ieqs(name, mechs[i].name))
				out->mechs |= mechs[i].mech;
	}
}

static void
keyword_parse(struct span line, struct ehlo *out)
{
	struct span rest = span_trim(line), word = span_cut(&rest, ' ');
	uint64_t size;
	for (size_t i = 0; i < COUNT(keywords); i++)
		if (span_ieqs(word, keywords[i].keyword))
			out->can |= keywords[i].can;
	if (span_ieqs(word, "SIZE") &&
	    span_u64(span_trim(rest), UINT64_MAX, &size) == E_OK)
		out->size_bytes = size;
	if (span_ieqs(word, "AUTH"))
		mechs_parse(rest, out);
	/* from before RFC 2554, and still seen */
	else if (span_istarts(word, SPAN("AUTH="))) {
		mechs_parse(span_from(word, 5), out);
		mechs_parse(rest, out);
	}
}

void
ehlo_parse(struct span text, struct ehlo *out)
{
	struct span first = span_cut(&text, '\n');
	*out = (struct ehlo){.name = span_head(first, span_find(first, ' '))};
	while (text.n)
		keyword_parse(span_cut(&text, '\n'), out);
}
