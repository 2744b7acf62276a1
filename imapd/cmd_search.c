/* SPDX-License-Identifier: ISC */
/* cmd_search.c - SEARCH and UID SEARCH: RFC 9051 6.4.4, RFC 3501 6.4.4, RFC 4731, RFC 5267. */
#include "imapd/bound.h"
#include "imapd/context.h"

int
search_program_parse(struct parse *p, struct sort_order *order, struct search *out)
{
	*order = (struct sort_order){.n = 0};
	return search_parse(p, out);
}

static enum reply
search_tell(struct session *s, const struct command *c, struct span text,
    const struct search *search, const struct found *found)
{
	struct result result = {.seqs = found->seqs,
	    .n = found->n,
	    .ascending = found->seqs,
	    .scores = found->scores};
	bool is_extended = search->has_return || s->enabled & EN_REV2;
	if (!(is_extended ? result_put_extended(s, c, search, &result)
			  : result_put(s, c, "SEARCH", search, &result)))
		return R_NONE;
	if (search->returns & RETURN_UPDATE)
		context_add(s, c, text, search_program_parse, &result);
	return result_save(s, search, &result);
}

enum reply
cmd_search(struct session *s, struct command *c)
{
	struct search search;
	struct search_stop stop;
	struct span text = c->parse.in;
	struct found found = {.n = 0};
	int err = result_parse(s, c, &search);
	if (err != E_OK)
		return result_failed(s, &search, err);
	stop = result_stop(&search);
	enum reply reply = search_run(s, &search, &stop, &found);
	if (reply == R_DONE)
		reply = search_tell(s, c, text, &search, &found);
	if (found.lowest)
		bound_say(s, reply, s->messages_most, found.lowest);
	found_free(&found);
	return result_said(s, &search, reply);
}
