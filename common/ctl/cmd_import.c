/* SPDX-License-Identifier: ISC */
/*
 * cmd_import.c - moving in: from a Maildir, or from another server by IMAP.  Three processes: this
 * one, which reads the Maildir with the rights of who runs it; one that talks to the server and has
 * no rights at all; one in the mailbox.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/moving.h"
#include "ctl/password.h"
#include "move/dovecot.h"
#include "move/files.h"
#include "move/import.h"
#include "move/net.h"
#include "move/source.h"

/* A protocol's ports: with TLS from the first byte, and without. */
struct ports {
	const char *implicit, *plain;
};

static const struct ports imap_ports = {"993", "143"}, pop3_ports = {"995", "110"};

struct import_opts {
	/* both */
	bool is_dry_run, keeps_removed;
	const char *source;
	/* of a Maildir */
	const char *pop3_uidl, *layout;
	bool is_date_of_name;
	/* of a server */
	const char *user, *tls, *ca, *pop3;
	struct password_opts password;
	bool is_unverified;
};

struct importing {
	struct merpati *ctl;
	struct moving moving;
	struct import_opts opts;
	struct buf name; /* own: of the source */
	struct import_options o;
	/* of a server */
	struct net net;
	struct buf host, pop3_host, password; /* own */
	struct tls_client *trust;             /* own */
	pid_t net_pid;
	int net_chan; /* own; -1 */
};

/* ---- a Maildir ---- */

static int
open_maildir(struct importing *i, const char *path)
{
	struct buf uidl = {0};
	int err = files_root(path, &i->moving.root);
	if (err != E_OK) {
		ctl_say(err == E_BAD
			    ? "%s is a link or no directory; name the Maildir itself"
			    : "%s: %m",
		    path);
		return EX_NOINPUT;
	}
	if (i->opts.pop3_uidl && uidl_format(span_of(i->opts.pop3_uidl), 1, 1,
				     SPAN("1.M1.a"), &uidl) != E_OK) {
		buf_free(&uidl);
		return ctl_usage(i->ctl,
		    "--pop3-uidl \"%s\": right would be a format like %%08Xu%%08Xv",
		    i->opts.pop3_uidl);
	}
	buf_free(&uidl);
	i->o.is_layout_fs = i->opts.layout && !strcmp(i->opts.layout, "fs");
	if (i->opts.layout && !i->o.is_layout_fs &&
	    strcmp(i->opts.layout, "maildir++") != 0)
		return ctl_usage(i->ctl, "--layout %s: right would be maildir++ or fs",
		    i->opts.layout);
	char *whole = realpath(path, NULL);
	buf_putf(&i->name, "maildir %s", whole ? whole : path);
	free(whole);
	i->o.kind = &source_maildir;
	i->o.uidl_format = span_of(i->opts.pop3_uidl);
	i->o.is_date_of_name = i->opts.is_date_of_name;
	return EX_OK;
}

/* ---- a server ---- */

/* "host", "host:port", "[::1]:port" */
static void
split_host(struct span where, struct buf *host, struct span *port)
{
	bool is_bracketed = where.n && where.p[0] == '[';
	size_t end = is_bracketed ? span_find(where, ']') : span_rfind(where, ':');
	if (!is_bracketed && span_find(where, ':') != end)
		end = where.n; /* an IPv6 address as it is */
	struct span rest =
	    span_from(where, is_bracketed && end < where.n ? end + 1 : end);
	buf_span(host, span_from(span_head(where, end), is_bracketed));
	*port = rest.n && rest.p[0] == ':' ? span_from(rest, 1) : SPAN("");
}

static int
read_tls(struct importing *i, struct span port, const struct ports *ports,
    enum server_tls *out)
{
	static const char *const names[] = {[SERVER_TLS_IMPLICIT] = "implicit",
	    [SERVER_TLS_STARTTLS] = "starttls",
	    [SERVER_TLS_NONE] = "none"};
	*out = span_eqs(port, ports->plain) ? SERVER_TLS_STARTTLS : SERVER_TLS_IMPLICIT;
	if (!i->opts.tls)
		return EX_OK;
	for (size_t k = 0; k < COUNT(names); k++)
		if (!strcmp(i->opts.tls, names[k])) {
			*out = (enum server_tls)k;
			return EX_OK;
		}
	return ctl_usage(
	    i->ctl, "--tls %s: right would be implicit, starttls or none", i->opts.tls);
}

/* Read once, for both. */
static int
read_trust(struct importing *i, struct server_login *l)
{
	if (l->tls == SERVER_TLS_NONE)
		return EX_OK;
	l->peer = i->opts.is_unverified ? TLS_PEER_ANY : TLS_PEER_NAMED;
	int err = i->trust ? E_OK
	                   : tls_client_new(
				 i->opts.is_unverified ? "" : i->opts.ca, &i->trust);
	l->trust = i->trust;
	if (err == E_OK)
		return EX_OK;
	ctl_say("%s: no certificate of an authority is there",
	    i->opts.ca ? i->opts.ca : "the system's list of authorities");
	return EX_NOINPUT;
}

static int
resolve(
    struct net_server *n, const char *host, struct span port, const struct ports *ports)
{
	struct buf why = {0}, text = {0};
	buf_span(&text,
	    port.n ? port
		   : span_of(n->login.tls == SERVER_TLS_IMPLICIT ? ports->implicit
								 : ports->plain));
	int status = net_resolve(n, host, buf_cstr(&text), &why);
	if (status != EX_OK)
		ctl_say("%s", buf_cstr(&why));
	buf_free(&why);
	buf_free(&text);
	return status;
}

static int
start_net(struct importing *i)
{
	struct buf why = {0};
	int status = net_start(i->ctl->conf, &i->net, &i->net_chan, &i->net_pid, &why);
	if (status != EX_OK)
		ctl_say("%s", buf_cstr(&why));
	buf_free(&why);
	i->o.chan = i->net_chan;
	return status;
}

/* The host's name is kept in host, as long as the login is. */
static int
find_server(struct importing *i, const char *where, const struct ports *ports,
    struct buf *host, struct net_server *out)
{
	struct server_login *l = &out->login;
	struct span port;
	split_host(span_of(where), host, &port);
	for (size_t k = 0; k < host->len; k++)
		host->p[k] = ch_lower(host->p[k]);
	l->host = buf_cstr(host);
	l->user = span_of(i->opts.user);
	l->password = buf_as_span(&i->password);
	int status = read_tls(i, port, ports, &l->tls);
	if (status == EX_OK)
		status = read_trust(i, l);
	return status == EX_OK ? resolve(out, l->host, port, ports) : status;
}

static int
open_server(struct importing *i, const char *where)
{
	if (!i->opts.user)
		return ctl_usage(
		    i->ctl, "--user is missing: the account's name at that server");
	int status = password_read(&i->opts.password, i->opts.user, &i->password);
	if (status == EX_OK)
		status = find_server(i, where, &imap_ports, &i->host, &i->net.imap);
	if (status == EX_OK && i->opts.pop3)
		status = find_server(
		    i, i->opts.pop3, &pop3_ports, &i->pop3_host, &i->net.pop3);
	buf_putf(&i->name, "imap %s@%s", i->opts.user, buf_cstr(&i->host));
	i->o.kind = &source_imap;
	return status == EX_OK ? start_net(i) : status;
}

/* ---- both ---- */

static int
run_in_jail(int chan, const char *home, void *ctx)
{
	struct importing *i = ctx;
	if (i->moving.root >= 0)
		close(i->moving.root); /* that is the command's */
	if (i->net_chan < 0)
		i->o.chan = chan;
	/* the other process has it, and this one has no use for it */
	buf_wipe(&i->password);
	return import_run(chan, home, &i->o);
}

/* The server's process ends when nobody is left to ask it. */
static void
end_net(struct importing *i)
{
	ask_hang_up(&i->net_chan);
	while (i->net_pid > 0 && waitpid(i->net_pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

static int
run(struct importing *i, const struct account *a)
{
	struct worker w;
	i->o.source = i->opts.source ? span_of(i->opts.source) : buf_as_span(&i->name);
	i->o.is_dry_run = i->opts.is_dry_run;
	i->o.keeps_removed = i->opts.keeps_removed;
	int status = worker_start(i->ctl->conf, a, run_in_jail, i, &w);
	ask_hang_up(&i->net_chan);
	buf_wipe(&i->password);
	return status == EX_OK ? moving_serve(&i->moving, &w) : status;
}

static int
open_source(struct importing *i, const char *kind, const char *where)
{
	bool is_server = !strcmp(kind, "imap");
	if (!is_server && strcmp(kind, "maildir") != 0)
		return ctl_usage(
		    i->ctl, "\"%s\": right would be maildir or imap", kind);
	if (is_server &&
	    (i->opts.pop3_uidl || i->opts.layout || i->opts.is_date_of_name))
		return ctl_usage(i->ctl,
		    "--layout, --pop3-uidl and --date-of-name are for Maildirs");
	if (!is_server && (i->opts.user || i->opts.tls || i->opts.ca || i->opts.pop3 ||
			      i->opts.is_unverified))
		return ctl_usage(i->ctl,
		    "--user, --tls, --ca, --pop3 and --no-verify are for servers");
	return is_server ? open_server(i, where) : open_maildir(i, where);
}

int
cmd_import(struct merpati *c, int argc, char **argv)
{
	struct importing i = {.ctl = c, .net_chan = -1};
	struct import_opts *o = &i.opts;
	const struct opt opts[] = {{"--dry-run", &o->is_dry_run, NULL},
	    {"--keep-removed", &o->keeps_removed, NULL}, {"--source", NULL, &o->source},
	    {"--layout", NULL, &o->layout}, {"--pop3-uidl", NULL, &o->pop3_uidl},
	    {"--date-of-name", &o->is_date_of_name, NULL}, {"--user", NULL, &o->user},
	    {"--password-stdin", &o->password.is_stdin, NULL},
	    {"--password-file", NULL, &o->password.file}, {"--tls", NULL, &o->tls},
	    {"--ca", NULL, &o->ca}, {"--no-verify", &o->is_unverified, NULL},
	    {"--pop3", NULL, &o->pop3}};
	struct arena arena = {0};
	struct account a;
	moving_init(&i.moving, c, false);
	int status = opts_read(c, opts, COUNT(opts), &argc, argv, 3, 3);
	if (status == EX_OK && o->ca && o->is_unverified)
		status = ctl_usage(c, "--ca and --no-verify contradict each other");
	if (status == EX_OK)
		status = moving_account(c, argv[0], &arena, &a);
	if (status == EX_OK)
		status = open_source(&i, argv[1], argv[2]);
	if (status == EX_OK)
		status = run(&i, &a);
	end_net(&i);
	moving_done(&i.moving);
	tls_client_free(&i.trust);
	buf_wipe(&i.password);
	buf_free(&i.host);
	buf_free(&i.pop3_host);
	buf_free(&i.name);
	arena_reset(&arena);
	return status;
}
