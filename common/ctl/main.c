/* SPDX-License-Identifier: ISC */
/* main.c - the table of commands. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "ctl/ctl.h"
#include "ctl/queue_match.h"

struct command {
	const char *words[CTL_WORDS_MAX];
	const char *arguments;
	bool needs_conf; /* it runs only when the configuration is right */
	ctl_handler *handler;
	const char *doc;
	const char *options; /* more for --help; or NULL */
};

#define ACCOUNT_OPTIONS                                                                \
	"  --quota SIZE          bytes of the mailbox, like 500M; 0: no limit\n"       \
	"  --quota-messages N    messages of the mailbox; 0: no limit\n"               \
	"  --pop3-keep KEEP      what a POP3 client fetched: always, or N days after " \
	"which it goes (0: at once)\n"                                                 \
	"  --apps-only LIST      where only app passwords are right: none, or some "   \
	"of smtp,pop,imap,sieve\n"
#define PASSWORD_OPTIONS                                                               \
	"  --password-stdin      the password is the first line of standard input\n"   \
	"  --password-file FILE  the password is the first line of FILE\n"

/* clang-format off */
static const struct command commands[] = {
	/* words               arguments                          conf   handler           */
	{{"check", NULL},      "",                                true,  cmd_check,
		"would the daemons start? says file, line and what would be right", NULL},
	{{"config", NULL},     "[--all]",                         false, cmd_config,
		"what differs from the defaults, in the grammar of the file",
		"  --all                 every setting\n"
		"  --manual              the table of settings as mdoc(7)\n"},
	{{"start", NULL},      "[DAEMON...]",                     true,  cmd_start,
		"run all daemons, or those named, in the foreground", NULL},
	{{"stop", NULL},       "[DAEMON...]",                     true,  cmd_stop,
		"end all daemons, or those named, and wait until they are gone", NULL},
	{{"who", NULL},        "",                                true,  cmd_who,
		"who is served now", NULL},
	{{"kick", NULL},       "ACCOUNT|ADDRESS...",              true,  cmd_kick,
		"end the sessions of accounts, or from addresses of clients, in all daemons",
		"  ACCOUNT               who logged in: with an @\n"
		"  ADDRESS               where they come from, as merpati who shows it\n"},
	{{"suspend", NULL},    "ADDRESS...",                      true,  cmd_user_suspend,
		"no logins and no new mail for accounts, and an end of their sessions, in all daemons; as user suspend", NULL},
	{{"resume", NULL},     "ADDRESS...",                      true,  cmd_user_resume,
		"the end of a suspension; as user resume", NULL},
	{{"ban", NULL},        "[OPTIONS] ADDRESS|NETWORK...",    true,  cmd_ban,
		"nobody from there is served, in all daemons, until it is over",
		"  --time TIME           how long, like 30m or 7d (1d)\n"
		"  --reason TEXT         why, for merpati bans\n"},
	{{"unban", NULL},      "ADDRESS|NETWORK|ACCOUNT...",      true,  cmd_unban,
		"the end of a ban, or of a lock of an account", NULL},
	{{"bans", NULL},       "",                                true,  cmd_bans,
		"who is banned, and which accounts are locked for strangers, why and until when", NULL},
	{{"metrics", NULL},    "[--openmetrics] [DAEMON...]",     true,  cmd_metrics,
		"what the daemons count and measure; people see what is not 0",
		"  --openmetrics         as a scraper gets it\n"},
	{{"user", "add"},      "[OPTIONS] ADDRESS | --from FILE", true,  cmd_user_add,
		"a new account with its mailbox",
		PASSWORD_OPTIONS
		"  --from FILE           lines \"address password\", an account each; - is standard input\n"
		ACCOUNT_OPTIONS},
	{{"user", "passwd"},   "[OPTIONS] ADDRESS",               true,  cmd_user_passwd,
		"another password", PASSWORD_OPTIONS},
	{{"user", "set"},      "OPTIONS ADDRESS...",              true,  cmd_user_set,
		"other limits", ACCOUNT_OPTIONS},
	{{"user", "show"},     "ADDRESS",                         true,  cmd_user_show,
		"one account", NULL},
	{{"user", "list"},     "",                                true,  cmd_user_list,
		"all accounts", NULL},
	{{"user", "suspend"},  "ADDRESS...",                      true,  cmd_user_suspend,
		"no logins, no new mail; the mailbox stays", NULL},
	{{"user", "resume"},   "ADDRESS...",                      true,  cmd_user_resume,
		"the end of a suspension", NULL},
	{{"user", "app-password"}, "add [OPTIONS] ADDRESS NAME | list ADDRESS | remove ADDRESS NAME...", true, cmd_user_app,
		"further passwords of an account, which we make: shown once, when one is added",
		"  --protocols LIST      good for these alone: some of smtp,pop,imap,sieve\n"
		"  --networks LIST       from these alone, like 192.0.2.0/24,2001:db8::/32\n"
		"  --expires DAYS        so long\n"},
	{{"user", "remove"},   "[--with-mail] ADDRESS...",        true,  cmd_user_remove,
		"an account goes; its mail stays on disk",
		"  --with-mail           its mail goes too\n"},
	{{"user", "grant"},    "ADDRESS IDENTITY...",             true,  cmd_user_grant,
		"an account may send as somebody else, too",
		"  IDENTITY              an address, or *@DOMAIN for each address of a domain\n"},
	{{"user", "revoke"},   "ADDRESS IDENTITY...",             true,  cmd_user_revoke,
		"the end of that", NULL},
	{{"user", "identities"}, "[ADDRESS...]",                  true,  cmd_user_identities,
		"as whom accounts may send besides, by grants", NULL},
	{{"user", "join"},     "ADDRESS GROUP...",                true,  cmd_user_join,
		"an account is in these groups of its domain: mail to GROUP@DOMAIN goes to its members, group:GROUP gives them mailboxes; sessions of the account end", NULL},
	{{"user", "leave"},    "ADDRESS GROUP...",                true,  cmd_user_leave,
		"the end of that; sessions of the account end", NULL},
	{{"user", "groups"},   "[ADDRESS...]",                    true,  cmd_user_groups,
		"who is in which groups", NULL},
	{{"user", "budget"},   "ADDRESS [ITEM... | default]",     true,  cmd_user_budget,
		"what an account may submit, shown or changed: these items, and the settings for the others",
		"  ITEM                  messages=, recipients= or new=, then NUMBER or none, then /hour or /day\n"
		"  default               as the settings say\n"},
	{{"user", "release"},  "ADDRESS...",                      true,  cmd_user_release,
		"accounts that sent too much may send again, and what is held of them goes on", NULL},
	{{"user", "purge"},    "ADDRESS...",                      true,  cmd_user_purge,
		"what is held of accounts that sent too much is removed, and nobody is told", NULL},
	{{"mailbox", "verify"}, "ADDRESS... | --all",             true,  cmd_mailbox_verify,
		"do index and files of mailboxes agree? reads every message",
		"  --all                 those of all accounts\n"},
	{{"mailbox", "rebuild"}, "ADDRESS",                       true,  cmd_mailbox_rebuild,
		"another index, made from the files; the old one is put aside", NULL},
	{{"mailbox", "undelete"}, "ADDRESS [OPTIONS] [ID...]",    true,  cmd_mailbox_undelete,
		"what was deleted within undelete_days goes back into its folders, or INBOX",
		"  --list                only show what there is\n"
		"  --folder FOLDER       what was in this folder\n"
		"  --since TIME          what was deleted within it, like 12h or 7d\n"
		"  --all                 all of it\n"
		"  ID                    as --list shows it\n"},
	{{"quota", "show"},    "[ADDRESS|DOMAIN...]",             true,  cmd_quota,
		"what accounts, and domains that have a quota, use of it", NULL},
	{{"quota", "set"},     "OPTIONS ADDRESS...",              true,  cmd_quota,
		"another quota", "  --quota SIZE          bytes of the mailbox, like 500M; 0: no limit\n"
		"  --quota-messages N    messages of the mailbox; 0: no limit\n"},
	{{"quota", "recalc"},  "ADDRESS|DOMAIN... | --all",       true,  cmd_quota,
		"what is used, counted anew from all messages",
		"  --all                 of all accounts\n"},
	{{"retention", "show"}, "[ADDRESS|DOMAIN...]",            true,  cmd_retention,
		"the rules by which mail of accounts goes, and where each comes from", NULL},
	{{"retention", "set"}, "ADDRESS|DOMAIN RULE...",          true,  cmd_retention_set,
		"rules of an account, or of all of a domain, in place of those set before",
		"  RULE                  as an item of the setting retention, without for=: 'folder=\\Trash saved=30d remove'\n"
		"the rules of an account come before those of its domain, these before those of the setting\n"},
	{{"retention", "unset"}, "ADDRESS|DOMAIN...",             true,  cmd_retention_unset,
		"the rules that were set for them go", NULL},
	{{"retention", "run"}, "[--dry-run] ADDRESS|DOMAIN... | --all", true, cmd_retention,
		"carries them out now: what they say is removed or archived",
		"  --dry-run             only say what would be done; without a name, in all accounts\n"
		"  --all                 in all accounts\n"},
	{{"retention"},        "--dry-run [ADDRESS|DOMAIN...]",   true,  cmd_retention,
		"says what a run would do", NULL},
	{{"sieve", "check"},   "SCRIPT",                          false, cmd_sieve_check,
		"is a Sieve script right? says line and what is wrong", NULL},
	{{"sieve", "run"},     "[OPTIONS] SCRIPT MESSAGE",        false, cmd_sieve_run,
		"what a Sieve script would do with a message; nothing is done",
		"  --trace               every test and action with its line and what it looked at\n"
		"  --from ADDRESS        the sender of the envelope; else none\n"
		"  --to ADDRESS          the recipient, whose script it is\n"},
	{{"sieve", "list"},    "ADDRESS",                         true,  cmd_sieve_list,
		"the scripts that an account has, and which one is active", NULL},
	{{"sieve", "get"},     "ADDRESS NAME",                    true,  cmd_sieve_get,
		"the text of a script of an account", NULL},
	{{"sieve", "put"},     "[--activate] ADDRESS NAME FILE",  true,  cmd_sieve_put,
		"a script of an account, new or in place of the old one; checked first",
		"  --activate            it is the one that mail goes by from now on\n"
		"  FILE                  - is standard input\n"},
	{{"sieve", "activate"}, "ADDRESS NAME",                   true,  cmd_sieve_change,
		"the script that mail of an account goes by from now on", NULL},
	{{"sieve", "deactivate"}, "ADDRESS",                      true,  cmd_sieve_change,
		"mail of an account goes by no script", NULL},
	{{"sieve", "delete"},  "ADDRESS NAME",                    true,  cmd_sieve_change,
		"a script of an account goes; not the active one", NULL},
	{{"sieve", "lists", "get"}, "ADDRESS NAME",               true,  cmd_sieve_lists_get,
		"who is in a list of an account", NULL},
	{{"sieve", "lists", "put"}, "[--text] ADDRESS NAME FILE", true,  cmd_sieve_lists_put,
		"a list that scripts of an account ask about, new or in place of the old one; checked first",
		"  --text                members with an @ may be other than addresses and @DOMAIN\n"
		"  FILE                  a member a line, # begins a comment; - is standard input\n"},
	{{"sieve", "lists", "delete"}, "ADDRESS NAME",            true,  cmd_sieve_lists_delete,
		"a list of an account goes", NULL},
	{{"sieve", "lists"},   "ADDRESS",                         true,  cmd_sieve_lists,
		"the lists that an account has, and how many are in them", NULL},
	{{"import", NULL},     "[OPTIONS] ADDRESS maildir PATH | imap HOST[:PORT]", true, cmd_import,
		"mail comes in from a Maildir or another server; run again, it brings what is new there",
		"  --dry-run             only say what would be done\n"
		"  --keep-removed        what was removed there since the last run stays here\n"
		"  --source NAME         what to call the source: the same NAME finds again what it brought\n"
		"from a Maildir (Dovecot's or Courier's):\n"
		"  --layout fs           its folders are directories in directories (Dovecot's LAYOUT=fs)\n"
		"  --pop3-uidl FORMAT    UIDLs as Dovecot's pop3_uidl_format had them, like %08Xu%08Xv\n"
		"  --date-of-name        dates are those in the names of the files, not those of the files\n"
		"from a server:\n"
		"  --user NAME           the account there\n"
		PASSWORD_OPTIONS
		"  --tls WAY             implicit (port 993), starttls (port 143), or none\n"
		"  --ca FILE             authorities that may vouch for it; else those of the system\n"
		"  --no-verify           whoever it is\n"
		"  --pop3 HOST[:PORT]    UIDLs of INBOX as this POP3 server of the account has them (port 995; starttls: 110)\n"},
	{{"export", NULL},     "ADDRESS DIRECTORY",               true,  cmd_export,
		"a mailbox as a Maildir, which import and other servers can read", NULL},
	{{"alias", "list"},    "[NAME]",                          true,  cmd_alias_list,
		"aliases, a target a line", NULL},
	{{"alias", "add"},     "NAME TARGET...",                  true,  cmd_alias_add,
		"a new alias, or more targets of one",
		"  TARGET                an account, another alias, an address elsewhere, or :include:/FILE\n"},
	{{"alias", "remove"},  "NAME [TARGET...]",                true,  cmd_alias_remove,
		"an alias, or some targets of it", NULL},
	{{"forward", "list"},  "",                                true,  cmd_forward_list,
		"where mail goes that the table of accounts forwards, a target a line", NULL},
	{{"forward", "set"},   "[--copy] ADDRESS | @DOMAIN TARGET...", true, cmd_forward_set,
		"mail of ADDRESS, or of all of DOMAIN that is nobody's, goes to these and nowhere else",
		"  --copy                and into the mailbox of ADDRESS\n"},
	{{"forward", "remove"}, "ADDRESS | @DOMAIN",              true,  cmd_forward_remove,
		"it is forwarded no longer", NULL},
	{{"recipient", NULL},  "ADDRESS...",                      true,  cmd_recipient,
		"who an address is, as RCPT and delivery see it: through aliases, forwards and maps", NULL},
	{{"dkim", "new"},      "DOMAIN",                          true,  cmd_dkim_new,
		"keys that sign the mail of a domain; says what to put into the DNS", NULL},
	{{"dkim", "rotate"},   "DOMAIN",                          true,  cmd_dkim_new,
		"other keys, with new selectors; the old ones sign until \"use\"", NULL},
	{{"dkim", "use"},      "DOMAIN SELECTOR...",              true,  cmd_dkim_change,
		"from now on these sign", NULL},
	{{"dkim", "show"},     "DOMAIN [SELECTOR...]",            true,  cmd_dkim_show,
		"what to put into the DNS", NULL},
	{{"dkim", "list"},     "[DOMAIN]",                        true,  cmd_dkim_list,
		"keys, and which of them sign", NULL},
	{{"dkim", "remove"},   "DOMAIN SELECTOR...",              true,  cmd_dkim_change,
		"keys go for good", NULL},
	{{"trace", NULL},      "ID [FILE...]",                    true,  cmd_trace,
		"what was logged of a message, or of a session and its messages",
		"  FILE                  a log; - is standard input, as of journalctl -o short-iso-precise\n"},
	{{"queue", "list"},    "[--count] [WHICH]",               true,  cmd_queue_list,
		"messages that wait",
		"  --count               only how many\n" QUEUE_MATCH_USAGE},
	{{"queue", "show"},    "[--message] ID",                  true,  cmd_queue_show,
		"one message: its recipients, and what was tried",
		"  --message             its text instead\n"},
	{{"queue", "why"},     "ID",                              true,  cmd_queue_why,
		"what a message waits for, until when, and what would change it", NULL},
	{{"queue", "flush"},   "[ID... | WHICH]",                 true,  cmd_queue_change,
		"try now: all that are not held, or those", QUEUE_MATCH_USAGE},
	{{"queue", "hold"},    "ID... | WHICH",                   true,  cmd_queue_change,
		"not tried until they are released, restarts or not", QUEUE_MATCH_USAGE},
	{{"queue", "release"}, "ID... | WHICH",                   true,  cmd_queue_change,
		"the end of a hold: tried now", QUEUE_MATCH_USAGE},
	{{"queue", "requeue"}, "ID... | WHICH",                   true,  cmd_queue_change,
		"as if they had come now: recipients looked up anew, a new lifetime", QUEUE_MATCH_USAGE},
	{{"queue", "remove"},  "ID... | WHICH",                   true,  cmd_queue_change,
		"messages go, and nobody is told", QUEUE_MATCH_USAGE},
	{{"queue", "suppressed"}, "list | remove ADDRESS...",     true,  cmd_queue_suppressed,
		"addresses elsewhere that were refused; some of them are tried again", NULL},
	{{"queue", "tlsrpt"},  "list | send",                     true,  cmd_queue_tlsrpt,
		"daily reports on TLS that wait for their time; those of days that are over are sent now", NULL},
	{{"queue", "suspend"}, "DESTINATION...",                  true,  cmd_queue_suspend,
		"no mail goes there, restarts or not; it waits",
		"  DESTINATION           a domain, .DOMAIN (all below it too), a route's host, or a mail exchanger\n"},
	{{"queue", "resume"},  "DESTINATION...",                  true,  cmd_queue_resume,
		"the end of a suspension: what waits for it is tried now", NULL},
	{{"queue", "suspended"}, "",                              true,  cmd_queue_suspended,
		"destinations that are suspended, and since when", NULL},
};

/* clang-format on */

static void
put_words(const struct command *c, struct buf *out)
{
	for (size_t i = 0; i < CTL_WORDS_MAX && c->words[i]; i++)
		buf_putf(out, "%s%s", i ? " " : "", c->words[i]);
	if (c->arguments[0])
		buf_putf(out, " %s", c->arguments);
}

/* All commands, or those that begin with this word. */
static void
help(const char *word, FILE *to)
{
	struct buf b = {0};
	fprintf(to, "usage: merpati [-c FILE] [--json] COMMAND...\n\n");
	for (size_t i = 0; i < COUNT(commands); i++) {
		if (word && strcmp(commands[i].words[0], word) != 0)
			continue;
		buf_reset(&b);
		put_words(&commands[i], &b);
		fprintf(to, "  %-42s  %s\n", buf_cstr(&b), commands[i].doc);
	}
	fprintf(to, "\n  -c FILE     configuration (default " CONF_PATH_DEFAULT ")\n"
		    "  --json      lists for programs\n"
		    "  --help      also behind a command\n"
		    "  --version   say the version\n");
	buf_free(&b);
}

static int
help_of(const struct command *c)
{
	struct buf b = {0};
	put_words(c, &b);
	printf("usage: merpati [-c FILE] [--json] %s\n\n%s.\n", buf_cstr(&b), c->doc);
	if (c->options)
		printf("\n%s", c->options);
	buf_free(&b);
	return ctl_done();
}

/* The row whose words argv begins with; *n_words of them. */
static const struct command *
find(int argc, char **argv, int *n_words)
{
	for (size_t i = 0; i < COUNT(commands); i++) {
		int n = 0;
		while (n < CTL_WORDS_MAX && commands[i].words[n] && n < argc &&
		       !strcmp(argv[n], commands[i].words[n]))
			n++;
		*n_words = n;
		if (n == CTL_WORDS_MAX || (n && !commands[i].words[n]))
			return &commands[i];
	}
	return NULL;
}

static bool
is_group(const char *word)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		if (!strcmp(commands[i].words[0], word))
			return true;
	return false;
}

static int
run(struct merpati *c, const struct command *command, int argc, char **argv)
{
	struct buf usage = {0}, errors = {0};
	int status = EX_OK;
	put_words(command, &usage);
	c->usage = buf_cstr(&usage);
	for (size_t i = 0; i < CTL_WORDS_MAX && command->words[i]; i++)
		c->verb = command->words[i];
	if (command->needs_conf) {
		int err = conf_load(c->conf_path, &errors, &c->conf);
		status = err == E_OK ? EX_OK : err == E_IO ? EX_NOINPUT : EX_CONFIG;
		ctl_put(stderr, &errors);
	}
	if (status == EX_OK)
		status = command->handler(c, argc, argv);
	conf_free(&c->conf);
	buf_free(&usage);
	buf_free(&errors);
	return status;
}

static int
dispatch(struct merpati *c, int argc, char **argv)
{
	int n_words;
	const struct command *command = argc ? find(argc, argv, &n_words) : NULL;
	bool is_help = false;
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		is_help = is_help || !strcmp(argv[i], "--help");
	if (command && is_help)
		return help_of(command);
	if (command)
		return run(c, command, argc - n_words, argv + n_words);
	if (argc && is_group(argv[0]) && (is_help || argc == 1)) {
		help(argv[0], is_help ? stdout : stderr);
		return is_help ? ctl_done() : EX_USAGE;
	}
	if (argc)
		ctl_say("there is no command \"%s%s%s\"; merpati --help lists them",
		    argv[0], argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
	else
		ctl_say("which command? merpati --help lists them");
	return EX_USAGE;
}

int
main(int argc, char **argv)
{
	struct merpati c = {.conf_path = CONF_PATH_DEFAULT};
	int i = 1;
	umask(022); /* others than root read what we write */
	log_open("merpati", STDERR_FILENO, false);
	log_level(LOG_WARNING);
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--help")) {
			help(NULL, stdout);
			return ctl_done();
		}
		if (!strcmp(argv[i], "--version")) {
			printf("merpati %s\n", MERPATI_VERSION);
			return ctl_done();
		}
		if (!strcmp(argv[i], "--json"))
			c.is_json = true;
		else if (!strcmp(argv[i], "-c") && i + 1 < argc)
			c.conf_path = argv[++i];
		else {
			ctl_say("there is no option %s, or its value is missing; "
				"merpati --help lists them",
			    argv[i]);
			return EX_USAGE;
		}
	}
	return dispatch(&c, argc - i, argv + i);
}
