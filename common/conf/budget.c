/* SPDX-License-Identifier: ISC */
/* budget.c - items that say how much may be submitted. */
#include "conf/budget.h"

const char *const budget_whats[BUDGET_WHATS] = {[BUDGET_MESSAGES] = "messages",
    [BUDGET_RECIPIENTS] = "recipients",
    [BUDGET_NEW] = "new"};
const char *const budget_windows[BUDGET_WINDOWS] = {
    [BUDGET_HOUR] = "hour", [BUDGET_DAY] = "day"};

static int
name_find(struct span name, const char *const *names, size_t n, size_t *out)
{
	for (*out = 0; *out < n; ++*out)
		if (span_eqs(name, names[*out]))
			return E_OK;
	return E_BAD;
}

int
budget_parse(struct span item, struct budget *out)
{
	size_t what, window;
	uint64_t most = BUDGET_NONE;
	struct span name = span_cut(&item, '=');
	struct span number = span_cut(&item, '/');
	if (name_find(name, budget_whats, BUDGET_WHATS, &what) != E_OK ||
	    name_find(item, budget_windows, BUDGET_WINDOWS, &window) != E_OK)
		return E_BAD;
	if (!span_eqs(number, "none") &&
	    (span_u64(number, BUDGET_MOST, &most) != E_OK || most == 0))
		return E_BAD;
	out->most[what][window] = (uint32_t)most;
	return E_OK;
}

struct budget
budget_join(const struct budget *own, const struct budget *wide)
{
	struct budget out;
	for (size_t i = 0; i < BUDGET_WHATS; i++)
		for (size_t w = 0; w < BUDGET_WINDOWS; w++) {
			uint32_t most =
			    own->most[i][w] ? own->most[i][w] : wide->most[i][w];
			out.most[i][w] = most == BUDGET_NONE ? 0 : most;
		}
	return out;
}
