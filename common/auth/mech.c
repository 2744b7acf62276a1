/* SPDX-License-Identifier: ISC */
/*
 * mech.c - the one door to libsasl2.  It runs the mechanisms; what it wants to know of accounts
 * comes from verify.c: SCRAM asks for the property authPassword (our auxiliary property plug-in),
 * PLAIN and LOGIN ask whether a password is right (our CHECKPASS callback).  One process, one
 * thread: the conversation at work is `current`.
 */
#include "auth/mech.h"

#include <sasl/sasl.h>
#include <sasl/saslplug.h>
#include <string.h>

#include "auth/scram.h"
#include "auth/verify.h"
#include "base/log.h"
#include "conf/conf.h"

enum { VERIFIERS_MAX = 4096 };

enum mech_kind { MECH_SCRAM, MECH_PLAIN, MECH_LOGIN };

struct mech_talk {
	sasl_conn_t *sasl; /* own */
	struct buf name;   /* the last login name that was understood */
	unsigned steps;
	enum mech_kind kind;
	bool has_heard; /* the client's first message came */
	bool is_temp;   /* the accounts could not be read */
};

static struct mech_talk *current; /* borrow: inside a call of libsasl2 */
static const struct conf *the_conf;

/* clang-format off */
static const struct {
	const char *name;
	enum mech_kind kind;
	bool shows; /* the password */
} mechs[] = {
	{"SCRAM-SHA-256", MECH_SCRAM, false},
	{"SCRAM-SHA-1",   MECH_SCRAM, false},
	{"PLAIN",         MECH_PLAIN, true},
	{"LOGIN",         MECH_LOGIN, true},
};

/* clang-format on */

/* ---- what libsasl2 asks of us ---- */

static int
on_getopt(void *ctx, const char *plugin, const char *option, const char **result,
    unsigned *len)
{
	static const struct {
		const char *name, *value;
	} options[] = {
	    {"mech_list", "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN"},
	    {"auxprop_plugin", "merpati"},
	    {"pwcheck_method", "none"}, /* the CHECKPASS callback alone */
	    {"auto_transition", "no"},
	    {"log_level", "3"},
	};

	(void)ctx, (void)plugin;
	for (size_t i = 0; i < COUNT(options); i++) {
		if (strcmp(option, options[i].name))
			continue;
		*result = options[i].value;
		if (len)
			*len = (unsigned)strlen(options[i].value);
		return SASL_OK;
	}
	return SASL_FAIL;
}

static int
on_log(void *ctx, int level, const char *message)
{
	(void)ctx;
	log_event(LOG_DEBUG, "sasl", "level=%d text=%s", level, log_qs(message));
	return SASL_OK;
}

/* Of the plug-ins that are installed only ours are loaded; no configuration file is read. */
static int
on_verify_file(void *ctx, const char *file, sasl_verify_type_t type)
{
	static const char *const ours[] = {"libplain.so", "liblogin.so", "libscram.so"};
	struct span name = span_of(file);
	(void)ctx;
	name = span_from(name, span_rfind(name, '/') + 1);
	if (type != SASL_VRFY_PLUGIN)
		return SASL_CONTINUE;
	for (size_t i = 0; i < COUNT(ours); i++)
		if (span_starts(name, span_of(ours[i])))
			return SASL_OK;
	return SASL_CONTINUE;
}

static int
on_canon_user(sasl_conn_t *conn, void *ctx, const char *in, unsigned n, unsigned flags,
    const char *realm, char *out, unsigned out_max, unsigned *out_n)
{
	struct buf *name = &current->name;
	(void)conn, (void)ctx, (void)flags, (void)realm;
	buf_reset(name);
	if (verify_name(span_make(in, n), name) != E_OK || name->len >= out_max) {
		buf_reset(name);
		return SASL_BADPROT;
	}
	memcpy(out, buf_cstr(name), name->len + 1);
	*out_n = (unsigned)name->len;
	return SASL_OK;
}

static int
on_check_password(sasl_conn_t *conn, void *ctx, const char *user, const char *password,
    unsigned n, struct propctx *props)
{
	(void)conn, (void)ctx, (void)props;
	int err = verify_password(span_of(user), span_make(password, n));
	if (err == E_IO)
		current->is_temp = true;
	return err == E_OK ? SASL_OK : err == E_IO ? SASL_UNAVAIL : SASL_BADAUTH;
}

static void
give_verifiers(const sasl_utils_t *utils, struct propctx *props, const char *property,
    struct span lines)
{
	const char *name = property;
	while (lines.n) {
		struct span line = span_cut(&lines, '\n');
		utils->prop_set(props, name, line.p, (int)line.n);
		name = NULL; /* one more value of the same */
	}
}

static int
on_property_lookup(void *ctx, sasl_server_params_t *params, unsigned flags,
    const char *user, unsigned n)
{
	const struct propval *wanted = params->utils->prop_get(params->propctx);
	struct buf lines = {.max = VERIFIERS_MAX};
	int result = SASL_OK;
	(void)ctx;
	if (flags & SASL_AUXPROP_AUTHZID)
		return SASL_OK;
	for (; wanted && wanted->name && result == SASL_OK; wanted++) {
		if (strcmp(wanted->name, "*authPassword") || wanted->values)
			continue;
		if (verify_verifiers(span_make(user, n), &lines) == E_OK)
			give_verifiers(params->utils, params->propctx, wanted->name,
			    buf_as_span(&lines));
		else
			result = SASL_UNAVAIL;
		break;
	}
	current->is_temp = current->is_temp || result != SASL_OK;
	buf_wipe(&lines);
	return result;
}

static int
on_property_init(const sasl_utils_t *utils, int max_version, int *version,
    sasl_auxprop_plug_t **plug, const char *name)
{
	static char plug_name[] = "merpati";
	static sasl_auxprop_plug_t ours = {
	    .auxprop_lookup = on_property_lookup, .name = plug_name};
	(void)utils, (void)name;
	if (max_version < SASL_AUXPROP_PLUG_VERSION)
		return SASL_BADVERS;
	*version = SASL_AUXPROP_PLUG_VERSION;
	*plug = &ours;
	return SASL_OK;
}

#define CALLBACK(fn) ((int (*)(void))(void (*)(void))(fn))

static const sasl_callback_t callbacks[] = {
    {SASL_CB_GETOPT, CALLBACK(on_getopt), NULL},
    {SASL_CB_LOG, CALLBACK(on_log), NULL},
    {SASL_CB_VERIFYFILE, CALLBACK(on_verify_file), NULL},
    {SASL_CB_CANON_USER, CALLBACK(on_canon_user), NULL},
    {SASL_CB_SERVER_USERDB_CHECKPASS, CALLBACK(on_check_password), NULL},
    {SASL_CB_LIST_END, NULL, NULL},
};

/* ---- conversations ---- */

static enum auth_status
status_of(struct mech_talk *t, int result)
{
	if (result == SASL_OK)
		return AUTH_OK;
	if (result == SASL_CONTINUE)
		return AUTH_CONTINUE;
	if (t->is_temp || result == SASL_NOMEM || result == SASL_UNAVAIL)
		return AUTH_TEMP;
	return result == SASL_NOMECH && !t->has_heard ? AUTH_NO_MECH : AUTH_FAIL;
}

/*
 * A login name that would be refused after the password: libsasl2 2.1.28 then leaks the password.
 */
static bool
is_bad_name(struct span name)
{
	struct buf out = {.max = ACCOUNT_ADDRESS_MAX + 1};
	bool is_bad = verify_name(name, &out) != E_OK;
	buf_free(&out);
	return is_bad;
}

/*
 * What libsasl2 must not see as the client's first message.  We offer no -PLUS, so nobody may ask
 * for channel binding (RFC 5802 6): it would follow a null pointer.
 */
static bool
is_refused(struct mech_talk *t, struct span message)
{
	if (t->has_heard)
		return false;
	t->has_heard = message.n > 0;
	if (t->kind == MECH_LOGIN)
		return is_bad_name(message);
	return t->kind == MECH_SCRAM && message.n > 0 && message.p[0] == 'p';
}

static int
find_mech(struct span mech, const struct auth_conn *c, size_t *out)
{
	bool may_show = auth_may_show(the_conf, c->has_tls, c->is_loopback);
	for (size_t i = 0; i < COUNT(mechs); i++)
		if (span_ieqs(mech, mechs[i].name) && (may_show || !mechs[i].shows)) {
			*out = i;
			return E_OK;
		}
	return E_BAD;
}

static int
talk_new(const char *service, struct mech_talk *t)
{
	const char *host = conf_str(the_conf, "common", "hostname");
	sasl_security_properties_t security = {.security_flags = SASL_SEC_NOANONYMOUS};
	t->name.max = ACCOUNT_ADDRESS_MAX + 1;
	if (sasl_server_new(service, *host ? host : "localhost", NULL, NULL, NULL, NULL,
		0, &t->sasl) != SASL_OK)
		return E_IO;
	return sasl_setprop(t->sasl, SASL_SEC_PROPS, &security) == SASL_OK ? E_OK
	                                                                   : E_IO;
}

enum auth_status
mech_start(const struct auth_conn *c, struct span mech, const struct span *initial,
    struct mech_talk **out, struct span *challenge)
{
	struct mech_talk *t = mem_new(sizeof *t);
	const char *text = NULL;
	unsigned n = 0;
	size_t i;
	*out = t;
	*challenge = (struct span){"", 0};
	if (find_mech(mech, c, &i) != E_OK)
		return AUTH_NO_MECH;
	if (talk_new(c->service, t) != E_OK)
		return AUTH_TEMP;
	t->kind = mechs[i].kind;
	if (initial && initial->n && is_refused(t, *initial))
		return AUTH_FAIL;
	current = t;
	int result = sasl_server_start(t->sasl, mechs[i].name,
	    initial ? initial->p : NULL, initial ? (unsigned)initial->n : 0, &text, &n);
	current = NULL;
	if (text)
		*challenge = span_make(text, n);
	return status_of(t, result);
}

enum auth_status
mech_step(struct mech_talk *t, struct span response, struct span *challenge)
{
	const char *text = NULL;
	unsigned n = 0;
	*challenge = (struct span){"", 0};
	if (++t->steps > AUTH_STEPS_MOST || is_refused(t, response))
		return AUTH_FAIL;
	current = t;
	int result = sasl_server_step(
	    t->sasl, response.n ? response.p : "", (unsigned)response.n, &text, &n);
	current = NULL;
	if (text)
		*challenge = span_make(text, n);
	return status_of(t, result);
}

void
mech_free(struct mech_talk **tp)
{
	if (!*tp)
		return;
	if ((*tp)->sasl)
		sasl_dispose(&(*tp)->sasl);
	buf_free(&(*tp)->name);
	mem_free(tp);
}

struct span
mech_name(const struct mech_talk *t)
{
	return buf_as_span(&t->name);
}

/* ---- start ---- */

/* One failed conversation: whatever the mechanism opens on first use is open afterwards. */
static int
warm_up(const char *mech)
{
	const struct auth_conn c = {.service = "smtp", .has_tls = true};
	struct span first = SPAN("n,,n=nobody,r=0123456789"), challenge;
	struct buf last = {0};
	struct mech_talk *t;
	enum auth_status status = mech_start(&c, span_of(mech), NULL, &t, &challenge);
	if (status == AUTH_CONTINUE && t->kind == MECH_SCRAM)
		status = mech_step(t, first, &challenge);
	if (status == AUTH_CONTINUE && t->kind == MECH_SCRAM) {
		struct span nonce = span_head(challenge, span_find(challenge, ','));
		buf_putf(&last, "c=biws,%.*s,p=", SPAN_ARG(nonce));
		buf_base64(&last, span_make((unsigned char[HASH_BYTES_MAX]){0},
				      hash_bytes(span_eqs(span_of(mech), "SCRAM-SHA-1")
						     ? HASH_SHA1
						     : HASH_SHA256)));
		status = mech_step(t, buf_as_span(&last), &challenge) == AUTH_FAIL
		             ? AUTH_CONTINUE
		             : AUTH_TEMP;
	}
	buf_free(&last);
	mech_free(&t);
	if (status == AUTH_CONTINUE)
		return E_OK;
	log_event(LOG_ERR, "no_sasl_mechanism", "mech=%s", mech);
	return E_IO;
}

int
mech_init(const struct conf *conf)
{
	int err = E_OK;
	the_conf = conf;
	if (sasl_auxprop_add_plugin("merpati", on_property_init) != SASL_OK ||
	    sasl_server_init(callbacks, "merpati") != SASL_OK) {
		log_event(LOG_ERR, "sasl_failed", "%s", "");
		return E_IO;
	}
	verify_apart(true);
	for (size_t i = 0; i < COUNT(mechs) && err == E_OK; i++)
		err = warm_up(mechs[i].name);
	verify_apart(false);
	return err;
}

void
mech_done(void)
{
	sasl_server_done();
}
