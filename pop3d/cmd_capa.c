/* SPDX-License-Identifier: ISC */
/* cmd_capa.c - CAPA, LANG, UTF8, NOOP after the login. */
#include "auth/auth.h"
#include "conf/conf.h"
#include "pop3d/capa.h"
#include "pop3d/command.h"
#include "proc/child.h"

void
cmd_noop(struct session *s, const struct arguments *a)
{
	(void)a;
	io_putf(&s->io, "+OK\r\n");
}

void
cmd_capa(struct session *s, const struct arguments *a)
{
	const struct conf *conf = the_child.conf;
	(void)a;
	const struct capa what = {
	    .may_stls =
		!s->has_tls && conf_list_count(conf, "common", "tls_certificates") > 0,
	    .may_show = auth_may_show(conf, s->has_tls, s->is_loopback),
	    .sasl = s->mechanisms,
	    .keep_days = s->expire_days};
	capa_put(&s->io.out, conf, &what);
}

void
cmd_lang(struct session *s, const struct arguments *a)
{
	lang_put(&s->io.out, a->text);
}

/* RFC 6856 2.1: only before the login. */
void
cmd_utf8(struct session *s, const struct arguments *a)
{
	(void)a;
	io_putf(&s->io, "-ERR UTF8 only before the login\r\n");
}
