/* SPDX-License-Identifier: ISC */
/*
 * reload.c - a new configuration (or a new program) without dropping a connection.  On HUP, or when
 * a certificate or key has changed, the program tests the new configuration in a process of its own
 * ("--check"), with the listeners that are there: what is to be bound besides is tried too.  When
 * that passes, the monitor executes itself again: same pid, listeners kept, children kept as the
 * old generation, which drains.  What is kept is told in a memory file, a line each.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "proc/monitor.h"
#include "proc/notify.h"
#include "proc/wire.h"

#define STATE_ENV "MERPATI_RELOAD_STATE"

enum {
	STATE_BYTES_MAX = 64 << 20, /* 60,000 sessions that sleep, and more */
	/*
	 * past it nothing more is told of who is served and whose a session is: merpati who and the
	 * counts of sessions do without.  Room for 40,000
	 */
	STATE_WHO_BYTES = 10 << 20,
};

static void
stay_open(int fd)
{
	if (fcntl(fd, F_SETFD, 0) != 0)
		bug("a descriptor that is not open");
}

/* In hex: what a session said of itself must not become a line of its own. */
static void
put_who(struct buf *b, const struct process *p)
{
	buf_putf(b, "who %d %lld ", (int)p->pid, (long long)p->since_wall_sec);
	buf_hex(b, span_of(p->address));
	buf_ch(b, ' ');
	buf_hex(b, span_of(p->account));
	buf_putf(b, " %d\n", p->is_kicked);
}

/* Whose it is: it counts for its account until it ends, and its client may sleep yet. */
static void
put_owner(struct buf *b, const struct process *p)
{
	buf_putf(b, "owner %d %u ", (int)p->pid, (unsigned)p->owner_uid);
	buf_hex(b, span_of(p->owner));
	buf_putf(b, " %u %d ", (unsigned)p->owner_gid, p->has_client);
	buf_hex(b, span_of(p->home ? p->home : ""));
	buf_ch(b, '\n');
}

/* What is known of a process stands behind it, where the reader has it at hand. */
static void
put_process(struct buf *b, const struct process *p)
{
	buf_putf(b, "process %d %d %u %s %d %lld\n", (int)p->pid, p->chan,
	    p->generation, p->role_name, p->cell, (long long)p->started_ms);
	if (b->len >= STATE_WHO_BYTES)
		return;
	if (p->owner && !p->is_idle) /* an idle one ends at once */
		put_owner(b, p);
	if (p->address)
		put_who(b, p);
}

static void
put_sleeper(void *ctx, struct sleeper *s)
{
	sleeper_state_put(ctx, s);
}

static int
write_state(void)
{
	struct monitor *m = &the_monitor;
	struct buf b = {.max = STATE_BYTES_MAX};
	buf_putf(&b, "wire %u\ngeneration %u\npid_file %d\n", (unsigned)WIRE_VERSION,
	    m->generation, m->pid_file);
	stay_open(m->pid_file);
	if (m->metrics >= 0) {
		buf_putf(&b, "metrics %d\n", m->metrics);
		stay_open(m->metrics);
	}
	for (size_t i = 0; i < m->listeners.n; i++) {
		const struct listener *l = &m->listeners.all[i];
		buf_putf(&b, "listener %d %s %s\n", l->fd, l->kind, l->address);
		stay_open(l->fd);
	}
	for (struct process *p = m->processes; p; p = p->next) {
		put_process(&b, p);
		stay_open(p->chan);
	}
	sleepers_each(put_sleeper, &b);
	int fd = memfd_create("reload", 0);
	if (fd < 0 || buf_done(&b) != E_OK || write(fd, b.p, b.len) != (ssize_t)b.len)
		bug("state of the reload");
	buf_free(&b);
	return fd;
}

/* For the image that is executed next, which reads it once. */
static void
hand_state_on(void)
{
	char text[16];
	snprintf(text, sizeof text, "%d", write_state());
	setenv(STATE_ENV, text, 1);
}

void
reload_begin(void)
{
	struct monitor *m = &the_monitor;
	if (m->is_stopping || m->tester)
		return;
	m->tester = fork();
	if (m->tester == 0) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		hand_state_on();
		execl(m->program, m->argv[0], "-c", m->conf_path, "--check",
		    (char *)NULL);
		_exit(127);
	}
	if (m->tester < 0)
		m->tester = 0;
}

/* ---- files that a reload reads besides the configuration ---- */

enum { FILES_LOOK_MS = 5000 };

static struct {
	struct loop_timer *timer; /* own */
	uint64_t loaded, seen;    /* prints: at the last reload, at the last look */
} files;

static uint64_t
mix(uint64_t print, uint64_t value)
{
	return (print ^ value) * 1099511628211u; /* FNV-1a, by words */
}

/* Which files they are, and when their bytes changed: a link that leads to another file counts. */
static uint64_t
files_print(void)
{
	static const char *const settings[] = {"tls_certificates", "tls_keys"};
	const struct conf *conf = the_monitor.conf;
	uint64_t print = 14695981039346656037u;
	for (size_t s = 0; s < COUNT(settings); s++)
		for (size_t i = 0; i < conf_list_count(conf, "common", settings[s]);
		     i++) {
			struct stat st;
			if (stat(conf_list(conf, "common", settings[s], i), &st) != 0)
				st = (struct stat){0};
			print = mix(mix(print, st.st_dev), st.st_ino);
			print = mix(mix(print, (uint64_t)st.st_mtim.tv_sec),
			    (uint64_t)st.st_mtim.tv_nsec);
			print = mix(print, (uint64_t)st.st_size);
		}
	return print;
}

/*
 * A certificate and its key are replaced one after the other: what changed must have stayed so for
 * a look.
 */
static void
on_look(void *ctx)
{
	struct monitor *m = &the_monitor;
	uint64_t now = files_print();
	(void)ctx;
	if (now != files.loaded && now == files.seen && !m->tester && !m->is_stopping) {
		/* what does not pass its test is not tested again before it changes */
		files.loaded = now;
		log_event(LOG_INFO, "certificates_changed", "%s", "");
		reload_begin();
	}
	files.seen = now;
	loop_timer_set(files.timer, FILES_LOOK_MS);
}

void
reload_watch_files(void)
{
	if (!the_monitor.daemon->self_test) /* it is what reads them */
		return;
	files.loaded = files.seen = files_print();
	files.timer = loop_timer_new(the_monitor.loop, on_look, NULL);
	loop_timer_set(files.timer, FILES_LOOK_MS);
}

void
reload_tested(int status)
{
	struct monitor *m = &the_monitor;
	m->tester = 0;
	if (m->is_stopping)
		return; /* TERM came meanwhile: a new image would not know of it */
	if (WIFEXITED(status) && WEXITSTATUS(status) == EX_PROTOCOL) {
		log_event(LOG_ERR, "reload_refused",
		    "program=%s why=\"it is of another version, whose processes and "
		    "these do not understand each other\" do=\"stop %s and start it; "
		    "the one that runs stays as it is\"",
		    log_qs(m->program), m->daemon->name);
		return;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		log_event(LOG_ERR, "reload_refused",
		    "conf=%s why=\"it does not pass its test\" "
		    "do=\"run %s -c %s --check; the old configuration stays in force\"",
		    log_qs(m->conf_path), m->daemon->name, m->conf_path);
		return;
	}
	notify_reloading();
	wake_let_go();
	hand_state_on();
	log_event(LOG_INFO, "reloading", "%s", "");
	execv(m->program, m->argv);
	log_event(LOG_CRIT, "reload_failed", "program=%s err=%s", log_qs(m->program),
	    log_errno(errno));
	unsetenv(STATE_ENV);
	notify_ready(); /* as before */
}

/* What was told before the exec: strings, one behind the other. */
static char nothing[1];
static char *told = nothing; /* own mapping */
static size_t told_bytes;
static unsigned told_wire; /* 0: of before there was one */

static void
read_state(void)
{
	const char *env = getenv(STATE_ENV);
	if (!env)
		return;
	int fd = atoi(env);
	unsetenv(STATE_ENV);
	struct stat st;
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		told_bytes = (size_t)st.st_size;
		told =
		    mmap(NULL, told_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	}
	close(fd);
	if (told == MAP_FAILED)
		bug("no memory for the state of a reload");
	for (size_t i = 0; i < told_bytes; i++)
		if (told[i] == '\n')
			told[i] = '\0';
	if (told_bytes && told[told_bytes - 1] != '\0')
		bug("a state that was cut");
}

static void
keep_listener(int fd, const char *kind, const char *address)
{
	struct listeners *l = &the_monitor.listeners;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (l->n == LISTENERS_MAX)
		return;
	l->all[l->n].fd = fd;
	l->all[l->n].kind = mem_dup(kind); /* lives as long as we do */
	snprintf(l->all[l->n++].address, sizeof l->all[0].address, "%s", address);
}

static void
take_line(const char *line)
{
	struct monitor *m = &the_monitor;
	char kind[64], address[64];
	int fd;
	if (sscanf(line, "generation %u", &m->generation) == 1)
		m->generation++;
	else if (sscanf(line, "wire %u", &told_wire) == 1)
		return;
	else if (sscanf(line, "pid_file %d", &m->pid_file) == 1)
		fcntl(m->pid_file, F_SETFD, FD_CLOEXEC);
	else if (sscanf(line, "metrics %d", &m->metrics) == 1)
		fcntl(m->metrics, F_SETFD, FD_CLOEXEC);
	else if (sscanf(line, "listener %d %63s %63s", &fd, kind, address) == 3)
		keep_listener(fd, kind, address);
}

bool
reload_read(void)
{
	read_state();
	for (const char *line = told; line < told + told_bytes;
	     line += strlen(line) + 1)
		take_line(line);
	return told_bytes > 0;
}

bool
reload_understands(void)
{
	return told_wire == WIRE_VERSION;
}

static void
adopt_process(const char *line)
{
	int pid, chan, cell = -1;
	unsigned generation;
	char role[24];
	long long started_ms = 0;
	/* the cell, and when it was forked, are not told by every version */
	if (sscanf(line, "process %d %d %u %23s %d %lld", &pid, &chan, &generation,
		role, &cell, &started_ms) < 4)
		return;
	fcntl(chan, F_SETFD, FD_CLOEXEC);
	(void)!monitor_say_log(
	    process_adopt(pid, chan, role, generation, cell, started_ms)->chan);
}

/* A word of hex digits; empty where it is something else, or more than out holds. */
static struct span
cut_hex(struct span *rest, char *out, size_t most)
{
	struct span hex = span_cut(rest, ' ');
	size_t n = hex.n / 2;
	return n <= most && hex.n % 2 == 0 && hex_decode(hex, out, n) == E_OK
	           ? span_make(out, n)
	           : SPAN("");
}

/* Who is served by a process that was adopted. */
static void
adopt_who(const char *line)
{
	char address[WHO_TEXT_MAX], account[WHO_TEXT_MAX];
	struct span rest = span_of(line);
	uint64_t pid, since, is_kicked = 0;
	if (!span_eqs(span_cut(&rest, ' '), "who") ||
	    span_u64(span_cut(&rest, ' '), INT32_MAX, &pid) != E_OK ||
	    span_u64(span_cut(&rest, ' '), INT64_MAX, &since) != E_OK)
		return;
	struct span from = cut_hex(&rest, address, sizeof address),
		    who = cut_hex(&rest, account, sizeof account);
	struct process *p = process_of_pid((pid_t)pid);
	if (!p)
		return;
	process_serves(p, from, who, (int64_t)since);
	/* not told by every version */
	if (span_u64(span_cut(&rest, ' '), 1, &is_kicked) == E_OK && is_kicked &&
	    p->address)
		process_kick(p); /* who would have ended it was forgotten */
}

static void
adopt_owner(const char *line)
{
	char account[WHO_TEXT_MAX], folder[PATH_BYTES_MAX];
	struct span rest = span_of(line);
	uint64_t pid, uid, gid = 0, has_client = 0;
	if (!span_eqs(span_cut(&rest, ' '), "owner") ||
	    span_u64(span_cut(&rest, ' '), INT32_MAX, &pid) != E_OK ||
	    span_u64(span_cut(&rest, ' '), UINT32_MAX, &uid) != E_OK)
		return;
	struct span owner = cut_hex(&rest, account, sizeof account);
	struct process *p = process_of_pid((pid_t)pid);
	if (!p || p->owner || !owner.n)
		return;
	struct buf text = {0};
	buf_span(&text, owner);
	p->owner = mem_dup(buf_cstr(&text));
	p->owner_uid = (uid_t)uid;
	/* not told by every version */
	if (span_u64(span_cut(&rest, ' '), UINT32_MAX, &gid) == E_OK &&
	    span_u64(span_cut(&rest, ' '), 1, &has_client) == E_OK) {
		struct span home = cut_hex(&rest, folder, sizeof folder);
		buf_reset(&text);
		buf_span(&text, home);
		p->home = home.n ? mem_dup(buf_cstr(&text)) : NULL;
		p->owner_gid = (gid_t)gid;
		p->has_client = has_client;
	}
	buf_free(&text);
}

/* Each takes what is its own: a process comes before what is said of it. */
static void
adopt_line(const char *line)
{
	adopt_process(line);
	adopt_who(line);
	adopt_owner(line);
	sleeper_state_take(span_of(line));
}

void
reload_adopt(void)
{
	bool is_reload = told_bytes > 0;
	for (const char *line = told; line < told + told_bytes;
	     line += strlen(line) + 1)
		adopt_line(line);
	if (told_bytes)
		munmap(told, told_bytes);
	told = nothing;
	told_bytes = 0;
	if (is_reload && the_monitor.daemon->on_adopted)
		the_monitor.daemon->on_adopted();
	monitor_each_drain();
}
