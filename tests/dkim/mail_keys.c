/* SPDX-License-Identifier: ISC */
/*
 * mail_keys.c - signs or verifies the message on standard input with the code of the daemons.
 *   mail_keys verify RECORDS NOW    RECORDS: lines "NAME TXT"; says a line a signature: result, d=,
 *                                   s=, a=, why
 *   mail_keys sign CONF DOMAIN NOW  prints the fields, and the message behind them
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "dkim/sign.h"
#include "dkim/verify.h"
#include "proc/ask.h"
#include "proc/child.h"
#include "tls/dkim_keys.h"
#include "tls/key.h"

static struct conf *conf;

static void
read_all(FILE *from, struct buf *out)
{
	size_t n;
	char block[65536];
	while ((n = fread(block, 1, sizeof block, from)) > 0)
		buf_put(out, block, n);
	if (ferror(from) || buf_done(out) != E_OK)
		exit(66);
}

/* The TXT records of a name, in lines of the file. */
static void
answer(struct lookups *l, struct span records)
{
	const struct resolver_query *q;
	while ((q = lookups_wanted(l, 0)) != NULL) {
		struct dns_answer a = {.status = DNS_NO_NAME};
		struct span rest = records;
		while (rest.n) {
			struct span txt = span_cut(&rest, '\n');
			if (!span_ieq(span_cut(&txt, ' '), q->name))
				continue;
			a.status = DNS_FOUND;
			a.n_records = 1;
			a.records = arena_get(&l->arena, sizeof *a.records);
			a.records[0] = (struct dns_record){.data = txt};
		}
		lookups_put(l, &a);
	}
}

static void
verify(struct span message, struct span records, int64_t now_sec)
{
	struct lookups l;
	lookups_init(&l);
	struct dkim_check *c = dkim_check_new(message);
	while (dkim_check(c, &l, now_sec) == E_MORE)
		answer(&l, records);
	for (size_t i = 0; i < c->n; i++) {
		const struct dkim_verdict *v = &c->verdicts[i];
		printf("%s\t%.*s\t%.*s\t%.*s\t%s\n", dkim_result_name(v->result),
		    SPAN_ARG(v->domain), SPAN_ARG(v->selector), SPAN_ARG(v->algorithm),
		    v->why);
	}
	dkim_check_free(&c);
	lookups_done(&l);
}

NORETURN static void
serve_key(int chan)
{
	struct buf scratch = {0};
	const struct ask_table *t = key_mail_table(0);
	dkim_keys_open(conf);
	struct asker *a = asker_new(chan, t->rows, t->n_rows, t->who, NULL);
	struct pollfd p = {.fd = chan, .events = POLLIN};
	while (poll(&p, 1, -1) >= 0 && asker_serve(a, &scratch, 8) == E_OK)
		continue;
	_exit(0);
}

static int
key_channel(int *out)
{
	int pair[2];
	ask_pair(pair);
	if (fork() == 0) {
		close(pair[0]);
		serve_key(pair[1]);
	}
	close(pair[1]);
	*out = pair[0];
	return E_OK;
}

static int
sign(struct span message, const char *domain, int64_t now_sec)
{
	struct buf fields = {0};
	struct dkim_signer signer;
	const struct dkim_sign_how how = {.now_sec = now_sec};
	dkim_signer_init(&signer, key_channel);
	int err = dkim_sign_put(&signer, message, span_of(domain), &how, &fields);
	if (err != E_OK)
		fprintf(stderr, "%s\n", err_name(err));
	fwrite(fields.p, 1, fields.len, stdout);
	fwrite(message.p, 1, message.n, stdout);
	dkim_signer_done(&signer);
	buf_free(&fields);
	return err == E_OK ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct buf message = {0}, text = {0};
	int status = 0;
	log_open("mail_keys", STDERR_FILENO, false);
	read_all(stdin, &message);
	if (argc == 4 && strcmp(argv[1], "verify") == 0) {
		FILE *f = fopen(argv[2], "r");
		if (!f)
			return 66;
		read_all(f, &text);
		fclose(f);
		verify(buf_as_span(&message), buf_as_span(&text), atoll(argv[3]));
	} else if (argc == 5 && strcmp(argv[1], "sign") == 0) {
		if (conf_load(argv[2], &text, &conf) != E_OK)
			return 78;
		status = sign(buf_as_span(&message), argv[3], atoll(argv[4]));
		conf_free(&conf);
	} else
		status = 64;
	buf_free(&message);
	buf_free(&text);
	return status;
}
