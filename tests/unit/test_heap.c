/* SPDX-License-Identifier: ISC */
/* test_heap.c - what heap_touch leaves as it was. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"
#include "proc/heap.h"

/* A buffer that comes and goes, as a keeper's for what it takes in, is mapped once. */
static void
test_large_buffers_are_mapped_once(void **s)
{
	(void)s;
#ifdef __SANITIZE_ADDRESS__
	skip(); /* its malloc is another one */
#else
	enum { BIG_BYTES = 400 << 10, TIMES = 5 };

	size_t n_mapped = 0;
	heap_touch();
	for (size_t i = 0; i < TIMES; i++) {
		size_t before = mallinfo2().hblks;
		void *p = mem_new(BIG_BYTES);
		n_mapped += mallinfo2().hblks - before;
		mem_free(&p);
	}
	assert_int_equal(n_mapped, 1);
#endif
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_large_buffers_are_mapped_once)};
	return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
