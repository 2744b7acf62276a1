/* SPDX-License-Identifier: ISC */
/*
 * cmd_check.c - would the daemons start? The configuration, then the files, directories and users
 * that it names, then each installed daemon's own test (--check), which loads the certificates.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/daemons.h"
#include "proc/daemon.h"

enum { PEM_HEAD_BYTES = 65536 };

struct findings {
	const struct conf *conf;
	struct buf errors; /* own: lines that keep a daemon from working */
	struct buf notes;  /* own: lines that an admin should know */
};

static void
where(const struct findings *f, const char *name, struct buf *out)
{
	conf_where(f->conf, "common", name, out);
}

/* A PEM file has this word behind its BEGIN; "" is good, else what is wrong. */
static const char *
pem_wrong(const char *path, const char *word)
{
	static char text[PEM_HEAD_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return strerror(errno);
	ssize_t n = read(fd, text, sizeof text);
	int err = errno;
	close(fd);
	if (n < 0)
		return strerror(err);
	struct span s = span_make(text, (size_t)n);
	size_t begin = span_search(s, SPAN("-----BEGIN "));
	s = span_from(s, begin);
	return span_search(span_head(s, span_find(s, '\n')), span_of(word)) < s.n && s.n
	           ? ""
	           : "not in PEM";
}

static void
check_pem(struct findings *f, const char *setting, const char *word, const char *right)
{
	for (size_t i = 0; i < conf_list_count(f->conf, "common", setting); i++) {
		const char *path = conf_list(f->conf, "common", setting, i);
		const char *wrong = pem_wrong(path, word);
		if (!*wrong)
			continue;
		where(f, setting, &f->errors);
		buf_putf(&f->errors, "%s: %s; right would be %s\n", path, wrong, right);
	}
}

static void
check_tls(struct findings *f)
{
	check_pem(
	    f, "tls_certificates", "CERTIFICATE", "a chain of certificates in PEM");
	check_pem(f, "tls_keys", "PRIVATE KEY", "a private key in PEM, not encrypted");
	if (conf_list_count(f->conf, "common", "tls_certificates"))
		return;
	where(f, "tls_certificates", &f->notes);
	buf_str(&f->notes,
	    "no certificate: there is no TLS, so submission, POP3 and IMAP "
	    "cannot be used from "
	    "other hosts; set tls_certificates and tls_keys\n");
}

/* It is there, or its parent is, where it will be made. */
static void
check_directory(struct findings *f, const char *setting)
{
	const char *path = conf_str(f->conf, "common", setting);
	struct span parent = span_head(span_of(path), span_rfind(span_of(path), '/'));
	struct buf up = {0};
	struct stat st;
	buf_span(&up, parent.n ? parent : SPAN("/"));
	bool is_there = stat(path, &st) == 0;
	if (is_there && !S_ISDIR(st.st_mode)) {
		where(f, setting, &f->errors);
		buf_putf(
		    &f->errors, "%s is not a directory; right would be one\n", path);
	} else if (!is_there && errno != ENOENT && errno != ENOTDIR) {
		where(f, setting, &f->errors);
		buf_putf(&f->errors, "%s: %s\n", path, strerror(errno));
	} else if (access(is_there ? path : buf_cstr(&up), W_OK | X_OK) != 0) {
		where(f, setting, &f->errors);
		buf_putf(&f->errors,
		    "%s %s: %s; right would be a directory that user %d may write to\n",
		    path, is_there ? "cannot be written to" : "cannot be made",
		    strerror(errno), (int)geteuid());
	}
	buf_free(&up);
}

static void
check_users(struct findings *f)
{
	static const char *const settings[USER_COUNT] = {[USER_NET] = "user_net",
	    [USER_KEY] = "user_key",
	    [USER_AUTH] = "user_auth",
	    [USER_LOOKUP] = "user_lookup",
	    [USER_QUEUE] = "user_queue",
	    [USER_DELIVER] = "user_deliver"};
	uid_t uids[USER_COUNT];
	gid_t gid;
	if (geteuid() != 0) {
		buf_putf(&f->notes,
		    "%s: without root all runs as uid %d, and users are kept apart by "
		    "directories alone\n",
		    conf_path(f->conf), (int)geteuid());
		return;
	}
	for (unsigned u = 0; u < USER_COUNT; u++) {
		const char *name = conf_str(f->conf, "common", settings[u]);
		if (daemon_user(f->conf, u, &uids[u], &gid) != E_OK) {
			where(f, settings[u], &f->errors);
			buf_putf(&f->errors,
			    "%s = \"%s\" or group = \"%s\": there is none; right would "
			    "be to "
			    "create it (systemd-sysusers does), or a number\n",
			    settings[u], name, conf_str(f->conf, "common", "group"));
			continue;
		}
		if (uids[u] == 0) {
			where(f, settings[u], &f->errors);
			buf_putf(&f->errors,
			    "%s = \"%s\" is root; right would be a user without "
			    "rights\n",
			    settings[u], name);
		}
	}
}

static void
check_aliases(struct findings *f)
{
	const char *path = conf_str(f->conf, "common", "alias_file");
	if (access(path, R_OK) == 0)
		return;
	struct buf *out = errno == ENOENT ? &f->notes : &f->errors;
	where(f, "alias_file", out);
	buf_putf(out, "%s: %s; right would be a file, which may be empty\n", path,
	    strerror(errno));
}

/* What its --check says goes to our stderr. */
static int
check_daemon(const struct merpati *c, const char *name)
{
	struct buf program = {0};
	int wait_status = 0;
	if (!daemon_program(name, &program)) {
		buf_free(&program);
		return EX_OK;
	}
	pid_t pid = fork();
	if (pid == 0) {
		execl(buf_cstr(&program), name, "-c", c->conf_path, "--check",
		    (char *)NULL);
		_exit(EX_OSERR);
	}
	buf_free(&program);
	if (pid < 0 || waitpid(pid, &wait_status, 0) != pid)
		return EX_OSERR;
	if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == EX_OK)
		return EX_OK;
	ctl_say("%s does not pass its test", name);
	return EX_CONFIG;
}

int
cmd_check(struct merpati *c, int argc, char **argv)
{
	static const char *const directories[] = {
	    "mail_dir", "spool_dir", "state_dir", "run_dir"};
	int status = opts_read(c, NULL, 0, &argc, argv, 0, 0);
	if (status != EX_OK)
		return status;
	struct findings f = {.conf = c->conf};
	check_tls(&f);
	check_users(&f);
	check_aliases(&f);
	for (size_t i = 0; i < COUNT(directories); i++)
		check_directory(&f, directories[i]);
	ctl_put(stderr, &f.errors);
	struct span notes = buf_as_span(&f.notes);
	while (notes.n) {
		struct span line = span_cut(&notes, '\n');
		fprintf(stderr, "note: %.*s\n", SPAN_ARG(line));
	}
	status = f.errors.len ? EX_CONFIG : EX_OK;
	for (size_t d = 0; d < DAEMONS && !f.errors.len; d++)
		if (check_daemon(c, daemon_names[d].name) != EX_OK)
			status = EX_CONFIG;
	if (status == EX_OK)
		printf("%s is good\n", c->conf_path);
	buf_free(&f.errors);
	buf_free(&f.notes);
	return status == EX_OK ? ctl_done() : status;
}
