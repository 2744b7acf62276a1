/* SPDX-License-Identifier: ISC */
/* report_sign.c - DKIM signatures of the reports that we make. */
#include "queue/report_sign.h"

#include "base/log.h"
#include "dkim/sign.h"
#include "tls/hash.h"

/* E_OK, E_LIMIT (too long with them: it stays as it is) */
static int
put_between(struct buf *report, size_t at, struct span fields)
{
	struct buf rest = {0};
	if (report->len + fields.n > (report->max ? report->max : BUF_MAX_DEFAULT))
		return E_LIMIT;
	buf_span(&rest, span_from(buf_as_span(report), at));
	buf_cut(report, at);
	buf_span(report, fields);
	buf_span(report, buf_as_span(&rest));
	buf_free(&rest);
	return buf_done(report);
}

void
report_sign(
    struct dkim_signer *s, int64_t now_sec, struct buf *report, struct envelope *made)
{
	struct arena arena = {0};
	struct buf fields = {0};
	struct span domain = {0};
	const struct dkim_sign_how how = {.now_sec = now_sec};
	struct span message = span_from(buf_as_span(report), made->head_bytes);
	int err = dkim_author_domain(message, &arena, &domain);
	if (err == E_OK)
		err = dkim_sign_nearest(s, message, domain, &how, &fields);
	if (err == E_OK)
		err = put_between(report, made->head_bytes, buf_as_span(&fields));
	if (err == E_OK) {
		made->size_bytes = report->len;
		sha256(buf_as_span(report), made->sha256);
	} else if (err != E_DENY)
		log_event(LOG_WARNING, "report_not_signed", "mid=%s domain=%s why=%s",
		    id_text(made->id), log_q(domain), err_name(err));
	arena_reset(&arena);
	buf_free(&fields);
}
