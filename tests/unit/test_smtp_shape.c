/* SPDX-License-Identifier: ISC */
/* test_smtp_shape.c - a message from its parts, in memory and in a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "smtpd/shape.h"

static void
assert_span(struct span s, const char *is)
{
	assert_int_equal(s.n, strlen(is));
	assert_memory_equal(s.p, is, s.n);
}

static void
test_split(void **state)
{
	(void)state;
	struct shape s = shape_split(SPAN("A: b\r\nC: d\r\n\r\nbody\r\n\r\nmore\r\n"));
	assert_span(s.header, "A: b\r\nC: d\r\n");
	assert_span(s.body, "\r\nbody\r\n\r\nmore\r\n");
	s = shape_split(SPAN("A: b\r\n"));
	assert_span(s.header, "A: b\r\n");
	assert_int_equal(s.body.n, 0);
	s = shape_split(SPAN("\r\nno header\r\n"));
	assert_int_equal(s.header.n, 0);
	assert_span(s.body, "\r\nno header\r\n");
	s = shape_split(SPAN(""));
	assert_int_equal(shape_bytes(&s), 0);
}

enum { ROOM = 16 };

static struct shape
in_memory(struct buf *mem)
{
	buf_str(mem, "................A: b\r\n\r\nbody\r\n");
	return shape_split(span_from(buf_as_span(mem), ROOM));
}

static void
test_memory_in_place(void **state)
{
	(void)state;
	struct buf mem = {0};
	struct span out;
	struct shape s = in_memory(&mem);
	s.head = SPAN("Received: x\r\n");
	const char *body = s.body.p;
	shape_in_memory(&s, &mem, &out);
	assert_span(out, "Received: x\r\nA: b\r\n\r\nbody\r\n");
	assert_ptr_equal(out.p + out.n - s.body.n, body);
	buf_free(&mem);
}

static void
test_memory_rebuilt(void **state)
{
	(void)state;
	struct buf mem = {0};
	struct span out;
	struct shape s = in_memory(&mem);
	s.head = SPAN("Received: longer than the room\r\n");
	shape_in_memory(&s, &mem, &out);
	assert_span(out, "Received: longer than the room\r\nA: b\r\n\r\nbody\r\n");
	buf_free(&mem);
	s = in_memory(&mem);
	s.head = SPAN("R: x\r\n");
	s.header = SPAN("X: another\r\n");
	shape_in_memory(&s, &mem, &out);
	assert_span(out, "R: x\r\nX: another\r\n\r\nbody\r\n");
	buf_free(&mem);
}

/* Makes a file of text, shapes it as change says, and compares all of it. */
static void
with_file(const char *text, void (*change)(struct shape *), const char *is)
{
	FILE *f = tmpfile();
	struct mapping m = {0};
	char all[256];
	assert_non_null(f);
	assert_int_equal(write(fileno(f), text, strlen(text)), strlen(text));
	assert_int_equal(mapping_open(&m, fileno(f), strlen(text)), E_OK);
	struct shape s = shape_split(span_make(m.p, m.n));
	change(&s);
	assert_int_equal(shape_in_file(&s, fileno(f), &m), E_OK);
	assert_span(span_make(m.p, m.n), is);
	mapping_close(&m);
	ssize_t n = pread(fileno(f), all, sizeof all, 0);
	assert_span(span_make(all, (size_t)n), is);
	fclose(f);
}

static void
put_head(struct shape *s)
{
	s->head = SPAN("Received: x\r\n");
}

static void
take_field(struct shape *s)
{
	s->header = span_from(s->header, sizeof "A: b\r\n" - 1);
}

static void
other_body(struct shape *s)
{
	s->head = SPAN("R: x\r\n");
	s->body = SPAN("\r\nanother body, and a longer one\r\n");
}

static void
no_body(struct shape *s)
{
	s->body = span_head(s->body, 0);
}

static void
test_file(void **state)
{
	(void)state;
	const char *sent = "A: b\r\nC: d\r\n\r\nbody\r\n";
	with_file(sent, put_head, "Received: x\r\nA: b\r\nC: d\r\n\r\nbody\r\n");
	with_file(sent, take_field, "C: d\r\n\r\nbody\r\n");
	with_file(sent, other_body,
	    "R: x\r\nA: b\r\nC: d\r\n\r\nanother body, and a longer one\r\n");
	with_file(sent, no_body, "A: b\r\nC: d\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_split),
	    cmocka_unit_test(test_memory_in_place),
	    cmocka_unit_test(test_memory_rebuilt),
	    cmocka_unit_test(test_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
