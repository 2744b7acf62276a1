/* SPDX-License-Identifier: ISC */
/*
 * reload.c - a new configuration (or a new program) without dropping a connection.
 * On HUP, or when a certificate or key has changed, the program tests the new configuration in a
 * process of its own ("--check").  When that passes, the monitor executes itself again: same pid,
 * listeners kept, children kept as the old generation, which drains.  What is kept is told in a
 * memory file, a line each.
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
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "proc/monitor.h"
#include "proc/notify.h"

#define STATE_ENV "MERPATI_RELOAD_STATE"

enum { STATE_BYTES_MAX = 1 << 20 };

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
		execl(m->program, m->argv[0], "-c", m->conf_path, "--check", (char *)NULL);
		_exit(127);
	}
	if (m->tester < 0)
		m->tester = 0;
}

static void
stay_open(int fd)
{
	if (fcntl(fd, F_SETFD, 0) != 0)
		bug("a descriptor that is not open");
}

static int
write_state(void)
{
	struct monitor *m = &the_monitor;
	struct buf b = {.max = STATE_BYTES_MAX};
	buf_putf(&b, "generation %u\npid_file %d\n", m->generation, m->pid_file);
	stay_open(m->pid_file);
	for (size_t i = 0; i < m->listeners.n; i++) {
		const struct listener *l = &m->listeners.all[i];
		buf_putf(&b, "listener %d %s %s\n", l->fd, l->kind, l->address);
		stay_open(l->fd);
	}
	for (struct process *p = m->processes; p; p = p->next) {
		buf_putf(&b, "process %d %d %u %s\n", (int)p->pid, p->chan, p->generation, p->role_name);
		stay_open(p->chan);
	}
	int fd = memfd_create("reload", 0);
	if (fd < 0 || buf_done(&b) != E_OK || write(fd, b.p, b.len) != (ssize_t)b.len)
		bug("state of the reload");
	buf_free(&b);
	return fd;
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
		for (size_t i = 0; i < conf_list_count(conf, "common", settings[s]); i++) {
			struct stat st;
			if (stat(conf_list(conf, "common", settings[s], i), &st) != 0)
				st = (struct stat){0};
			print = mix(mix(print, st.st_dev), st.st_ino);
			print = mix(mix(print, (uint64_t)st.st_mtim.tv_sec), (uint64_t)st.st_mtim.tv_nsec);
			print = mix(print, (uint64_t)st.st_size);
		}
	return print;
}

/* A certificate and its key are replaced one after the other: what changed must have stayed so for a look. */
static void
on_look(void *ctx)
{
	struct monitor *m = &the_monitor;
	uint64_t now = files_print();
	(void)ctx;
	if (now != files.loaded && now == files.seen && !m->tester && !m->is_stopping) {
		files.loaded = now; /* what does not pass its test is not tested again before it changes */
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
	char text[16];
	m->tester = 0;
	if (m->is_stopping)
		return; /* TERM came meanwhile: a new image would not know of it */
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		log_event(LOG_ERR, "reload_refused", "conf=%s why=\"it does not pass its test\" "
		    "do=\"run %s -c %s --check; the old configuration stays in force\"",
		    log_qs(m->conf_path), m->daemon->name, m->conf_path);
		return;
	}
	notify_reloading();
	snprintf(text, sizeof text, "%d", write_state());
	setenv(STATE_ENV, text, 1);
	log_event(LOG_INFO, "reloading", "%s", "");
	execv(m->program, m->argv);
	log_event(LOG_CRIT, "reload_failed", "program=%s err=%s", log_qs(m->program), log_errno(errno));
	unsetenv(STATE_ENV);
}

static struct span
read_state(void)
{
	static char text[STATE_BYTES_MAX];
	const char *env = getenv(STATE_ENV);
	if (!env)
		return SPAN("");
	int fd = atoi(env);
	unsetenv(STATE_ENV);
	ssize_t n = pread(fd, text, sizeof text, 0);
	close(fd);
	return span_make(text, n > 0 ? (size_t)n : 0);
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

/* What the line before the exec said.  Processes are told apart later, when the roles are prepared. */
static char *processes_said[4096];
static size_t n_processes_said;

static void
take_line(char *line)
{
	struct monitor *m = &the_monitor;
	char kind[64], address[64];
	int fd;
	if (sscanf(line, "generation %u", &m->generation) == 1)
		m->generation++;
	else if (sscanf(line, "pid_file %d", &m->pid_file) == 1)
		fcntl(m->pid_file, F_SETFD, FD_CLOEXEC);
	else if (sscanf(line, "listener %d %63s %63s", &fd, kind, address) == 3)
		keep_listener(fd, kind, address);
	else if (n_processes_said < COUNT(processes_said))
		processes_said[n_processes_said++] = mem_dup(line);
}

void
reload_read(void)
{
	struct span text = read_state();
	while (text.n) {
		struct span line = span_cut(&text, '\n');
		struct buf b = {0};
		buf_span(&b, line);
		char *copy = mem_dup(buf_cstr(&b));
		take_line(copy);
		mem_free(&copy);
		buf_free(&b);
	}
}

void
reload_adopt(void)
{
	for (size_t i = 0; i < n_processes_said; i++) {
		int pid, chan;
		unsigned generation;
		char role[24];
		if (sscanf(processes_said[i], "process %d %d %u %23s", &pid, &chan, &generation, role) == 4) {
			fcntl(chan, F_SETFD, FD_CLOEXEC);
			struct process *p = process_adopt(pid, chan, role, generation);
			if (process_say(p, CTL_LOG, SPAN(""), log_fd()) != E_OK)
				log_event(LOG_ERR, "log_not_passed", "child=%d", pid);
		}
		mem_free(&processes_said[i]);
	}
	monitor_each_drain();
}
