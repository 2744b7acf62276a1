/* SPDX-License-Identifier: ISC */
/*
 * fuzz_smtp_command.c - one command line in each phase: its first byte says which, and on which port.
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

static const char *const before[] = {"", "EHLO x\r\n",
    "EHLO x\r\nMAIL FROM:<a@b> SMTPUTF8\r\n",
    "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<u1@example.test>\r\n",
    "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<u1@example.test>\r\nBDAT 1\r\nx"};

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf in = {0};
	if (n < 1 || n > 4096)
		return 0;
	log_level(LOG_EMERG);
	fakes_reset();
	buf_str(&in, before[p[0] % COUNT(before)]);
	buf_put(&in, p + 1, n - 1);
	buf_str(&in, "\r\n");
	fakes_talk(p[0] & 0x80 ? KIND_SUBMISSION : KIND_SMTP, buf_as_span(&in));
	buf_free(&in);
	return 0;
}
