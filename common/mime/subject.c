/* SPDX-License-Identifier: ISC */
/* subject.c - what is left of a subject without "Re:", "Fwd:" and what lists put in brackets. */
#include "mime/subject.h"

/* The names below are those of the grammar, RFC 5256 5. */

static size_t
blanks_len(struct span s)
{
	size_t n = 0;
	while (n < s.n && ch_space(s.p[n]))
		n++;
	return n;
}

/*
 * subj-blob = "[" *BLOBCHAR "]" *WSP; 0 when there is none.  Looks no further than the next
 * bracket.
 */
static size_t
blob_len(struct span s)
{
	size_t n = 1;
	if (s.n == 0 || s.p[0] != '[')
		return 0;
	while (n < s.n && s.p[n] != '[' && s.p[n] != ']')
		n++;
	if (n == s.n || s.p[n] != ']')
		return 0;
	return n + 1 + blanks_len(span_from(s, n + 1));
}

/* subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":" */
static size_t
refwd_len(struct span s)
{
	size_t n = span_istarts(s, SPAN("re"))    ? 2
	           : span_istarts(s, SPAN("fwd")) ? 3
	           : span_istarts(s, SPAN("fw"))  ? 2
	                                          : 0;
	if (n == 0)
		return 0;
	n += blanks_len(span_from(s, n));
	n += blob_len(span_from(s, n));
	return n < s.n && s.p[n] == ':' ? n + 1 : 0;
}

/* subj-trailer = "(fwd)" / WSP, as often as there are */
static struct span
without_trailers(struct span s, bool *is_refwd)
{
	for (;;) {
		s = span_trim(s);
		if (s.n < 5 || !span_ieq(span_from(s, s.n - 5), SPAN("(fwd)")))
			return s;
		s.n -= 5;
		*is_refwd = true;
	}
}

/*
 * subj-leader = (*subj-blob subj-refwd) / WSP, as often as there are; then, when none is left,
 * blobs as long as something stands behind them.  To take a blob away makes no leader where there
 * was none, so blobs are read once.
 */
static struct span
without_leaders(struct span s, bool *is_refwd)
{
	for (;;) {
		size_t blobs = 0, last = 0, n;
		s = span_from(s, blanks_len(s));
		while ((n = blob_len(span_from(s, blobs)))) {
			last = blobs;
			blobs += n;
		}
		n = refwd_len(span_from(s, blobs));
		if (n == 0)
			return span_from(s, blobs < s.n ? blobs : last);
		s = span_from(s, blobs + n);
		*is_refwd = true;
	}
}

static void
blanks_to_one(struct buf *out, struct span s)
{
	bool is_blank = true;
	for (size_t i = 0; i < s.n; i++) {
		char c =
		    s.p[i] == '\t' || s.p[i] == '\r' || s.p[i] == '\n' ? ' ' : s.p[i];
		if (c != ' ' || !is_blank)
			buf_ch(out, c);
		is_blank = c == ' ';
	}
}

bool
subject_base(struct buf *out, struct span utf8)
{
	bool is_refwd = false;
	struct buf line = {.max = utf8.n + 1};
	blanks_to_one(&line, utf8);
	struct span s = without_trailers(buf_as_span(&line), &is_refwd);
	for (;;) {
		s = without_leaders(s, &is_refwd);
		/* subj-fwd-hdr subj-fwd-trl */
		if (!span_istarts(s, SPAN("[fwd:")) || s.p[s.n - 1] != ']')
			break;
		s = without_trailers(span_make(s.p + 5, s.n - 6), &is_refwd);
		is_refwd = true;
	}
	buf_span(out, s);
	buf_free(&line);
	return is_refwd;
}
