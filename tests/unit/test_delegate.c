/* SPDX-License-Identifier: ISC */
/* test_delegate.c - what a policy server is told and answers; the items that name services. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conf/service.h"
#include "smtpd/policy/delegate.h"

static const struct {
	const char *said;
	int result;
	enum delegate_action action;
	unsigned code;
	const char *enhanced, *text;
} rows[] = {
    {"action=DUNNO\n\n", E_OK, DELEGATE_DUNNO, 0, "", ""},
    {"action=ok\r\n\r\n", E_OK, DELEGATE_DUNNO, 0, "", ""},
    {"x=y\naction=permit\nz=\n\n", E_OK, DELEGATE_DUNNO, 0, "", ""},
    {"action=REJECT\n\n", E_OK, DELEGATE_REFUSE, 554, "5.7.1", "Access denied"},
    {"action=REJECT 5.1.1 no\n\n", E_OK, DELEGATE_REFUSE, 554, "5.1.1", "no"},
    {"action=REJECT 4.1.1 no\n\n", E_OK, DELEGATE_REFUSE, 554, "5.7.1", "4.1.1 no"},
    {"action=DEFER\n\n", E_OK, DELEGATE_REFUSE, 450, "4.7.1", "Try again later"},
    {"action=550 a  b\n\n", E_OK, DELEGATE_REFUSE, 550, "", "a  b"},
    {"action=450 4.2.0 a\n\n", E_OK, DELEGATE_REFUSE, 450, "4.2.0", "a"},
    {"action=421\n\n", E_OK, DELEGATE_REFUSE, 421, "", ""},
    {"action=250 fine\n\n", E_OK, DELEGATE_UNKNOWN, 0, "", "fine"},
    {"action=600 fine\n\n", E_OK, DELEGATE_UNKNOWN, 0, "", "fine"},
    {"action=defer_if_permit 4.2.1 g\n\n", E_OK, DELEGATE_DEFER_IF_PERMIT, 450, "4.2.1",
	"g"},
    {"action=DEFER_IF_REJECT g\n\n", E_OK, DELEGATE_DUNNO, 0, "", "g"},
    {"action=PREPEND X: y\n\n", E_OK, DELEGATE_PREPEND, 0, "", "X: y"},
    {"action=PREPEND\n\n", E_OK, DELEGATE_UNKNOWN, 0, "", ""},
    {"action=HOLD\n\n", E_OK, DELEGATE_HOLD, 0, "", ""},
    {"action=DISCARD x\n\n", E_OK, DELEGATE_DISCARD, 0, "", "x"},
    {"action=FILTER smtp:x\n\n", E_OK, DELEGATE_UNKNOWN, 0, "", "smtp:x"},
    {"action=\n\n", E_OK, DELEGATE_UNKNOWN, 0, "", ""},
    {"\n", E_BAD, 0, 0, NULL, NULL},
    {"x=y\n\n", E_BAD, 0, 0, NULL, NULL},
    {"action=OK\naction=OK\n\n", E_BAD, 0, 0, NULL, NULL},
    {"action=OK\n", E_MORE, 0, 0, NULL, NULL},
    {"action=OK", E_MORE, 0, 0, NULL, NULL},
    {"", E_MORE, 0, 0, NULL, NULL},
};

static void
test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span whole = span_of(rows[i].said), in = whole;
		struct delegate_answer a;
		int err = delegate_parse(&in, &a);
		bool is_right = err == rows[i].result;
		if (is_right && err == E_OK)
			is_right = in.n == 0 && a.action == rows[i].action &&
			           a.code == rows[i].code &&
			           span_eqs(a.enhanced, rows[i].enhanced) &&
			           span_eqs(a.text, rows[i].text);
		if (!is_right)
			fail_msg("%s: %d", rows[i].said, err);
		for (size_t n = 0; err == E_OK && n < whole.n; n++) {
			in = span_head(whole, n);
			assert_int_equal(delegate_parse(&in, &a), E_MORE);
			assert_int_equal(in.n, n);
		}
	}
}

static void
test_too_long(void **state)
{
	struct buf b = {0};
	struct delegate_answer a;
	(void)state;
	buf_str(&b, "action=OK ");
	while (b.len <= DELEGATE_ANSWER_MAX)
		buf_ch(&b, 'x');
	struct span in = buf_as_span(&b);
	assert_int_equal(delegate_parse(&in, &a), E_LIMIT);
	buf_free(&b);
}

static void
test_question(void **state)
{
	struct span values[DELEGATE_COUNT] = {0};
	struct buf b = {0};
	(void)state;
	values[DELEGATE_SENDER] = SPAN("a\nrecipient=b\r\0c");
	delegate_put(&b, values);
	struct span s = buf_as_span(&b);
	assert_true(span_starts(
	    s, SPAN("request=smtpd_access_policy\nprotocol_state=\nprotocol_name=\n")));
	assert_true(span_search(s, SPAN("\nsender=arecipient=bc\nrecipient=\n")) < s.n);
	assert_true(span_ends(s, SPAN("\npolicy_context=\n\n")));
	assert_int_equal(span_search(s, SPAN("\n\n")), s.n - 2);
	buf_free(&b);
}

static const struct {
	const char *text;
	int result;
	enum service_kind kind;
	uint16_t port;
	uint8_t fallback, stages;
	uint32_t timeout_sec;
} services[] = {
    {"inet:127.0.0.1:8891", E_OK, SERVICE_INET4, 8891, 0, 0, 0},
    {"inet:[::1]:1 default=accept timeout=2m", E_OK, SERVICE_INET6, 1, SERVICE_ACCEPT,
	0, 120},
    {"unix:/run/x.sock  at=rcpt+end  default=reject", E_OK, SERVICE_UNIX, 0,
	SERVICE_REJECT, SERVICE_AT_RCPT | SERVICE_AT_END, 0},
    {"inet:127.0.0.1:1 name=ORIGINATING default=tempfail", E_OK, SERVICE_INET4, 1,
	SERVICE_TEMPFAIL, 0, 0},
    {"inet:localhost:1", E_BAD, 0, 0, 0, 0, 0},
    {"inet:127.0.0.1", E_BAD, 0, 0, 0, 0, 0},
    {"inet:127.0.0.1:0", E_BAD, 0, 0, 0, 0, 0},
    {"inet:127.0.0.1:65536", E_BAD, 0, 0, 0, 0, 0},
    {"inet:::1:25", E_BAD, 0, 0, 0, 0, 0},
    {"inet:[127.0.0.1]:25", E_BAD, 0, 0, 0, 0, 0},
    {"unix:run", E_BAD, 0, 0, 0, 0, 0},
    {"unix:/", E_BAD, 0, 0, 0, 0, 0},
    {"/run/x.sock", E_BAD, 0, 0, 0, 0, 0},
    {"unix:/x default=maybe", E_BAD, 0, 0, 0, 0, 0},
    {"unix:/x timeout=0", E_BAD, 0, 0, 0, 0, 0},
    {"unix:/x timeout=2h", E_BAD, 0, 0, 0, 0, 0},
    {"unix:/x at=helo", E_BAD, 0, 0, 0, 0, 0},
    {"unix:/x at=", E_BAD, 0, 0, 0, 0, 0},
    {"unix:/x name=", E_BAD, 0, 0, 0, 0, 0},
    {"unix:/x name=a/b", E_BAD, 0, 0, 0, 0, 0},
    {"unix:/x colour=red", E_BAD, 0, 0, 0, 0, 0},
    {"", E_BAD, 0, 0, 0, 0, 0},
};

static void
test_services(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(services); i++) {
		struct service s;
		int err = service_parse(span_of(services[i].text), &s);
		bool is_right = err == services[i].result;
		if (is_right && err == E_OK)
			is_right = s.kind == services[i].kind &&
			           s.port == services[i].port &&
			           s.fallback == services[i].fallback &&
			           s.stages == services[i].stages &&
			           s.timeout_sec == services[i].timeout_sec;
		if (!is_right)
			fail_msg("%s: %d", services[i].text, err);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answers),
	    cmocka_unit_test(test_too_long),
	    cmocka_unit_test(test_question),
	    cmocka_unit_test(test_services),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
