/* SPDX-License-Identifier: ISC */
/*
 * fuzz_milter.c - what a mail filter says: packets, its options, its answers, and the edits that they make.
 * fuzz: smtpd/policy/milter_packet.c smtpd/edits.c common/mime/header.c
 */
#include <stdlib.h>

#include "smtpd/edits.h"
#include "smtpd/policy/milter_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define HEADER "Received: x\r\nA: 1\r\nB: x\r\n\ty\r\njunk\r\nA: 2\r\nC:\r\nA: 3\r\n"

static void
note(struct edits *e, const struct milter_answered *a)
{
	static const struct {
		enum milter_answer said;
		enum edit_kind kind;
	} kinds[] = {{MILTER_ADD_HEADER, EDIT_ADD}, {MILTER_INSERT_HEADER, EDIT_INSERT},
	    {MILTER_CHANGE_HEADER, EDIT_CHANGE}};

	int err = E_OK;
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (a->kind == kinds[i].said)
			err =
			    edits_field(e, kinds[i].kind, a->index, a->name, a->value);
	if (err == E_OK && a->kind == MILTER_REPLACE_BODY)
		err = edits_body(e, a->value);
	if (a->kind == MILTER_CONTINUE) {
		edits_keep(e);
		edits_begin(e, 65536);
	}
	if (a->kind == MILTER_REJECT || err != E_OK) {
		edits_undo(e);
		edits_begin(e, 65536);
	}
}

static void
read_text(struct span text)
{
	struct milter_text t;
	if (milter_text_parse(text, &t) != E_OK)
		return;
	if (t.code < 400 || t.code > 599)
		abort();
	buf_free(&t.lines);
}

static void
read_packet(const struct milter_packet *p, struct edits *e)
{
	struct milter_options o;
	struct milter_answered a;
	struct span values[MILTER_MACRO_COUNT] = {0};
	struct buf out = {0};
	values[MILTER_M_J] = SPAN("host");
	values[MILTER_M_I] = SPAN("id");
	if (milter_options_parse(p, &o) == E_OK)
		for (unsigned i = 0; i < MILTER_STAGES; i++)
			milter_put_macros(&out, i, o.macros[i], values);
	buf_free(&out);
	if (milter_answer_parse(p, &a) != E_OK)
		return;
	if (a.kind == MILTER_REPLY)
		read_text(a.name);
	note(e, &a);
}

/* Every line of a header that we wrote is a field, or goes on with one, or stood there before. */
static void
check_header(const struct edits *e)
{
	struct buf above = {.max = 8 << 20}, below = {.max = 8 << 20};
	if (edits_header(e, SPAN(HEADER), &above, &below) == E_OK) {
		struct span rest = buf_as_span(&below);
		buf_span(&above, rest);
		rest = buf_as_span(&above);
		if (rest.n && !span_ends(rest, SPAN("\r\n")))
			abort();
		while (rest.n) {
			struct span line = span_cut(&rest, '\n');
			bool is_known = span_eqs(line, "junk\r");
			if (line.n < 2 || line.p[line.n - 1] != '\r' ||
			    (!is_known && !ch_space(line.p[0]) &&
				span_find(line, ':') == line.n))
				abort();
		}
	}
	buf_free(&above);
	buf_free(&below);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_make(data, n);
	struct milter_packet p;
	struct edits e = {0};
	edits_begin(&e, 65536);
	while (milter_packet_next(&in, &p) == E_OK)
		read_packet(&p, &e);
	edits_keep(&e);
	check_header(&e);
	edits_done(&e);
	return 0;
}
