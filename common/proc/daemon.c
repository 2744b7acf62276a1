/* SPDX-License-Identifier: ISC */
/* daemon.c - the main of every daemon, as an order of service. */
#include "proc/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "proc/logfile.h"
#include "proc/monitor.h"

static const char *const user_settings[USER_COUNT] = {[USER_NET] = "user_net",
    [USER_KEY] = "user_key",
    [USER_AUTH] = "user_auth",
    [USER_LOOKUP] = "user_lookup",
    [USER_QUEUE] = "user_queue",
    [USER_DELIVER] = "user_deliver"};

int
daemon_uid(const char *name, uid_t *out)
{
	uint64_t number;
	if (span_u64(span_of(name), UINT32_MAX - 1, &number) == E_OK) {
		*out = (uid_t)number;
		return E_OK;
	}
	struct passwd *pw = getpwnam(name);
	if (!pw)
		return E_BAD;
	*out = pw->pw_uid;
	return E_OK;
}

static int
find_group(const char *name, gid_t *out)
{
	uint64_t number;
	if (span_u64(span_of(name), UINT32_MAX - 1, &number) == E_OK) {
		*out = (gid_t)number;
		return E_OK;
	}
	struct group *gr = getgrnam(name);
	if (!gr)
		return E_BAD;
	*out = gr->gr_gid;
	return E_OK;
}

int
daemon_user(const struct conf *conf, enum role_user user, uid_t *uid, gid_t *gid)
{
	if (geteuid() != 0) {
		*uid = geteuid();
		*gid = getegid();
		return E_OK;
	}
	int err = daemon_uid(conf_str(conf, "common", user_settings[user]), uid);
	return err != E_OK ? err : find_group(conf_str(conf, "common", "group"), gid);
}

int
daemon_give(const struct conf *conf, enum role_user user, int fd)
{
	uid_t uid;
	gid_t gid;
	if (geteuid() != 0)
		return E_OK;
	return daemon_user(conf, user, &uid, &gid) == E_OK && fchown(fd, uid, gid) == 0
	           ? E_OK
	           : E_IO;
}

static int
check_users(const struct conf *conf, struct buf *errors)
{
	int err = E_OK;
	for (unsigned u = 0; u < USER_COUNT; u++) {
		uid_t uid;
		gid_t gid;
		if (daemon_user(conf, u, &uid, &gid) == E_OK)
			continue;
		buf_putf(errors,
		    "%s: %s = \"%s\" or group = \"%s\": no such user or group; create "
		    "it "
		    "(systemd-sysusers does), or write a number\n",
		    conf_path(conf), user_settings[u],
		    conf_str(conf, "common", user_settings[u]),
		    conf_str(conf, "common", "group"));
		err = E_BAD;
	}
	return err;
}

static int
self_test(const struct daemon *d, const struct conf *conf, struct buf *errors)
{
	int err = check_users(conf, errors);
	if (err == E_OK && d->self_test)
		err = d->self_test(conf, errors);
	return err;
}

static int
usage(const struct daemon *d, FILE *to, int status)
{
	fprintf(to, "usage: %s [-c FILE] [--check]\n", d->name);
	if (status == EX_OK)
		fprintf(to,
		    "\n%s - %s\n\n"
		    "  -c FILE    configuration (default %s)\n"
		    "  --check    test the configuration and this daemon's "
		    "certificates, then exit\n"
		    "  --version  say the version\n\n"
		    "It stays in the foreground.  HUP reloads, USR1 reopens the log "
		    "file, TERM stops.\n",
		    d->name, d->about, CONF_PATH_DEFAULT);
	return status;
}

struct options {
	const char *conf_path;
	bool is_check;
};

/* -1: go on; else the exit status */
static int
read_options(const struct daemon *d, int argc, char **argv, struct options *o)
{
	*o = (struct options){.conf_path = CONF_PATH_DEFAULT};
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help"))
			return usage(d, stdout, EX_OK);
		if (!strcmp(argv[i], "--version")) {
			printf("%s %s\n", d->name, MERPATI_VERSION);
			return EX_OK;
		}
		if (!strcmp(argv[i], "--check"))
			o->is_check = true;
		else if (!strcmp(argv[i], "-c") && i + 1 < argc)
			o->conf_path = argv[++i];
		else
			return usage(d, stderr, EX_USAGE);
	}
	return -1;
}

static int
make_dir(const char *path)
{
	if (mkdir(path, 0755) == 0 || errno == EEXIST)
		return E_OK;
	log_event(
	    LOG_CRIT, "no_directory", "path=%s err=%s", log_qs(path), log_errno(errno));
	return E_IO;
}

/* RUN/NAME, and in it the pid file, locked for as long as this monitor lives. */
static int
take_pid_file(struct monitor *m)
{
	const char *run = conf_str(m->conf, "common", "run_dir");
	struct buf path = {0};
	char text[16];
	int err = make_dir(run);
	buf_putf(&path, "%s/%s", run, m->daemon->name);
	if (err == E_OK)
		err = make_dir(buf_cstr(&path));
	buf_str(&path, "/pid");
	if (err == E_OK && m->pid_file < 0)
		m->pid_file = open(buf_cstr(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (err == E_OK &&
	    (m->pid_file < 0 || flock(m->pid_file, LOCK_EX | LOCK_NB) != 0)) {
		log_event(LOG_CRIT, "already_running",
		    "pid_file=%s err=%s do=\"stop it first\"", log_qs(buf_cstr(&path)),
		    log_errno(errno));
		err = E_IO;
	}
	buf_free(&path);
	if (err != E_OK)
		return err;
	int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
	if (ftruncate(m->pid_file, 0) != 0 ||
	    pwrite(m->pid_file, text, (size_t)n, 0) != n)
		return E_IO;
	return E_OK;
}

static void
raise_files_limit(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static void
say_surroundings(const struct monitor *m)
{
	if (!m->has_root)
		log_event(LOG_WARNING, "without_root",
		    "what=\"all runs as uid %d: accounts are kept apart "
		    "by directories alone, not by uid\"",
		    (int)getuid());
	if (jail_missing()[0])
		log_event(
		    LOG_WARNING, "kernel_lacks", "what=%s", log_qs(jail_missing()));
}

static int
open_listeners(struct monitor *m, struct buf *errors)
{
	struct listeners old = m->listeners;
	int err = listen_open(m->conf, m->daemon, &old, errors, &m->listeners);
	for (size_t i = 0; i < old.n; i++) {
		bool is_kept = false;
		for (size_t k = 0; k < m->listeners.n; k++)
			is_kept |= m->listeners.all[k].fd == old.all[i].fd;
		if (!is_kept)
			close(old.all[i].fd);
	}
	return err;
}

static void
say_errors(const struct buf *errors, bool is_fatal)
{
	struct span text = buf_as_span(errors);
	while (text.n) {
		struct span line = span_cut(&text, '\n');
		fprintf(stderr, "%.*s\n", SPAN_ARG(line));
		if (log_fd() != STDERR_FILENO)
			log_event(is_fatal ? LOG_CRIT : LOG_WARNING,
			    is_fatal ? "not_started" : "self_test", "says=%s",
			    log_q(line));
	}
}

/*
 * What a reload will need besides a good configuration, tried in its test: addresses that are new,
 * the log.
 */
static int
try_reload(struct monitor *m, struct buf *errors)
{
	if (logfile_open(m->conf, m->daemon->name) != E_OK)
		return EX_CANTCREAT;
	if (!reload_understands()) {
		buf_putf(errors,
		    "%s: this program is of another version than the one that runs: "
		    "stop that and start this one, instead of a reload\n",
		    m->daemon->name);
		return EX_PROTOCOL;
	}
	return open_listeners(m, errors) == E_OK ? EX_OK : EX_UNAVAILABLE;
}

/* Everything that may fail before the first child lives. */
static int
start(struct monitor *m, struct buf *errors)
{
	if (take_pid_file(m) != E_OK)
		return EX_CANTCREAT;
	raise_files_limit();
	if (m->daemon->before_start)
		m->daemon->before_start(m->conf);
	if (open_listeners(m, errors) != E_OK)
		return EX_UNAVAILABLE;
	say_surroundings(m);
	return EX_OK;
}

/*
 * What libraries call of each other is looked up at the first call: by each process that is forked
 * anew, as its monitor never called it.  In a keeper that opens its index that is a sixth of the
 * time.  The loader does it ahead, once and for all of them, when it is told so before the program
 * begins.
 */
static void
bind_ahead(struct monitor *m)
{
	/* a loader that takes its variables away must not be asked again and again */
	if (getenv("LD_BIND_NOW") || getenv("MERPATI_BOUND") || getauxval(AT_SECURE) ||
	    !m->program)
		return;
	setenv("MERPATI_BOUND", "1", 1);
	setenv("LD_BIND_NOW", "1", 1);
	execv(m->program, m->argv);
	log_event(LOG_WARNING, "not_bound_ahead", "err=%s", log_errno(errno));
}

int
daemon_main(const struct daemon *d, int argc, char **argv)
{
	struct monitor *m = &the_monitor;
	struct options o;
	struct buf errors = {0};
	int status = read_options(d, argc, argv, &o);
	if (status >= 0)
		return status;
	umask(022);
	tzset(); /* reads the zone now: no jail has the file */
	log_open(d->name, STDERR_FILENO, false);
	log_role("monitor");
	*m = (struct monitor){.daemon = d,
	    .conf_path = o.conf_path,
	    .has_root = geteuid() == 0,
	    .pid_file = -1,
	    .ahead.seed = -1,
	    .metrics = -1,
	    .argv = argv,
	    .program = realpath("/proc/self/exe", NULL)};
	if (!o.is_check)
		bind_ahead(m);
	/*
	 * Else small pieces that were freed are kept in lists and put together when a large one is asked
	 * for: in a process that was forked this writes to each page of the monitor's that has such a
	 * piece, 180 of them, 0.7 MB and a millisecond, before a session's first word.
	 */
	mallopt(M_MXFAST, 0);
	status = EX_CONFIG;
	if (conf_load(o.conf_path, &errors, &m->conf) == E_OK) {
		the_child.conf = m->conf; /* jails are drawn up here, before the fork */
		status = self_test(d, m->conf, &errors) == E_OK ? EX_OK : EX_CONFIG;
	}
	bool is_reload = status == EX_OK && reload_read();
	if (is_reload && o.is_check)
		status = try_reload(m, &errors);
	if (status == EX_OK && !o.is_check) {
		status = logfile_open(m->conf, d->name) == E_OK ? start(m, &errors)
		                                                : EX_CANTCREAT;
	}
	say_errors(&errors, status != EX_OK);
	buf_free(&errors);
	return status == EX_OK && !o.is_check ? monitor_run() : status;
}
