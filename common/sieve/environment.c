/* SPDX-License-Identifier: ISC */
/* environment.c - test environment.  RFC 5183 4; RFC 6785 4 for items of imap. */
#include "sieve/run_state.h"

static struct span
find_item(const struct sieve_input *in, struct span name)
{
	for (size_t i = 0; i < in->n_items; i++)
		if (span_ieq(in->items[i].name, name))
			return in->items[i].value;
	if (span_ieqs(name, "name"))
		return SPAN("merpati");
	if (span_ieqs(name, "version"))
		return SPAN(MERPATI_VERSION);
	return (struct span){NULL, 0};
}

/* An item that is not known fails every test, even one of its count: RFC 5183 4. */
int
test_environment(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	struct span value = find_item(run->in, run_arg(run, node->pos[0]));
	struct sieve_matcher m;
	if (!value.p)
		return run->err;
	if (match_begin(run, node, node->pos[1], &m) != E_OK)
		return run->err;
	if (m.kind != MATCH_COUNT || value.n)
		(void)match_value(run, &m, value);
	return match_end(run, &m, out);
}
