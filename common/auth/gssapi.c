/* SPDX-License-Identifier: ISC */
/*
 * gssapi.c - the surroundings of the Kerberos library.  Without a replay cache an authenticator that
 * somebody recorded may come twice; it is of no use to him, for the mechanism goes on in messages that
 * only who has the session key can make (RFC 4752 3.2).
 */
#include "auth/gssapi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "proc/jail.h"

static const char ours[] = "[libdefaults]\n"
			   "\tdns_canonicalize_hostname = false\n"
			   "\tqualify_shortname = \"\"\n"
			   "\trdns = false\n"
			   "\tdns_lookup_kdc = false\n"
			   "\tdns_lookup_realm = false\n";

static const char system_wide[] = "/etc/krb5.conf";

static struct buf path; /* own: of our file; the jail borrows it */

bool
gssapi_is_configured(const struct conf *conf)
{
	return conf_str(conf, "common", "gssapi_keytab")[0] != '\0';
}

static void
find_ours(const struct conf *conf)
{
	buf_reset(&path);
	buf_putf(&path, "%s/auth_krb5.conf", conf_str(conf, "common", "state_dir"));
}

static int
write_ours(void)
{
	FILE *f = fopen(buf_cstr(&path), "we");
	bool is_written = f && fputs(ours, f) >= 0;
	if (f)
		is_written = fclose(f) == 0 && is_written;
	if (!is_written)
		log_event(LOG_ERR, "krb5_conf_unwritten", "file=%s err=%s",
		    log_qs(buf_cstr(&path)), log_errno(errno));
	return is_written ? E_OK : E_IO;
}

int
gssapi_prepare(const struct conf *conf)
{
	struct buf list = {0};
	if (!gssapi_is_configured(conf))
		return E_OK;
	find_ours(conf);
	int err = write_ours();
	buf_putf(&list, "%s:%s", buf_cstr(&path), system_wide);
	setenv("KRB5_CONFIG", buf_cstr(&list), 1);
	setenv("KRB5_KTNAME", conf_str(conf, "common", "gssapi_keytab"), 1);
	setenv("KRB5RCACHENAME", "none:", 1);
	buf_free(&list);
	return err;
}

int
gssapi_check(const struct conf *conf, struct buf *errors)
{
	const char *keytab = conf_str(conf, "common", "gssapi_keytab");
	if (!*keytab || access(keytab, R_OK) == 0)
		return E_OK;
	buf_putf(errors, "%s: %s\n", keytab, strerror(errno));
	return E_BAD;
}

void
gssapi_jail(const struct conf *conf, struct jail *j)
{
	if (!gssapi_is_configured(conf))
		return;
	find_ours(conf);
	jail_allow(j, conf_str(conf, "common", "gssapi_keytab"), JAIL_READ);
	jail_allow(j, buf_cstr(&path), JAIL_READ);
	jail_allow(j, system_wide, JAIL_READ);
	jail_allow(j, "/etc/gss", JAIL_READ);
}
