/* SPDX-License-Identifier: ISC */
/* strict.c - how strict smtpd is with whom. */
#include "conf/strict.h"

#include "conf/conf.h"

int
strict_parse(struct span item, struct strict *out)
{
	static const char *const names[CLASS_COUNT] = {
	    [CLASS_SMTP] = "smtp",
	    [CLASS_SUBMISSION] = "submission",
	    [CLASS_LMTP] = "lmtp",
	};
	struct span word = item, name = span_cut(&word, '=');
	*out = (struct strict){.is_counted = span_eqs(word, "count")};
	if (!out->is_counted && !span_eqs(word, "refuse"))
		return E_BAD;
	for (unsigned i = 0; i < CLASS_COUNT; i++)
		if (span_eqs(name, names[i])) {
			out->class = i;
			return E_OK;
		}
	return E_BAD;
}

bool
strict_is_counted(const struct conf *conf, const char *setting, enum listen_class class)
{
	bool is_counted = false;
	for (size_t i = 0; i < conf_list_count(conf, "smtpd", setting); i++) {
		struct strict s;
		if (strict_parse(span_of(conf_list(conf, "smtpd", setting, i)), &s) ==
			E_OK &&
		    s.class == class)
			is_counted = s.is_counted;
	}
	return is_counted;
}
