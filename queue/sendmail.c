/* SPDX-License-Identifier: ISC */
/* sendmail.c - the command by which programs send mail, as they expect it since the eighties. */
#include "queue/sendmail.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/dropfile.h"
#include "spool/dsn.h"

enum mode { MODE_SEND, MODE_SMTP, MODE_LIST, MODE_ALIASES, MODE_FLUSH };

enum { READ_CHUNK = 64 * 1024, COMMAND_ARGS_MOST = 8 };

int
say(const struct sendmail *s, int status, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vputf(&b, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s: %s\n", s->name, buf_cstr(&b));
	buf_free(&b);
	return status;
}

/* ---- the command merpati does what is for admins ---- */

/* Beside us, in the build's folders, or where it is installed. */
static int
run_merpati(const struct sendmail *s, const char *conf_path, const char *const *words)
{
	static const char *const formats[] = {
	    "%.*s/merpati", "%.*s/../bin/merpati", "%.*s/../common/ctl/merpati"};
	static char own[4096];
	const char *argv[COMMAND_ARGS_MOST + 4] = {"merpati", "-c", conf_path};
	struct buf path = {0};
	ssize_t n = readlink("/proc/self/exe", own, sizeof own);
	struct span folder = span_make(own, n > 0 ? (size_t)n : 0);
	for (size_t i = 0; i < COMMAND_ARGS_MOST && words[i]; i++)
		argv[3 + i] = words[i];
	folder = span_head(folder, span_rfind(folder, '/'));
	for (size_t i = 0; i < COUNT(formats); i++) {
		buf_reset(&path);
		buf_putf(&path, formats[i], SPAN_ARG(folder));
		execv(buf_cstr(&path), (char *const *)(uintptr_t)argv);
	}
	execv(MERPATI_BINDIR "/merpati", (char *const *)(uintptr_t)argv);
	buf_free(&path);
	return say(s, EX_UNAVAILABLE, "the command merpati is not there");
}

/* -q, -qID, -qSsender, -qRdestination; with a time it would be a daemon's, and queue is one. */
static int
flush(const struct sendmail *s, const char *conf_path, const char *what)
{
	const char *words[COMMAND_ARGS_MOST] = {"queue", "flush"};
	if (what && what[0] == 'I')
		words[2] = what + 1;
	else if (what && what[0] == 'S')
		words[2] = "--sender", words[3] = what + 1;
	else if (what && what[0] == 'R')
		words[2] = "--destination", words[3] = what + 1;
	else if (what)
		return say(
		    s, EX_USAGE, "-q%s: the daemon queue tries again by itself", what);
	return run_merpati(s, conf_path, words);
}

/* ---- options ---- */

struct options {
	enum mode mode;
	const char *conf_path, *flush;
	bool takes_rcpts;
};

static int
read_mode(const struct sendmail *s, const char *arg, struct options *o)
{
	switch (arg[0]) {
	case 'm':
		return EX_OK;
	case 's':
		o->mode = MODE_SMTP;
		return EX_OK;
	case 'p':
		o->mode = MODE_LIST;
		return EX_OK;
	case 'i':
		o->mode = MODE_ALIASES;
		return EX_OK;
	case 'd':
	case 'D':
	case 'l':
		return say(s, EX_USAGE,
		    "-b%s: the daemons are started by systemctl or \"merpati start\"",
		    arg);
	default:
		return say(s, EX_USAGE,
		    "-b%s is not known here; -bm, -bs, -bp and -bi are", arg);
	}
}

static int
read_body(struct sendmail *s, const char *arg)
{
	if (span_ieqs(span_of(arg), "8BITMIME"))
		s->flags |= ENV_8BITMIME;
	else if (!span_ieqs(span_of(arg), "7BIT"))
		return say(s, EX_USAGE, "-B %s: right would be 7BIT or 8BITMIME", arg);
	return EX_OK;
}

static int
read_option(struct sendmail *s, int c, const char *arg, struct options *o)
{
	switch (c) {
	case 'b':
		return read_mode(s, arg, o);
	case 'B':
		return read_body(s, arg);
	case 'C':
		o->conf_path = arg;
		return EX_OK;
	case 'F':
		s->full_name = arg;
		return EX_OK;
	case 'f':
	case 'r':
		s->from = arg;
		return EX_OK;
	case 'I':
		o->mode = MODE_ALIASES;
		return EX_OK;
	case 'i':
		s->ignores_dots = true;
		return EX_OK;
	case 'o':
		s->ignores_dots |= arg[0] == 'i' && !arg[1];
		return EX_OK;
	case 'N':
		return notify_parse(span_of(arg), &s->notify) == E_OK
		           ? EX_OK
		           : say(s, EX_USAGE,
				 "-N %s: right would be never, or some of "
				 "success,failure,delay",
				 arg);
	case 'R':
		return ret_parse(span_of(arg), &s->ret) == E_OK
		           ? EX_OK
		           : say(s, EX_USAGE, "-R %s: right would be full or hdrs",
				 arg);
	case 'V':
		xtext_put(&s->envid, span_of(arg));
		return envid_check(buf_as_span(&s->envid)) == E_OK
		           ? EX_OK
		           : say(s, EX_USAGE,
				 "-V: an envelope id has 1 to 100 letters");
	case 'q':
		o->mode = MODE_FLUSH;
		o->flush = arg;
		return EX_OK;
	case 't':
		o->takes_rcpts = true;
		return EX_OK;
	case 'v':
		s->is_verbose = true;
		return EX_OK;
	case '?':
		return EX_USAGE; /* said by getopt */
	default:
		/* others have them, and here they change nothing: A G L O U X c d e h m n p x */
		return EX_OK;
	}
}

static int
read_options(struct sendmail *s, int argc, char **argv, struct options *o)
{
	int status = EX_OK;
	for (int c; status == EX_OK &&
		    (c = getopt(argc, argv,
			 "+A:B:C:F:GIL:N:O:R:UV:X:b:cd::e:f:h:imno:p:q::r:tvx")) != -1;)
		status = read_option(s, c, optarg, o);
	return status;
}

/* ---- who we are ---- */

/* RFC 5322's display name out of a passwd entry: up to the first comma, & is the login. */
static struct span
full_name(struct sendmail *s, const struct passwd *pw)
{
	struct buf b = {.max = 256};
	if (s->full_name)
		return span_of(s->full_name);
	for (const char *p = pw && pw->pw_gecos ? pw->pw_gecos : ""; *p && *p != ',';
	     p++) {
		if (*p == '&') {
			buf_ch(&b, ch_upper(pw->pw_name[0]));
			buf_str(&b, pw->pw_name + 1);
		} else if (!ch_ctl(*p)) {
			buf_ch(&b, *p);
		}
	}
	bool is_good = buf_done(&b) == E_OK && utf8_valid(buf_as_span(&b));
	struct span name = is_good ? arena_span(&s->arena, buf_as_span(&b)) : SPAN("");
	buf_free(&b);
	return name;
}

static int
read_sender(struct sendmail *s)
{
	const struct passwd *pw = getpwuid(geteuid());
	struct buf login = {0};
	struct span self;
	if (pw)
		buf_str(&login, pw->pw_name);
	else
		buf_putf(&login, "%u", (unsigned)geteuid());
	int err =
	    letter_address(buf_as_span(&login), s->letter.origin, &s->arena, &self);
	buf_free(&login);
	if (err == E_OK)
		err = s->from ? letter_address(span_of(s->from), s->letter.origin,
				    &s->arena, &s->sender)
		              : E_OK;
	if (err != E_OK)
		return say(s, EX_DATAERR, "%s is no address of a sender",
		    s->from ? s->from : "your login");
	if (!s->from)
		s->sender = self;
	s->letter.from = s->sender.n ? s->sender : self;
	s->letter.name = full_name(s, pw);
	return EX_OK;
}

static int
read_conf(struct sendmail *s, const char *path)
{
	struct buf errors = {0};
	int err = conf_load(path, &errors, &s->conf);
	if (err != E_OK)
		say(s, EX_CONFIG, "%s", errors.len ? buf_cstr(&errors) : path);
	buf_free(&errors);
	if (err != E_OK)
		return EX_CONFIG;
	const char *hostname = conf_str(s->conf, "common", "hostname");
	size_t n = conf_list_count(s->conf, "common", "domains");
	s->letter.hostname = span_of(hostname);
	s->letter.origin =
	    span_of(n ? conf_list(s->conf, "common", "domains", 0) : hostname);
	s->letter.now_sec = clock_wall_sec();
	s->letter.id = id_new();
	s->size_most = (uint64_t)conf_int(s->conf, "smtpd", "message_size");
	return EX_OK;
}

/* ---- a message on standard input ---- */

static int
read_input(struct sendmail *s, struct buf *out)
{
	ssize_t n = 1;
	out->max = s->size_most + READ_CHUNK;
	while (n > 0 && out->len <= s->size_most) {
		char *room = buf_room(out, READ_CHUNK);
		n = room ? read(STDIN_FILENO, room, READ_CHUNK) : -1;
		if (n < 0 && errno == EINTR) {
			n = 1;
			continue;
		}
		if (n < 0)
			return say(s, EX_IOERR, "the message cannot be read: %s",
			    strerror(errno));
		buf_added(out, (size_t)n);
	}
	return EX_OK;
}

static int
too_large(const struct sendmail *s)
{
	return say(s, EX_UNAVAILABLE,
	    "the message is too large: %llu bytes are the most, %d of its head, %d "
	    "recipients",
	    (unsigned long long)s->size_most, LETTER_HEAD_MOST, LETTER_RCPTS_MOST);
}

static int
bad_rcpt(const struct sendmail *s)
{
	return say(s, EX_DATAERR,
	    "%s is no address of a recipient; right would be user@domain, several with "
	    "commas",
	    log_q(s->rcpts->bad));
}

/* Loops through a pipe and back end here: RFC 5321 6.3. */
static int
check_hops(const struct sendmail *s, struct span message)
{
	struct drop_scan scan = {0};
	drop_scan_feed(&scan, message);
	int err = drop_scan_end(&scan);
	return err == E_OK ? EX_OK
	                   : say(s, EX_UNAVAILABLE,
				 err == E_LIMIT
				     ? "the message has passed too many hops: a loop?"
				     : "this is no message");
}

static int
put(struct sendmail *s, struct span message)
{
	size_t n = s->rcpts->n;
	struct rcpt *all = mem_new((n + 1) * sizeof *all);
	struct buf orcpt = {0};
	if (s->rcpts->has_utf8 || !span_is_ascii(s->sender))
		s->flags |= ENV_SMTPUTF8;
	for (size_t i = 0; i < n; i++) {
		all[i] =
		    (struct rcpt){.address = s->rcpts->all[i], .notify = s->notify};
		if (!s->notify)
			continue;
		buf_reset(&orcpt);
		orcpt_make(&orcpt, all[i].address);
		if (orcpt_check(buf_as_span(&orcpt), s->flags & ENV_SMTPUTF8) == E_OK)
			all[i].orcpt = arena_span(&s->arena, buf_as_span(&orcpt));
	}
	int status = sendmail_put(s, message, all, n);
	if (status == EX_OK && s->is_verbose)
		printf("queued for %zu recipients\n", n);
	buf_free(&orcpt);
	mem_free(&all);
	return status;
}

static int
send(struct sendmail *s, int argc, char **argv)
{
	struct buf in = {0}, message = {.max = s->size_most};
	int err = E_OK;
	for (int i = 0; i < argc && err == E_OK; i++)
		err = letter_rcpts_add(s->rcpts, span_of(argv[i]), s->letter.origin);
	if (err != E_OK)
		return err == E_BAD ? bad_rcpt(s) : too_large(s);
	if (s->rcpts->n == 0 && !s->letter.takes_rcpts)
		return say(s, EX_USAGE,
		    "to whom? right would be recipients, or -t to take them from the "
		    "message");
	int status = read_input(s, &in);
	struct span text = buf_as_span(&in);
	if (status == EX_OK) {
		err = letter_make(&s->letter,
		    s->ignores_dots ? text : letter_until_dot(text), s->rcpts,
		    &message);
		status = err == E_OK    ? EX_OK
		         : err == E_BAD ? bad_rcpt(s)
		                        : too_large(s);
	}
	if (status == EX_OK && s->rcpts->n == 0)
		status = say(
		    s, EX_USAGE, "no recipient was found in the head of the message");
	if (status == EX_OK)
		status = check_hops(s, buf_as_span(&message));
	if (status == EX_OK)
		status = put(s, buf_as_span(&message));
	buf_free(&in);
	buf_free(&message);
	return status;
}

/* ---- which of all this ---- */

static int
run(struct sendmail *s, const struct options *o, int argc, char **argv)
{
	static const char *const list[] = {"queue", "list", NULL};
	if (o->mode == MODE_LIST)
		return run_merpati(s, o->conf_path, list);
	if (o->mode == MODE_FLUSH)
		return flush(s, o->conf_path, o->flush);
	int status = read_conf(s, o->conf_path);
	if (status != EX_OK)
		return status;
	/* aliases are read as text, when their file has changed */
	if (o->mode == MODE_ALIASES)
		return access(conf_str(s->conf, "common", "alias_file"), F_OK) == 0 ||
		               errno == EACCES
		           ? EX_OK
		           : say(s, EX_NOINPUT, "%s is not there",
				 conf_str(s->conf, "common", "alias_file"));
	status = read_sender(s);
	if (status != EX_OK)
		return status;
	return o->mode == MODE_SMTP ? sendmail_smtp(s) : send(s, argc, argv);
}

int
main(int argc, char **argv)
{
	struct span called = span_of(argc ? argv[0] : "sendmail");
	size_t slash = span_rfind(called, '/');
	struct sendmail s = {.name = called.p + (slash < called.n ? slash + 1 : 0)};
	struct options o = {.conf_path = CONF_PATH_DEFAULT};
	static struct letter_rcpts rcpts;
	rcpts.arena = &s.arena;
	s.rcpts = &rcpts;
	s.arena.max_bytes = 64 << 20;
	log_open("sendmail", STDERR_FILENO, false);
	log_level(LOG_WARNING);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit of the caller's on files: it is told */
	if (strcmp(s.name, "mailq") == 0)
		o.mode = MODE_LIST;
	else if (strcmp(s.name, "newaliases") == 0)
		o.mode = MODE_ALIASES;
	int status = read_options(&s, argc, argv, &o);
	s.letter.takes_rcpts = o.takes_rcpts;
	if (status == EX_OK)
		status = run(&s, &o, argc - optind, argv + optind);
	if (fflush(stdout) != 0 && status == EX_OK)
		status = EX_IOERR;
	conf_free(&s.conf);
	arena_reset(&s.arena);
	buf_free(&s.envid);
	return status;
}
