/* SPDX-License-Identifier: ISC */
/* capa.c - CAPA and LANG, the same before and after the login. */
#include "pop3d/capa.h"

#include "account/account.h"
#include "conf/conf.h"

/*
 * RFC 2449 6.7: days that a message is left at least; before the login the least of all accounts is
 * not known
 */
static void
put_expire(struct buf *out, const struct capa *c)
{
	if (c->is_before_login)
		buf_str(out, "EXPIRE 0 USER\r\n");
	else if (c->keep_days == POP3_KEEP_ALWAYS)
		buf_str(out, "EXPIRE NEVER\r\n");
	else
		buf_putf(out, "EXPIRE %d\r\n", c->keep_days);
}

/* What works before the login is announced in both states (RFC 2449 5). */
void
capa_put(struct buf *out, const struct conf *conf, const struct capa *c)
{
	int64_t delay = conf_int(conf, "pop3d", "login_delay");
	buf_str(out,
	    "+OK capabilities "
	    "follow\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
	    "UTF8 USER\r\nLANG\r\n");
	if (c->may_show)
		buf_str(out, "USER\r\n");
	if (c->sasl.n)
		buf_putf(out, "SASL %.*s\r\n", SPAN_ARG(c->sasl));
	if (c->may_stls)
		buf_str(out, "STLS\r\n");
	put_expire(out, c);
	if (delay)
		buf_putf(out, "LOGIN-DELAY %lld\r\n", (long long)delay);
	buf_str(out, "IMPLEMENTATION merpati\r\n.\r\n");
}

void
lang_put(struct buf *out, struct span argument)
{
	if (argument.n == 0)
		buf_str(out,
		    "+OK languages follow\r\ni-default default\r\nen English\r\n.\r\n");
	else if (span_ieqs(argument, "i-default"))
		buf_str(out,
		    "+OK i-default as ever\r\n"); /* the tag, then text: RFC 6856 3.2 */
	else if (span_eqs(argument, "*") || span_ieqs(argument, "en"))
		buf_str(out, "+OK en English it is\r\n");
	else
		buf_str(out, "-ERR no such language\r\n");
}
