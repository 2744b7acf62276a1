/* SPDX-License-Identifier: ISC */
/* password.c - where passwords come from. */
#include "ctl/password.h"

#include <stdio.h>
#include <termios.h>
#include <unistd.h>

/* One line without its end.  E_OK, E_IO (none), E_LIMIT */
static int
read_line(FILE *from, struct buf *out)
{
	int ch;
	setvbuf(from, NULL, _IONBF,
	    0); /* no copy of a secret in a buffer that is not wiped */
	buf_wipe(out);
	out->max = PASSWORD_BYTES_MAX;
	while ((ch = getc(from)) != EOF && ch != '\n')
		buf_ch(out, (char)ch);
	if (ch == EOF && out->len == 0)
		return E_IO;
	return buf_done(out);
}

static int
read_terminal(const char *prompt, struct buf *out)
{
	struct termios old, quiet;
	FILE *tty = fopen("/dev/tty", "r+e");
	if (!tty || tcgetattr(fileno(tty), &old) != 0) {
		if (tty)
			fclose(tty);
		ctl_say("there is no terminal to ask on; use --password-stdin or "
			"--password-file");
		return EX_NOINPUT;
	}
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK);
	quiet.c_lflag |= ECHONL;
	fputs(prompt, tty);
	fflush(tty);
	tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
	int err = read_line(tty, out);
	tcsetattr(fileno(tty), TCSAFLUSH, &old);
	fclose(tty);
	if (err == E_OK)
		return EX_OK;
	ctl_say(err == E_LIMIT ? "that is too long" : "no password came");
	return err == E_LIMIT ? EX_DATAERR : EX_NOINPUT;
}

static int
ask_twice(const char *address, struct buf *out)
{
	struct buf again = {0}, prompt = {0};
	buf_putf(&prompt, "Password for %s: ", address);
	int status = read_terminal(buf_cstr(&prompt), out);
	if (status == EX_OK)
		status = read_terminal("Again: ", &again);
	if (status == EX_OK && !span_eq(buf_as_span(out), buf_as_span(&again))) {
		ctl_say("the two are not the same");
		status = EX_DATAERR;
	}
	buf_wipe(&again);
	buf_free(&prompt);
	return status;
}

int
password_check(struct span password, const char *address)
{
	const char *wrong = password.n == 0                   ? "it is empty"
	                    : password.n > PASSWORD_BYTES_MAX ? "it is too long"
	                    : !utf8_valid(password)           ? "it is not UTF-8"
	                                                      : NULL;
	for (size_t i = 0; i < password.n && !wrong; i++)
		if (ch_ctl(password.p[i]))
			wrong = "it has a control character in it";
	if (!wrong)
		return EX_OK;
	ctl_say("the password of %s will not do: %s", address, wrong);
	return EX_DATAERR;
}

int
password_read(const struct password_opts *o, const char *address, struct buf *out)
{
	int err = E_OK;
	if (o->file) {
		FILE *f = fopen(o->file, "re");
		err = f ? read_line(f, out) : E_IO;
		if (f)
			fclose(f);
	} else if (o->is_stdin) {
		err = read_line(stdin, out);
	} else {
		int status = ask_twice(address, out);
		if (status != EX_OK)
			return status;
	}
	if (err != E_OK) {
		ctl_say("no password for %s: %s", address,
		    err == E_LIMIT ? "it is too long"
		    : o->file      ? "the file has none"
				   : "nothing came");
		return EX_NOINPUT;
	}
	return password_check(buf_as_span(out), address);
}
