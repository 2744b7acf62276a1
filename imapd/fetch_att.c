/* SPDX-License-Identifier: ISC */
/* fetch_att.c - what a FETCH asks of each message, and its modifiers. */
#include "imapd/fetch_att.h"

#include <string.h>

/* clang-format off */
static const struct {
	const char *word;
	unsigned whats;
} macros[] = {
	{"ALL",  FETCH_FLAGS | FETCH_INTERNALDATE | FETCH_SIZE | FETCH_ENVELOPE},
	{"FAST", FETCH_FLAGS | FETCH_INTERNALDATE | FETCH_SIZE},
	{"FULL", FETCH_FLAGS | FETCH_INTERNALDATE | FETCH_SIZE | FETCH_ENVELOPE | FETCH_BODY},
}, words[] = {
	{"UID",           FETCH_UID},
	{"FLAGS",         FETCH_FLAGS},
	{"MODSEQ",        FETCH_MODSEQ},
	{"INTERNALDATE",  FETCH_INTERNALDATE},
	{"RFC822.SIZE",   FETCH_SIZE},
	{"EMAILID",       FETCH_EMAILID},
	{"THREADID",      FETCH_THREADID},
	{"SAVEDATE",      FETCH_SAVEDATE},
	{"ENVELOPE",      FETCH_ENVELOPE},
	{"BODY",          FETCH_BODY},
	{"BODYSTRUCTURE", FETCH_STRUCTURE},
};

/* Those with a section in brackets. */
static const struct bracket {
	const char *word;
	enum fetch_form form;
	bool is_peek;
	const char *label;
} brackets[] = {
	{"BODY[",        FETCH_OCTETS,      false, "BODY["},
	{"BODY.PEEK[",   FETCH_OCTETS,      true,  "BODY["},
	{"BINARY[",      FETCH_BINARY,      false, "BINARY["},
	{"BINARY.PEEK[", FETCH_BINARY,      true,  "BINARY["},
	{"BINARY.SIZE[", FETCH_BINARY_SIZE, true,  "BINARY.SIZE["},
};

/* Sections under an older name. */
static const struct alias {
	const char *word;
	enum section_what what;
	bool is_peek;
} aliases[] = {
	{"RFC822",        SECTION_ALL,    false},
	{"RFC822.HEADER", SECTION_HEADER, true},
	{"RFC822.TEXT",   SECTION_TEXT,   false},
};

/* clang-format on */

/* ---- sections ---- */

static int
add_section(
    struct parse *p, struct fetch_atts *out, const struct fetch_section *section)
{
	struct fetch_section **end = &out->sections;
	if (out->n_sections == FETCH_SECTIONS_MOST)
		return parse_fail(p, p->in, "a smaller number of sections");
	struct fetch_section *own = arena_get(p->arena, sizeof *own);
	if (!own)
		return parse_fail(p, p->in, "a shorter command");
	*own = *section;
	while (*end)
		end = &(*end)->next;
	*end = own;
	out->n_sections++;
	out->sets_seen |= !own->is_peek;
	return E_OK;
}

/* "<from.most>", most not 0 */
static int
take_partial(struct parse *p, struct fetch_section *out)
{
	struct span from = p->in;
	out->is_partial = parse_ch(p, '<');
	if (!out->is_partial)
		return E_OK;
	if (parse_number64(p, &out->from) != E_OK || !parse_ch(p, '.') ||
	    parse_number64(p, &out->most) != E_OK || out->most == 0 ||
	    !parse_ch(p, '>'))
		return parse_fail(p, from, "<from.number>");
	return E_OK;
}

static int
make_label(struct parse *p, const char *word, struct fetch_section *out)
{
	struct buf label = {.max = 0};
	buf_str(&label, word);
	section_put(&label, &out->section);
	buf_ch(&label, ']');
	if (out->is_partial)
		buf_putf(&label, "<%llu>", (unsigned long long)out->from);
	out->label = arena_span(p->arena, buf_as_span(&label));
	int err = buf_done(&label);
	buf_free(&label);
	return err == E_OK && out->label.n ? E_OK
	                                   : parse_fail(p, p->in, "a shorter section");
}

/* BINARY has numbers only, and its size no part of it: RFC 3516 7 */
static bool
is_form_legal(const struct fetch_section *a)
{
	return a->form == FETCH_OCTETS ||
	       (a->section.what == SECTION_ALL &&
		   !(a->form == FETCH_BINARY_SIZE && a->is_partial));
}

static void
find_names(struct fetch_section *a)
{
	a->has_names =
	    a->section.what == SECTION_FIELDS && a->section.n_path == 0 &&
	    cache_names_of(a->section.names, a->section.n_names, &a->names) == E_OK;
}

static int
take_bracket(struct parse *p, const struct bracket *b, struct fetch_atts *out)
{
	struct span from = p->in;
	struct fetch_section a = {.form = b->form, .is_peek = b->is_peek};
	p->in = span_from(p->in, strlen(b->word));
	int err = section_parse(&p->in, p->arena, &a.section);
	if (err != E_OK)
		return parse_fail(
		    p, from, err == E_LIMIT ? "a shorter section" : "a section");
	if (!parse_ch(p, ']'))
		return parse_fail(p, from, "the end of a section");
	if (take_partial(p, &a) != E_OK || !is_form_legal(&a))
		return parse_fail(p, from, "a section of this kind");
	find_names(&a);
	if (make_label(p, b->label, &a) != E_OK || add_section(p, out, &a) != E_OK)
		return parse_fail(p, from, "less");
	return E_OK;
}

static int
take_alias(struct parse *p, const struct alias *alias, struct fetch_atts *out)
{
	struct fetch_section a = {.form = FETCH_OCTETS,
	    .is_peek = alias->is_peek,
	    .section.what = alias->what,
	    .label = span_of(alias->word)};
	return add_section(p, out, &a);
}

/* ---- attributes ---- */

static bool
take_preview(struct parse *p, struct fetch_atts *out)
{
	static const struct span lazy = {" (LAZY)", 7};
	if (!parse_word(p, "PREVIEW"))
		return false;
	out->whats |= FETCH_PREVIEW;
	if (span_istarts(p->in, lazy)) /* else a parenthesis begins the modifiers */
		p->in = span_from(p->in, lazy.n);
	return true;
}

static int
take_att(struct parse *p, struct fetch_atts *out)
{
	for (size_t i = 0; i < COUNT(brackets); i++)
		if (span_istarts(p->in, span_of(brackets[i].word)))
			return take_bracket(p, &brackets[i], out);
	for (size_t i = 0; i < COUNT(words); i++)
		if (parse_word(p, words[i].word)) {
			out->whats |= words[i].whats;
			return E_OK;
		}
	for (size_t i = 0; i < COUNT(aliases); i++)
		if (parse_word(p, aliases[i].word))
			return take_alias(p, &aliases[i], out);
	return take_preview(p, out) ? E_OK
	                            : parse_fail(p, p->in, "an attribute of a message");
}

static int
take_list(struct parse *p, struct fetch_atts *out)
{
	do
		if (take_att(p, out) != E_OK)
			return E_BAD;
	while (parse_ch(p, ' '));
	return parse_ch(p, ')') ? E_OK
	                        : parse_fail(p, p->in, "the end of the attributes");
}

int
fetch_atts_parse(struct parse *p, struct fetch_atts *out)
{
	struct span from = p->in;
	*out = (struct fetch_atts){.whats = 0};
	for (size_t i = 0; i < COUNT(macros); i++)
		if (parse_word(p, macros[i].word)) {
			out->whats = macros[i].whats;
			return E_OK;
		}
	int err = parse_ch(p, '(') ? take_list(p, out) : take_att(p, out);
	if (err != E_OK)
		p->in = from;
	return err;
}

/* ---- modifiers ---- */

static int
take_modifier(struct parse *p, struct fetch_atts *out)
{
	struct span from = p->in;
	if (parse_word(p, "VANISHED")) {
		out->is_vanished = true;
		return E_OK;
	}
	if (!out->partial.is_there && parse_word(p, "PARTIAL"))
		return parse_sp(p) == E_OK ? partial_parse(p, &out->partial) : E_BAD;
	if (!parse_word(p, "CHANGEDSINCE"))
		return parse_fail(p, from, "a modifier of FETCH");
	out->has_changed_since = true;
	return parse_sp(p) == E_OK ? parse_number64(p, &out->changed_since) : E_BAD;
}

int
fetch_modifiers_parse(struct parse *p, struct fetch_atts *out)
{
	struct span from = p->in;
	if (parse_is_at_end(p))
		return E_OK;
	if (parse_sp(p) != E_OK || !parse_ch(p, '('))
		return parse_fail(p, from, "modifiers, or the end of the command");
	do
		if (take_modifier(p, out) != E_OK)
			return parse_fail(p, from, "a modifier of FETCH");
	while (parse_ch(p, ' '));
	return parse_ch(p, ')') ? E_OK
	                        : parse_fail(p, from, "the end of the modifiers");
}
