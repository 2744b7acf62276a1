/* SPDX-License-Identifier: ISC */
/* table.c - the rows, and the texts of labels, in the order in which the code counts. */
#include "metrics/table.h"

#include <string.h>

/* clang-format off */
#define CODE_TEXT(code) #code,

static const char *const tls_values[METRIC_TLS_COUNT] = {"1.2", "1.3", "failed"};
static const char *const login_values[METRIC_LOGIN_COUNT] = {"ok", "failed", "suspended", "error"};
static const char *const budget_values[METRIC_BUDGET_COUNT] = {"ok", "over", "over_domain", "stopped", "down"};
static const char *const ban_values[METRIC_BAN_COUNT] = {"network", "login"};
static const char *const outcome_values[METRIC_OUTCOME_COUNT] = {"placed", "relayed", "deferred", "bounced"};
static const char *const state_values[METRIC_STATE_COUNT] = {"journal", "deferred", "held"};
static const char *const put_values[METRIC_PUT_COUNT] = {"ok", "full", "busy", "failed"};
static const char *const job_values[METRIC_JOB_COUNT] = {"placed", "deferred", "failed"};
static const char *const retention_values[METRIC_RETENTION_COUNT] = {"removed", "archived"};
static const char *const done_values[METRIC_DONE_COUNT] = {"ok", "failed"};
static const char *const hop_values[METRIC_HOP_COUNT] = {"mx", "smtp", "lmtp", "unix"};
static const char *const attempt_values[METRIC_ATTEMPT_COUNT] = {"2xx", "4xx", "5xx", "unfit", "no_connection", "no_tls", "cut_off"};
static const char *const rate_values[METRIC_RATES] = {"connections", "messages", "recipients", "commands", "errors"};
static const char *const greylist_values[METRIC_GREYLIST] = {"wait", "pass", "known", "down"};
static const char *const listener_values[METRIC_LISTENERS] = {"smtp", "submission", "submissions", "lmtp"};
static const char *const lenient_values[METRIC_LENIENT] = {"bare", "pipelining", "lines"};
static const char *const class_values[METRIC_CLASSES] = {"2xx", "3xx", "4xx", "5xx"};
static const char *const code_values[METRIC_CODES] = {METRIC_SMTP_CODES(CODE_TEXT) "other"};
static const char *const smtp_verb_values[METRIC_SMTP_VERBS] = {"HELO", "EHLO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "BURL", "RSET", "NOOP",
	"QUIT", "HELP", "VRFY", "STARTTLS", "AUTH", "ETRN", "XCLIENT", "XFORWARD", "unknown"};
static const char *const pop3_verb_values[METRIC_POP3_VERBS] = {"STAT", "LIST", "RETR", "DELE", "NOOP", "RSET", "QUIT", "TOP",
	"UIDL", "CAPA", "LANG", "UTF8", "unknown"};
static const char *const sieve_verb_values[METRIC_SIEVE_VERBS] = {"CAPABILITY", "NOOP", "LOGOUT", "UNAUTHENTICATE", "AUTHENTICATE",
	"STARTTLS", "HAVESPACE", "PUTSCRIPT", "CHECKSCRIPT", "LISTSCRIPTS", "GETSCRIPT", "SETACTIVE", "DELETESCRIPT", "RENAMESCRIPT",
	"unknown"};
static const char *const imap_verb_values[METRIC_IMAP_VERBS] = {"FETCH", "SEARCH", "ESEARCH", "SORT", "THREAD", "CANCELUPDATE", "STORE", "NOOP", "IDLE", "NOTIFY",
	"SELECT", "EXAMINE", "STATUS", "LIST", "APPEND", "COPY", "MOVE", "EXPUNGE", "CLOSE", "UNSELECT", "CHECK", "REPLACE", "CREATE",
	"DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE", "LSUB", "NAMESPACE", "GETQUOTA", "GETQUOTAROOT", "SETQUOTA", "SETACL", "DELETEACL", "GETACL",
	"LISTRIGHTS", "MYRIGHTS", "GETMETADATA",
	"SETMETADATA", "GENURLAUTH", "RESETKEY", "URLFETCH", "ENABLE", "ID",
	"COMPRESS", "LANGUAGE", "COMPARATOR", "CAPABILITY", "UNAUTHENTICATE", "LOGOUT", "LOGIN", "AUTHENTICATE", "STARTTLS", "unknown"};

#define LABELS_none       {.name = NULL}
#define LABELS_roles      {.name = "role"}
#define LABELS_tls        {.name = "result", .values = tls_values}
#define LABELS_logins     {.name = "result", .values = login_values}
#define LABELS_budget     {.name = "result", .values = budget_values}
#define LABELS_bans       {.name = "of", .values = ban_values}
#define LABELS_outcomes   {.name = "outcome", .values = outcome_values}
#define LABELS_states     {.name = "state", .values = state_values}
#define LABELS_puts       {.name = "result", .values = put_values}
#define LABELS_jobs       {.name = "result", .values = job_values}
#define LABELS_retention  {.name = "action", .values = retention_values}
#define LABELS_done       {.name = "result", .values = done_values}
#define LABELS_hops       {.name = "class", .values = hop_values}
#define LABELS_attempts   {"class", hop_values, "outcome", attempt_values, METRIC_ATTEMPT_COUNT}
#define LABELS_rates      {.name = "rate", .values = rate_values}
#define LABELS_greylist   {.name = "result", .values = greylist_values}
#define LABELS_listeners  {.name = "listener", .values = listener_values}
#define LABELS_lenient    {.name = "what", .values = lenient_values}
#define LABELS_classes    {.name = "class", .values = class_values}
#define LABELS_codes      {.name = "code", .values = code_values}
#define LABELS_smtp_verbs {.name = "verb", .values = smtp_verb_values}
#define LABELS_pop3_verbs {.name = "verb", .values = pop3_verb_values}
#define LABELS_sieve_verbs {.name = "verb", .values = sieve_verb_values}
#define LABELS_imap_verbs {.name = "verb", .values = imap_verb_values}

#define ROW(slot, slots, daemons, type, unit, name, labels, help) \
	{slot, slots, daemons, METRIC_##type, unit, name, LABELS_##labels, help},

const struct metric metric_rows[] = {METRICS(ROW)};
/* clang-format on */
const size_t metric_n_rows = COUNT(metric_rows);

static const struct {
	const char *name;
	unsigned bit;
} daemons[] = {{"smtpd", IN_SMTPD}, {"queue", IN_QUEUE}, {"deliver", IN_DELIVER},
    {"pop3d", IN_POP3D}, {"imapd", IN_IMAPD}};

unsigned
metrics_daemon(const char *name)
{
	for (size_t i = 0; i < COUNT(daemons); i++)
		if (!strcmp(name, daemons[i].name))
			return daemons[i].bit;
	return 0;
}

static uint64_t
mix(uint64_t print, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		print = (print ^ (unsigned char)s.p[i]) * 1099511628211u; /* FNV-1a */
	return (print ^ s.n) * 1099511628211u;
}

uint64_t
metrics_layout(void)
{
	uint64_t print = 14695981039346656037u;
	for (size_t i = 0; i < metric_n_rows; i++) {
		const struct metric *m = &metric_rows[i];
		uint32_t numbers[] = {m->slot, m->slots, m->type};
		print = mix(
		    mix(print, span_make(numbers, sizeof numbers)), span_of(m->name));
		unsigned n_second = m->labels.second ? m->labels.n_second : 1;
		for (unsigned k = 0; m->labels.values && k < m->slots / n_second; k++)
			print = mix(print, span_of(m->labels.values[k]));
		for (unsigned k = 0; m->labels.second && k < n_second; k++)
			print = mix(print, span_of(m->labels.second_values[k]));
	}
	print = mix(print,
	    span_make(metric_latency_bounds_us, sizeof metric_latency_bounds_us));
	print =
	    mix(print, span_make(metric_age_bounds_sec, sizeof metric_age_bounds_sec));
	return mix(print, span_make(metric_size_bounds, sizeof metric_size_bounds));
}
