/* SPDX-License-Identifier: ISC */
/*
 * dmarc_rows.h - what DMARC says of a message: rows of test_dmarc.c, whose zone they are about.
 * {From, what vouches ("?": not now), dice, "result disposition domain who-vouched"}
 */
/* clang-format off */
	/* relaxed: the same organisation, whichever way around */
	{"a@relaxed.example",         "spf:relaxed.example",               0, "pass none relaxed.example spf"},
	{"a@relaxed.example",         "dkim:relaxed.example",              0, "pass none relaxed.example dkim"},
	{"a@relaxed.example",         "spf:b.relaxed.example",             0, "pass none relaxed.example spf"},
	{"a@relaxed.example",         "dkim:b.c.relaxed.example",          0, "pass none relaxed.example dkim"},
	{"a@b.relaxed.example",       "spf:relaxed.example",               0, "pass none b.relaxed.example spf"},
	{"a@b.relaxed.example",       "dkim:c.relaxed.example",            0, "pass none b.relaxed.example dkim"},
	{"a@relaxed.example",         "spf:RELAXED.Example. dkim:relaxed.example", 0, "pass none relaxed.example spf dkim"},
	{"a@relaxed.example",         "",                                  0, "fail reject relaxed.example"},
	{"a@relaxed.example",         "spf:evil.example dkim:evil.example", 0, "fail reject relaxed.example"},
	{"a@relaxed.example",         "dkim:evil.example dkim:relaxed.example", 0, "pass none relaxed.example dkim"},
	{"a@relaxed.example",         "spf:xrelaxed.example",              0, "fail reject relaxed.example"},
	{"a@relaxed.example",         "spf:example",                       0, "fail reject relaxed.example"},
	{"a@relaxed.example",         "spf:",                              0, "fail reject relaxed.example"},
	/* strict: the same name */
	{"a@strict.example",          "spf:strict.example",                0, "pass none strict.example spf"},
	{"a@strict.example",          "dkim:Strict.Example",               0, "pass none strict.example dkim"},
	{"a@strict.example",          "spf:b.strict.example",              0, "fail reject strict.example"},
	{"a@strict.example",          "dkim:b.strict.example",             0, "fail reject strict.example"},
	{"a@b.strict.example",        "dkim:strict.example",               0, "fail reject b.strict.example"},
	{"a@b.strict.example",        "dkim:b.strict.example",             0, "pass none b.strict.example dkim"},
	/* each has its own mode */
	{"a@own.relaxed.example",     "spf:relaxed.example",               0, "fail none own.relaxed.example"},
	{"a@own.relaxed.example",     "dkim:relaxed.example",              0, "pass none own.relaxed.example dkim"},
	/* sp, np */
	{"a@b.relaxed.example",       "",                                  0, "fail quarantine b.relaxed.example"},
	{"a@np.example",              "",                                  0, "fail none np.example"},
	{"a@is.np.example",           "",                                  0, "fail quarantine is.np.example"},
	{"a@empty.np.example",        "",                                  0, "fail reject empty.np.example"},
	{"a@isnt.np.example",         "",                                  0, "fail reject isnt.np.example"},
	{"a@temp.np.example",         "",                                  0, "fail quarantine temp.np.example"},
	/* pct: the next milder one */
	{"a@half.example",            "",                                 49, "fail reject half.example"},
	{"a@half.example",            "",                                 50, "fail quarantine half.example"},
	{"a@halfq.example",           "",                                  0, "fail none halfq.example"},
	{"a@half.example",            "spf:half.example",                 99, "pass none half.example spf"},
	/* no policy */
	{"a@nothing.example",         "",                                  0, "none none nothing.example"},
	{"a@b.nothing.example",       "dkim:nothing.example",              0, "none none b.nothing.example"},
	{"a@two.example",             "spf:two.example",                   0, "none none two.example"},
	{"a@two.relaxed.example",     "",                                  0, "none none two.relaxed.example"},
	{"a@bad.example",             "",                                  0, "none none bad.example"},
	{"a@none.example",            "",                                  0, "fail none none.example"},
	/* a public suffix has one of its own, and no other name has that */
	{"a@co.uk",                   "spf:co.uk",                         0, "pass none co.uk spf"},
	{"a@b.co.uk",                 "spf:c.co.uk",                       0, "none none b.co.uk"},
	/* not known now */
	{"a@down.example",            "spf:down.example",                  0, "temperror none down.example"},
	{"a@down.relaxed.example",    "spf:relaxed.example",               0, "temperror none down.relaxed.example"},
	{"a@relaxed.example",         "spf?relaxed.example",               0, "temperror none relaxed.example"},
	{"a@relaxed.example",         "spf?evil.example",                  0, "fail reject relaxed.example"},
	{"a@relaxed.example",         "spf?relaxed.example dkim:relaxed.example", 0, "pass none relaxed.example dkim"},
	/* several: the strictest that fails */
	{"a@none.example, a@relaxed.example", "spf:none.example",          0, "fail reject relaxed.example"},
	{"a@relaxed.example, a@none.example", "spf:none.example",          0, "fail reject relaxed.example"},
	{"a@relaxed.example, a@b.relaxed.example", "spf:relaxed.example",  0, "pass none relaxed.example spf"},
	{"a@nothing.example, a@none.example", "spf:none.example",          0, "pass none none.example spf"},
	{"a@none.example, a@down.example", "spf:none.example",             0, "temperror none down.example"},
	/* none at all */
	{"undisclosed:;",             "spf:relaxed.example",               0, "permerror none "},
	{"a@[192.0.2.1], a@none.example", "spf:none.example",              0, "permerror none none.example"},
	{"a@[192.0.2.1], a@relaxed.example", "",                           0, "fail reject relaxed.example"},
    /* clang-format on */
