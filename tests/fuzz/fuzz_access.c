/* SPDX-License-Identifier: ISC */
/*
 * fuzz_access.c - lines of allow and deny; and what clients say of themselves, against a table of the same lines.
 * fuzz: smtpd/policy/lists.c smtpd/policy/ip.c common/conf/*.c common/login/nets.c common/mime/idn.c common/dkim/authres.c common/mime/header.c common/mime/lex.c
 * libs: -lconfuse -lidn2
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "conf/conf.h"
#include "smtpd/policy/lists.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char table[] = "/tmp/merpati-fuzz-access.XXXXXX";
static struct conf *conf;

static void
clean_up(void)
{
	lists_free();
	conf_free(&conf);
	unlink(table);
}

/* A configuration that names the table, which is written anew each time. */
static void
begin(void)
{
	char path[] = "/tmp/merpati-fuzz-access.XXXXXX";
	struct buf text = {0}, errors = {0};
	int fd = mkstemp(path), of_table = mkstemp(table);
	buf_putf(&text, "version = 1\nsmtpd {\n\taccess_file = \"%s\"\n}\n", table);
	if (fd < 0 || of_table < 0 || file_write(fd, buf_as_span(&text)) != E_OK ||
	    conf_load(path, &errors, &conf) != E_OK)
		bug("no configuration");
	close(fd);
	close(of_table);
	unlink(path);
	buf_free(&text);
	buf_free(&errors);
	atexit(clean_up);
}

static void
write_table(struct span text)
{
	int fd = open(table, O_WRONLY | O_TRUNC);
	if (fd < 0 || file_write(fd, text) != E_OK)
		bug("no table");
	close(fd);
}

/* The first line is a HELO, the second a sender; the rest is the table, and each of its lines. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_make(data, n);
	struct ip ip = {.b = {192, 0, 2, 1}, .n = 4};
	struct lists_said said;
	struct buf errors = {0}, text = {0};
	if (!conf)
		begin();
	const struct lists_facts f = {.client = &ip,
	    .helo = span_cut(&in, '\n'),
	    .sender = span_cut(&in, '\n'),
	    .has_sender = true};
	write_table(in);
	bool is_right = lists_self_test(conf, &errors) == E_OK;
	if (is_right != (errors.len == 0))
		bug("a table that is wrong, and nothing is said of it");
	if (is_right)
		lists_load(conf);
	lists_judge(&f, &said);
	if (said.verdict == LISTS_DENY)
		lists_refusal(&said, &f, &text);
	if (said.text.n && !span_is_ascii(said.text))
		bug("a text that no reply may have");
	lists_free();
	buf_free(&errors);
	buf_free(&text);
	return 0;
}
