/* SPDX-License-Identifier: ISC */
/* map_ldap.c - maps in a directory: attributes of the entries that a filter finds. */
#include <ldap.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include "maps/driver.h"

enum { ATTRIBUTES_MOST = 16, ENTRIES_MOST = 1000 };

struct ldap_map {
	LDAP *ldap; /* own */
	const char *base;
	int scope;
	char *attributes[ATTRIBUTES_MOST + 1]; /* into names; NULL at the end */
	char names[1024];
};

static struct timeval
time_of(int ms)
{
	return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

static bool
is_on(const char *value)
{
	return strcmp(value, "yes") == 0;
}

static void
ldap_map_close(void *state)
{
	struct ldap_map *m = state;
	if (m->ldap)
		ldap_unbind_ext_s(m->ldap, NULL, NULL);
	free(m);
}

/* Of a list with commas or blanks. */
static void
read_attributes(struct ldap_map *m, const char *list)
{
	size_t n = 0;
	snprintf(m->names, sizeof m->names, "%s", list);
	for (char *p = m->names; *p && n < ATTRIBUTES_MOST;) {
		p += strspn(p, ", ");
		size_t len = strcspn(p, ", ");
		if (len)
			m->attributes[n++] = p;
		p += len;
		if (*p)
			*p++ = '\0';
	}
}

static int
scope_of(const char *name)
{
	return strcmp(name, "base") == 0  ? LDAP_SCOPE_BASE
	       : strcmp(name, "one") == 0 ? LDAP_SCOPE_ONELEVEL
	                                  : LDAP_SCOPE_SUBTREE;
}

/* The next step waits for what is left of all of them together. */
static int
set_wait(LDAP *l, int64_t deadline)
{
	int64_t left_ms = deadline - map_now_ms();
	if (left_ms <= 0)
		return LDAP_TIMEOUT;
	const struct timeval wait = time_of((int)left_ms);
	int err = ldap_set_option(l, LDAP_OPT_NETWORK_TIMEOUT, &wait);
	return err == LDAP_SUCCESS ? ldap_set_option(l, LDAP_OPT_TIMEOUT, &wait) : err;
}

static int
set_up(LDAP *l, const struct map_definition *d)
{
	const int version = LDAP_VERSION3;
	const char *ca = map_setting(d, "tls_ca_cert_file", NULL);
	int err = ldap_set_option(l, LDAP_OPT_PROTOCOL_VERSION, &version);
	if (err == LDAP_SUCCESS)
		err = ldap_set_option(l, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
	if (err == LDAP_SUCCESS && ca) {
		const int fresh = 0;
		err = ldap_set_option(l, LDAP_OPT_X_TLS_CACERTFILE, ca);
		if (err == LDAP_SUCCESS)
			err = ldap_set_option(l, LDAP_OPT_X_TLS_NEWCTX, &fresh);
	}
	return err;
}

static int
bind_as(LDAP *l, const struct map_definition *d)
{
	char *password = strdup(map_setting(d, "bind_pw", ""));
	if (!password)
		return LDAP_NO_MEMORY;
	struct berval secret = {.bv_len = strlen(password), .bv_val = password};
	const char *dn = map_setting(d, "bind_dn", NULL);
	int err =
	    dn ? ldap_sasl_bind_s(l, dn, LDAP_SASL_SIMPLE, &secret, NULL, NULL, NULL)
	       : LDAP_SUCCESS;
	explicit_bzero(password, secret.bv_len);
	free(password);
	return err;
}

static void *
ldap_map_open(const struct map_definition *d, int timeout_ms, char *why)
{
	struct ldap_map *m = calloc(1, sizeof *m);
	if (!m) {
		snprintf(why, MAP_WHY_MAX, "no memory");
		return NULL;
	}
	int64_t deadline = map_now_ms() + timeout_ms;
	int err = ldap_initialize(
	    &m->ldap, map_setting(d, "server_host", "ldap://localhost"));
	m->base = map_setting(d, "search_base", "");
	m->scope = scope_of(map_setting(d, "scope", "sub"));
	read_attributes(m, map_setting(d, "result_attribute", "maildrop"));
	if (err == LDAP_SUCCESS)
		err = set_up(m->ldap, d);
	if (err == LDAP_SUCCESS)
		err = set_wait(m->ldap, deadline);
	if (err == LDAP_SUCCESS && is_on(map_setting(d, "start_tls", "no")))
		err = ldap_start_tls_s(m->ldap, NULL, NULL);
	if (err == LDAP_SUCCESS)
		err = set_wait(m->ldap, deadline);
	if (err == LDAP_SUCCESS)
		err = bind_as(m->ldap, d);
	if (err == LDAP_SUCCESS)
		return m;
	snprintf(why, MAP_WHY_MAX, "%s", ldap_err2string(err));
	ldap_map_close(m);
	return NULL;
}

static void
entry_tell(const struct ldap_map *m, LDAPMessage *entry, const struct map_sink *sink)
{
	for (size_t i = 0; m->attributes[i]; i++) {
		struct berval **values =
		    ldap_get_values_len(m->ldap, entry, m->attributes[i]);
		for (size_t v = 0; values && values[v]; v++)
			sink->value(sink->ctx, values[v]->bv_val, values[v]->bv_len);
		ldap_value_free_len(values);
	}
}

static bool
is_lost(int err)
{
	return err == LDAP_SERVER_DOWN || err == LDAP_UNAVAILABLE || err == LDAP_BUSY ||
	       err == LDAP_TIMEOUT || err == LDAP_TIMELIMIT_EXCEEDED ||
	       err == LDAP_CONNECT_ERROR;
}

static int
ldap_map_find(void *state, const char *text, int timeout_ms,
    const struct map_sink *sink, char *why)
{
	struct ldap_map *m = state;
	struct timeval wait = time_of(timeout_ms);
	LDAPMessage *found = NULL;
	int err = set_wait(m->ldap, map_now_ms() + timeout_ms);
	if (err == LDAP_SUCCESS)
		err = ldap_search_ext_s(m->ldap, m->base, m->scope, text, m->attributes,
		    0, NULL, NULL, &wait, ENTRIES_MOST, &found);
	if (err == LDAP_SUCCESS)
		for (LDAPMessage *e = ldap_first_entry(m->ldap, found); e;
		     e = ldap_next_entry(m->ldap, e))
			entry_tell(m, e, sink);
	ldap_msgfree(found);
	if (err == LDAP_SUCCESS || err == LDAP_NO_SUCH_OBJECT)
		return E_OK;
	snprintf(why, MAP_WHY_MAX, "%s", ldap_err2string(err));
	return is_lost(err) ? E_IO : E_BAD;
}

const struct map_driver map_driver = {
    .kind = "ldap",
    .query = "query_filter",
    .settings = "server_host search_base scope result_attribute start_tls "
		"tls_ca_cert_file bind_dn bind_pw",
    .needed = "search_base",
    .escape = MAP_ESCAPE_LDAP,
    .open = ldap_map_open,
    .find = ldap_map_find,
    .close = ldap_map_close,
};
