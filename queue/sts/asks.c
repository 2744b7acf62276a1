/* SPDX-License-Identifier: ISC */
/* asks.c - what is asked of the process sts, and told to it, as bytes. */
#include "queue/sts/policies.h"
#include "queue/sts/sts.h"

void
sts_answer_put(struct buf *b, const struct sts_answer *a)
{
	buf_u8(b, (uint8_t)a->failure);
	buf_bytes(b, span_head(a->why, STS_WHY_MAX));
	buf_bytes(b, a->policy);
}

int
sts_answer_get(struct rd *r, struct arena *arena, struct sts_answer *out)
{
	uint8_t failure = rd_u8(r);
	*out = (struct sts_answer){
	    .failure = failure, .why = rd_copy(r, STS_WHY_MAX, arena)};
	out->policy = rd_copy(r, POLICIES_TEXT_MAX, arena);
	return failure < TLS_OUTCOMES ? rd_end(r) : E_BAD;
}

/* Whole lines of it. */
static struct span
lines_head(struct span s)
{
	struct span head = span_head(s, STS_POLICY_LINES_MAX);
	size_t end = span_rfind(head, '\n');
	return head.n < s.n ? span_head(head, end < head.n ? end + 1 : 0) : head;
}

void
sts_note_put(struct buf *b, const struct sts_note *n)
{
	const struct span texts[] = {n->source, n->host, n->address, n->helo};
	buf_bytes(b, n->domain);
	buf_u8(b, (uint8_t)n->policy);
	buf_u8(b, (uint8_t)n->outcome);
	buf_bytes(b, lines_head(n->lines));
	buf_bytes(b, lines_head(n->hosts));
	for (size_t i = 0; i < COUNT(texts); i++)
		buf_bytes(b, span_head(texts[i], STS_TEXT_MAX));
	buf_bytes(b, span_head(n->why, STS_WHY_MAX));
}

int
sts_note_get(struct rd *r, struct sts_note *out)
{
	struct span *texts[] = {&out->source, &out->host, &out->address, &out->helo};
	*out = (struct sts_note){.domain = rd_str(r, DNS_NAME_MAX)};
	uint8_t policy = rd_u8(r), outcome = rd_u8(r);
	out->lines = rd_str(r, STS_POLICY_LINES_MAX);
	out->hosts = rd_str(r, STS_POLICY_LINES_MAX);
	for (size_t i = 0; i < COUNT(texts); i++)
		*texts[i] = rd_str(r, STS_TEXT_MAX);
	out->why = rd_str(r, STS_WHY_MAX);
	if (rd_end(r) != E_OK || policy > TLS_POLICY_STS || outcome >= TLS_OUTCOMES ||
	    !dns_name_ok(out->domain))
		return E_BAD;
	out->policy = policy;
	out->outcome = outcome;
	return E_OK;
}
