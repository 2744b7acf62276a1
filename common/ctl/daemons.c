/* SPDX-License-Identifier: ISC */
/* daemons.c - which daemons there are, where their programs and their monitors are. */
#include "ctl/daemons.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "ctl/connect.h"

/* clang-format off */
const struct daemon_name daemon_names[DAEMONS] = {
	{"queue",   1},
	{"deliver", 2},
	{"smtpd",   0},
	{"pop3d",   0},
	{"imapd",   0},
};

/* clang-format on */

int
daemons_chosen(const struct merpati *c, int argc, char **argv, bool out[DAEMONS])
{
	for (size_t d = 0; d < DAEMONS; d++)
		out[d] = argc == 0;
	for (int i = 0; i < argc; i++) {
		bool is_known = false;
		for (size_t d = 0; d < DAEMONS; d++)
			if (!strcmp(argv[i], daemon_names[d].name))
				out[d] = is_known = true;
		if (!is_known)
			return ctl_usage(c, "there is no daemon \"%s\"", argv[i]);
	}
	return EX_OK;
}

/* Where this program is, up to and without its name. */
static struct span
own_folder(void)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path);
	struct span s = span_make(path, n > 0 ? (size_t)n : 0);
	return span_head(s, span_rfind(s, '/'));
}

bool
daemon_program(const char *name, struct buf *out)
{
	/* installed side by side; in a build's folders; installed */
	static const char *const formats[] = {"%.*s/%s", "%.*s/../../%s/%s"};
	struct span own = own_folder();
	buf_putf(out, formats[0], SPAN_ARG(own), name);
	if (access(buf_cstr(out), X_OK) == 0)
		return true;
	buf_reset(out);
	buf_putf(out, formats[1], SPAN_ARG(own), name, name);
	if (access(buf_cstr(out), X_OK) == 0)
		return true;
	buf_reset(out);
	buf_putf(out, "%s/%s", MERPATI_SBINDIR, name);
	return access(buf_cstr(out), X_OK) == 0;
}

pid_t
daemon_pid(const struct conf *conf, const char *name)
{
	struct buf path = {0};
	char text[16] = "";
	uint64_t pid = 0;
	buf_putf(&path, "%s/%s/pid", conf_str(conf, "common", "run_dir"), name);
	int fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	buf_free(&path);
	if (fd < 0)
		return 0;
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	bool is_held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (!is_held || n <= 0 ||
	    span_u64(span_make(text, (size_t)n), INT32_MAX, &pid) != E_OK || pid < 2)
		return 0;
	return (pid_t)pid;
}

int
daemons_ask(const struct merpati *c, int (*fn)(void *ctx, const char *daemon, int fd),
    void *ctx)
{
	int status = EX_OK;
	for (size_t d = 0; d < DAEMONS; d++) {
		const char *name = daemon_names[d].name;
		int fd;
		if (!daemon_pid(c->conf, name))
			continue;
		int err = ctl_connect(c->conf, name, "ctl", &fd);
		if (err == E_OK) {
			err = fn(ctx, name, fd);
			close(fd);
		}
		if (err != E_OK) {
			ctl_say("%s does not answer: %s", name,
			    err == E_DENY ? "not permitted" : err_name(err));
			status = err == E_DENY ? EX_NOPERM : EX_TEMPFAIL;
		}
	}
	return status;
}
