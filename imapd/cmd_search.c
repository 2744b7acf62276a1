/* SPDX-License-Identifier: ISC */
/* cmd_search.c - SEARCH and UID SEARCH: RFC 9051 6.4.4, RFC 3501 6.4.4, RFC 4731. */
#include "imapd/result.h"

static enum reply
search_tell(struct session *s, const struct command *c, const struct search *search,
    const struct found *found)
{
	struct result result = {
	    .seqs = found->seqs, .n = found->n, .ascending = found->seqs};
	bool is_extended = search->has_return || s->enabled & EN_REV2;
	bool is_there = is_extended ? result_put_extended(s, c, search, &result)
	                            : result_put(s, c, "SEARCH", search, &result);
	return is_there ? result_save(s, search, &result) : R_NONE;
}

enum reply
cmd_search(struct session *s, struct command *c)
{
	struct search search;
	struct search_stop stop;
	struct found found = {.n = 0};
	int err = result_parse(s, c, &search);
	if (err != E_OK)
		return result_failed(s, &search, err);
	stop = result_stop(&search);
	enum reply reply = search_run(s, &search, &stop, &found);
	if (reply == R_DONE)
		reply = search_tell(s, c, &search, &found);
	found_free(&found);
	return result_said(s, &search, reply);
}
