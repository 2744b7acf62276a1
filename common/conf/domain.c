/* SPDX-License-Identifier: ISC */
/* domain.c - domains by the settings. */
#include "conf/domain.h"

#include "conf/conf.h"
#include "mime/idn.h"

static bool
idn_same(struct span a, struct span b)
{
	struct buf one = {0}, other = {0};
	bool is_same = idn_ascii(a, &one) == E_OK && idn_ascii(b, &other) == E_OK &&
	               span_ieq(buf_as_span(&one), buf_as_span(&other));
	buf_free(&one);
	buf_free(&other);
	return is_same;
}

bool
domain_same(struct span a, struct span b)
{
	bool is_plain = span_is_ascii(a) && span_is_ascii(b); /* one spelling */
	return span_ieq(a, b) || (!is_plain && idn_same(a, b));
}

struct span
domain_of_ours(const struct conf *conf, struct span domain)
{
	for (size_t i = 0; i < conf_list_count(conf, "common", "domains"); i++) {
		struct span ours = span_of(conf_list(conf, "common", "domains", i));
		if (domain_same(domain, ours))
			return ours;
	}
	return SPAN("");
}

const char *
domain_of_rewriting(const struct conf *conf)
{
	const char *srs = conf_str(conf, "common", "srs_domain");
	if (!srs[0] && conf_list_count(conf, "common", "domains"))
		srs = conf_list(conf, "common", "domains", 0);
	return srs;
}

bool
domain_pair(const struct conf *conf, const char *setting, struct span domain,
    struct span *value)
{
	for (size_t i = 0; i < conf_list_count(conf, "common", setting); i++) {
		struct span right = span_of(conf_list(conf, "common", setting, i));
		struct span left = span_trim(span_cut(&right, '='));
		if (domain_same(domain, left)) {
			*value = span_trim(right);
			return true;
		}
	}
	return false;
}

static void
put_lower(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_ch(out, ch_lower(s.p[i]));
}

void
domain_address_put(const struct conf *conf, struct span address, struct buf *out)
{
	size_t at = span_rfind(address, '@');
	struct span domain = span_from(address, at + 1),
		    ours = domain_of_ours(conf, domain);
	put_lower(out, span_head(address, at + 1));
	put_lower(out, ours.n ? ours : domain);
}
