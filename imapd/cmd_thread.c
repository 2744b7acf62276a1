/* SPDX-License-Identifier: ISC */
/* cmd_thread.c - THREAD and UID THREAD: RFC 5256; THREAD=REFS: draft-ietf-morg-inthread-01. */
#include "imapd/thread.h"

#include "imapd/facts.h"
#include "imapd/result.h"

typedef void thread_algorithm(
    const struct thread_message *, size_t n, struct thread_forest *out);

static const struct {
	const char *name;
	thread_algorithm *run;
} algorithms[] = {
    {"ORDEREDSUBJECT", thread_orderedsubject},
    {"REFERENCES", thread_references},
    {"REFS", thread_refs},
};

static int
algorithm_parse(struct parse *p, thread_algorithm **out)
{
	for (size_t i = 0; i < COUNT(algorithms); i++)
		if (parse_word(p, algorithms[i].name)) {
			*out = algorithms[i].run;
			return parse_sp(p);
		}
	p->expected = "a threading algorithm";
	return E_BAD;
}

struct gatherer {
	const struct session *session;
	const struct command *command;
	const struct found *found;
	struct thread_message *messages;
};

static void
message_gather(void *ctx, size_t i, const struct store_record *r,
    const struct envelope_facts *facts)
{
	struct gatherer *g = ctx;
	g->messages[i] = (struct thread_message){
	    .number = result_number(g->session, g->command, g->found->seqs[i]),
	    .is_reply = facts->is_reply,
	    .sent_sec = facts->sent_sec,
	    .arrived_sec = r->date_sec,
	    .base_subject = facts->base_subject,
	    .message_id = facts->message_id,
	    .references = facts->references,
	};
}

static bool
flush(void *ctx)
{
	return respond_flush(ctx);
}

/* "* THREAD (2)(3 6 (4 23)(44 7 96))", RFC 5256 4 */
static enum reply
forest_put(struct session *s, const struct thread_forest *forest,
    const struct thread_message *messages)
{
	struct buf *out = respond_out(s);
	buf_str(out, "* THREAD");
	if (forest->root != THREAD_NONE)
		buf_ch(out, ' ');
	if (!thread_put(out, forest, messages, flush, s))
		return R_NONE;
	buf_str(out, "\r\n");
	return respond_flush(s) ? R_DONE : R_NONE;
}

static enum reply
found_thread(struct session *s, const struct command *c, thread_algorithm *run,
    const struct found *found)
{
	struct facts facts;
	struct thread_forest forest;
	struct gatherer g = {.session = s, .command = c, .found = found};
	g.messages = mem_grow(NULL, found->n + 1, sizeof *g.messages);
	enum reply reply = facts_each(&facts, s, found, message_gather, &g);
	if (reply == R_DONE) {
		run(g.messages, found->n, &forest);
		reply = forest_put(s, &forest, g.messages);
		thread_done(&forest);
	}
	mem_free(&g.messages);
	facts_done(&facts);
	return reply;
}

enum reply
cmd_thread(struct session *s, struct command *c)
{
	struct search search = {.returns = 0};
	struct found found;
	thread_algorithm *run;
	int err = algorithm_parse(&c->parse, &run);
	if (err == E_OK)
		err = search_parse_criteria(&c->parse, &search);
	if (err != E_OK)
		return result_failed(s, &search, err);
	if (search.has_modseq)
		selected_enable_condstore(s); /* RFC 7162 3.1 */
	enum reply reply = search_run_whole(s, &search, &found);
	if (reply == R_DONE)
		reply = found_thread(s, c, run, &found);
	found_free(&found);
	return result_said(s, &search, reply);
}
