/* SPDX-License-Identifier: ISC */
/*
 * fuzz_smtp_session.c - everything that a client says in one conversation; the first byte names the port.
 * fuzz: smtpd/session.c smtpd/carry.c smtpd/command.c smtpd/limits.c smtpd/message.c smtpd/received.c smtpd/txn.c smtpd/verdict.c smtpd/cmd_auth.c smtpd/chunk.c smtpd/cmd_bdat.c smtpd/cmd_burl.c smtpd/urls_client.c smtpd/cmd_control.c smtpd/cmd_data.c smtpd/cmd_helo.c smtpd/cmd_mail.c smtpd/cmd_rcpt.c smtpd/cmd_starttls.c smtpd/cmd_vrfy.c smtpd/path.c smtpd/data.c smtpd/reply.c smtpd/asks.c common/spool/dsn.c common/login/nets.c
 * fuzz: tests/unit/smtp_fakes.c common/base/arena.c common/base/base.c common/base/buf.c common/base/clock.c common/base/id.c common/base/log.c common/base/span.c
 * fuzz: common/proc/ask.c common/proc/child.c common/proc/io.c common/proc/loop.c common/tls/hash.c common/tls/pubkey.c common/tls/dkim_folder.c
 * fuzz: smtpd/shape.c smtpd/strict.c smtpd/xclient.c smtpd/cmd_xclient.c smtpd/cmd_etrn.c smtpd/edits.c smtpd/dial_client.c smtpd/identity.c smtpd/spend.c smtpd/pace.c smtpd/rate_table.c smtpd/rates_client.c smtpd/budget/answer.c smtpd/budget/client.c common/account/trip.c smtpd/policy/[!g]*.c smtpd/policy/greylist_client.c common/dkim/*.c common/mime/*.c common/net/lookups.c common/net/resolver_client.c common/net/answer.c common/net/dns.c
 * fuzz: common/conf/*.c common/mime/idn.c
 * libs: -levent_core -lgnutls -lconfuse -lidn2 -lpsl -lunistring
 */
#include "../unit/smtp_fakes.h"
#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const enum listen_kind kinds[] = {KIND_SMTP, KIND_SUBMISSION, KIND_LMTP};

	if (n < 1 || n > 65536)
		return 0;
	log_level(LOG_EMERG);
	fakes_reset();
	/* it may speak for others, and is taken as it comes */
	static struct net all;
	if (net_parse(SPAN("127.0.0.0/8"), &all) != E_OK)
		bug("net_parse");
	the_process.limits.xclient = the_process.limits.xforward =
	    (struct nets){&all, 1};
	the_process.limits.future_sec = 86400;
	for (unsigned i = 0; n % 2 && i < CLASS_COUNT; i++)
		the_process.limits.is_counted[i][STRICT_BARE] = true;
	fakes_talk(kinds[p[0] % COUNT(kinds)], span_make(p + 1, n - 1));
	if (fakes.n_puts && fakes.envelope.size_bytes != fakes.message.len)
		bug("a size that is not the message's");
	for (size_t i = 0; fakes.n_puts && i < fakes.message.len &&
			   !(fakes.envelope.flags & ENV_BINARYMIME);
	     i++)
		if (fakes.message.p[i] == '\n' &&
		    (!i || fakes.message.p[i - 1] != '\r'))
			bug("a bare LF was stored");
	return 0;
}
