/* SPDX-License-Identifier: ISC */
/* test_proxy.c - the PROXY header, each version whole and cut short at every byte. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "login/proxy.h"

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define ROW(text) (text), sizeof(text) - 1

static const struct {
	const char *in;
	size_t n;
	int result;
	const char *source; /* NULL: local */
	const char *rest;
} rows[] = {
    {ROW("PROXY TCP4 192.0.2.1 127.0.0.1 56324 25\r\nEHLO"), E_OK, "192.0.2.1", "EHLO"},
    {ROW("PROXY TCP6 2001:db8::1 ::1 56324 25\r\n"), E_OK, "2001:db8::1", ""},
    {ROW("PROXY UNKNOWN\r\nx"), E_OK, NULL, "x"},
    {ROW("PROXY UNKNOWN ffff::1 whatever\r\n"), E_OK, NULL, ""},
    {ROW("PROXY TCP4 192.0.2.1 127.0.0.1 56324\r\n"), E_BAD, NULL, NULL},
    {ROW("PROXY TCP4 192.0.2.1 127.0.0.1 56324 25 1\r\n"), E_BAD, NULL, NULL},
    {ROW("PROXY TCP4 192.0.2.1 127.0.0.1 56324 65536\r\n"), E_BAD, NULL, NULL},
    {ROW("PROXY TCP4 ::1 ::1 1 2\r\n"), E_BAD, NULL, NULL},
    {ROW("PROXY TCP5 192.0.2.1 127.0.0.1 1 2\r\n"), E_BAD, NULL, NULL},
    {ROW("PROXY TCP4 192.0.2.1 127.0.0.1 1 2\n"), E_BAD, NULL, NULL},
    {ROW("EHLO x\r\n"), E_BAD, NULL, NULL},
    {ROW(V2 "\x21\x11\0\x0c\xc0\0\x02\x01\x7f\0\0\x01\x12\x34\0\x19"
	    "EHLO"),
	E_OK, "192.0.2.1", "EHLO"},
    {ROW(V2 "\x21\x11\0\x0f\xc0\0\x02\x01\x7f\0\0\x01\x12\x34\0\x19\x04\0\0x"), E_OK,
	"192.0.2.1", "x"},
    {ROW(V2 "\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0"
	    "\0\0\0\0\0\0\x01\0\x01\0\x02"),
	E_OK, "2001:db8::1", ""},
    {ROW(V2 "\x20\0\0\0x"), E_OK, NULL, "x"},
    {ROW(V2 "\x21\x11\0\x0b\xc0\0\x02\x01\x7f\0\0\x01\x12\x34\0"), E_BAD, NULL, NULL},
    {ROW(V2 "\x21\x31\0\0"), E_BAD, NULL, NULL},
    {ROW(V2 "\x31\x11\0\0"), E_BAD, NULL, NULL},
    {ROW(V2 "\x21\x11\xff\xff"), E_BAD, NULL, NULL},
};

static void
check_row(size_t i)
{
	struct proxy_header h;
	char text[INET6_ADDRSTRLEN] = "";
	struct span in = {rows[i].in, rows[i].n};
	assert_int_equal(proxy_parse(in, &h), rows[i].result);
	if (rows[i].result != E_OK)
		return;
	assert_true(span_eqs(span_from(in, h.n_bytes), rows[i].rest));
	assert_int_equal(h.is_local, rows[i].source == NULL);
	if (h.is_local)
		return;
	const void *address =
	    h.source.ss_family == AF_INET
		? (const void *)&((const struct sockaddr_in *)(const void *)&h.source)
		      ->sin_addr
		: (const void *)&((const struct sockaddr_in6 *)(const void *)&h.source)
		      ->sin6_addr;
	inet_ntop(h.source.ss_family, address, text, sizeof text);
	assert_string_equal(text, rows[i].source);
	for (size_t n = 0; n < h.n_bytes; n++)
		assert_int_equal(proxy_parse(span_head(in, n), &h), E_MORE);
}

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		print_message("row %zu\n", i);
		check_row(i);
	}
}

static void
test_endless(void **state)
{
	char line[PROXY_V1_MAX];
	struct proxy_header h;
	(void)state;
	memset(line, ' ', sizeof line);
	memcpy(line, "PROXY ", 6);
	assert_int_equal(proxy_parse(span_make(line, sizeof line), &h), E_BAD);
}

/* A byte at a time; the last look is at the end of what came. */
static void
check_taken(size_t i, size_t n)
{
	int pair[2], err = E_MORE;
	size_t seen = 0;
	struct proxy_header h;
	char rest[8];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(proxy_take(pair[0], &seen, &h), E_MORE);
	for (size_t k = 0; k < n && err == E_MORE; k++) {
		assert_int_equal(seen, k);
		assert_int_equal(write(pair[1], rows[i].in + k, 1), 1);
		err = proxy_take(pair[0], &seen, &h);
	}
	bool is_whole = n == rows[i].n;
	assert_int_equal(err, is_whole ? rows[i].result : E_MORE);
	assert_int_equal(write(pair[1], "rest", is_whole ? 4 : 0), is_whole ? 4 : 0);
	close(pair[1]);
	if (err == E_OK)
		assert_int_equal(recv(pair[0], rest, sizeof rest, 0), 4);
	else
		assert_int_equal(proxy_take(pair[0], &seen, &h), E_BAD);
	close(pair[0]);
}

static void
test_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].rest && rows[i].rest[0])
			continue;
		print_message("row %zu\n", i);
		check_taken(i, rows[i].n);
		if (rows[i].result == E_OK)
			check_taken(i, rows[i].n - 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_taken),
	    cmocka_unit_test(test_endless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
