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
#include <stdio.h>
#include <string.h>

#include "auth/bearer.h"
#include "auth/gssapi.h"
#include "auth/offer.h"
#include "auth/scram.h"
#include "auth/secrets.h"
#include "base/log.h"
#include "conf/conf.h"

enum { VERIFIERS_MAX = 4096 };

struct mech_talk {
	sasl_conn_t *sasl;         /* own */
	const struct offer *offer; /* NULL: none that may be used */
	struct buf name;           /* the last login name that was understood */
	struct buf other_name;     /* for whom it wants to act, as above */
	struct verify_way way;
	unsigned steps;
	bool has_heard;                        /* the client's first message came */
	bool is_temp;                          /* the accounts could not be read */
	struct buf binding_type, binding_data; /* of the connection, or empty */
	sasl_channel_binding_t binding;        /* the same, as libsasl2 has it */
	bool is_begun;
	/* a message with a token of which its issuer must be asked first; own */
	struct buf message;
	struct span token; /* borrow: message; empty: nothing is asked */
};

static struct mech_talk *current; /* borrow: inside a call of libsasl2 */
static const struct conf *the_conf;
static bool (*refuses)(struct span name, const struct verify_way *); /* or NULL */

/* ---- what libsasl2 asks of us ---- */

static int
on_getopt(void *ctx, const char *plugin, const char *option, const char **result,
    unsigned *len)
{
	static const struct {
		const char *name, *value;
	} options[] = {
	    {"mech_list", "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN OAUTHBEARER XOAUTH2 "
			  "CRAM-MD5 EXTERNAL GSSAPI"},
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
	static const char *const ours[] = {
	    "libplain.so", "liblogin.so", "libscram.so", "libcrammd5.so"};
	struct span name = span_of(file);
	(void)ctx;
	name = span_from(name, span_rfind(name, '/') + 1);
	if (type != SASL_VRFY_PLUGIN)
		return SASL_CONTINUE;
	for (size_t i = 0; i < COUNT(ours); i++)
		if (span_starts(name, span_of(ours[i])))
			return SASL_OK;
	return gssapi_is_configured(the_conf) &&
	               span_starts(name, SPAN("libgssapiv2.so"))
	           ? SASL_OK
	           : SASL_CONTINUE;
}

static int
on_canon_user(sasl_conn_t *conn, void *ctx, const char *in, unsigned n, unsigned flags,
    const char *realm, char *out, unsigned out_max, unsigned *out_n)
{
	/* PLAIN comes with the other one after a right password only: who counts must not see that */
	struct buf *name =
	    flags & SASL_CU_AUTHID ? &current->name : &current->other_name;
	(void)conn, (void)ctx, (void)realm;
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
	current->way.is_password = true;
	if (refuses && refuses(span_of(user), &current->way)) {
		current->is_temp = true;
		return SASL_UNAVAIL;
	}
	int err = verify_password(&current->way, span_of(user), span_make(password, n));
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

/* Of the store; of who is not in it one that nobody knows. */
static int
give_password(
    sasl_server_params_t *params, const struct propval *wanted, struct span user)
{
	struct scram_verifier made_up;
	struct buf nobodys = {0};
	struct span password;
	verify_make_up(HASH_SHA256, user, &made_up);
	buf_hex(&nobodys, span_make(made_up.stored_key, SHA256_BYTES));
	if (secrets_password(user, &password) != E_OK)
		password = buf_as_span(&nobodys);
	current->way.is_password = true;
	for (; wanted && wanted->name; wanted++)
		if (!strcmp(wanted->name, "*userPassword") && !wanted->values)
			params->utils->prop_set(
			    params->propctx, wanted->name, password.p, (int)password.n);
	buf_wipe(&nobodys);
	return SASL_OK;
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
	if (current->offer->kind == OFFER_CRAM)
		return give_password(params, wanted, span_make(user, n));
	for (; wanted && wanted->name && result == SASL_OK; wanted++) {
		if (strcmp(wanted->name, "*authPassword") || wanted->values)
			continue;
		current->way.is_password = true;
		if (verify_verifiers(&current->way, span_make(user, n), &lines) == E_OK)
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
	struct buf out = {.max = VERIFY_NAME_MAX + 1};
	bool is_bad = verify_name(name, &out) != E_OK;
	buf_free(&out);
	return is_bad;
}

/*
 * Whether the channel binding that a client of SCRAM asks for is not the one that it may have
 * (RFC 5802 6).  libsasl2 minds neither: without a binding of ours it follows a null pointer, and
 * "y", of who could bind but saw no -PLUS in the list, it takes though we had offered it: then
 * somebody in between took it out.
 */
static bool
is_bad_flag(const struct mech_talk *t, struct span message)
{
	struct span flag = span_cut(&message, ',');
	if (t->offer->needs & OFFER_BINDING)
		return !span_starts(flag, SPAN("p=")) ||
		       !span_eq(span_from(flag, 2), buf_as_span(&t->binding_type));
	return !span_eqs(flag, "n") && (!span_eqs(flag, "y") || t->binding_data.len);
}

/* What libsasl2 must not see as the client's first message. */
static bool
is_refused(struct mech_talk *t, struct span message)
{
	if (t->has_heard)
		return false;
	t->has_heard = message.n > 0;
	switch (t->offer->kind) {
	case OFFER_LOGIN:
		return is_bad_name(message);
	case OFFER_SCRAM:
		return message.n > 0 && is_bad_flag(t, message);
	case OFFER_PLAIN:
	case OFFER_CRAM:
	case OFFER_EXTERNAL:
	case OFFER_BEARER:
	case OFFER_XOAUTH2:
	case OFFER_OTHER:
		break;
	}
	return false;
}

/* Not critical: mechanisms without it may be used, too. */
static int
bind_channel(struct mech_talk *t, const struct auth_conn *c)
{
	if (!c->has_tls || c->binding.n == 0)
		return E_OK;
	buf_span(&t->binding_type, c->binding_type);
	buf_span(&t->binding_data, c->binding);
	t->binding = (sasl_channel_binding_t){.name = buf_cstr(&t->binding_type),
	    .data = (const unsigned char *)t->binding_data.p,
	    .len = t->binding_data.len};
	return sasl_setprop(t->sasl, SASL_CHANNEL_BINDING, &t->binding) == SASL_OK
	           ? E_OK
	           : E_IO;
}

/* Whoever the client's certificate says it is.  E_OK, E_BAD, E_IO */
static int
take_certificate(struct mech_talk *t, const struct auth_conn *c)
{
	struct buf said = {.max = VERIFY_NAME_MAX}, name = {.max = VERIFY_NAME_MAX + 1};
	int err = secrets_owner(c->certificate, &said);
	if (err == E_OK)
		err = verify_name(buf_as_span(&said), &name);
	if (err == E_OK && verify_address(buf_as_span(&name)).n != name.len)
		err = E_BAD; /* of an app password's */
	if (err == E_OK &&
	    sasl_setprop(t->sasl, SASL_AUTH_EXTERNAL, buf_cstr(&name)) != SASL_OK)
		err = E_IO;
	buf_free(&said);
	buf_free(&name);
	return err;
}

static int
talk_new(const struct auth_conn *c, struct mech_talk *t)
{
	const char *host = conf_str(the_conf, "common", "hostname");
	sasl_security_properties_t security = {.security_flags = SASL_SEC_NOANONYMOUS};
	t->name.max = t->other_name.max = VERIFY_NAME_MAX + 1;

	/* POP3, SMTP and IMAP have no place for it in their replies: a round trip instead */
	unsigned flags = strcmp(c->service, "sieve") ? 0 : SASL_SUCCESS_DATA;
	if (sasl_server_new(c->service, *host ? host : "localhost", NULL, NULL, NULL,
		NULL, flags, &t->sasl) != SASL_OK)
		return E_IO;
	if (sasl_setprop(t->sasl, SASL_SEC_PROPS, &security) != SASL_OK)
		return E_IO;
	return bind_channel(t, c);
}

/* One message; NULL: there is none yet. */
static enum auth_status
go_on(struct mech_talk *t, const struct span *message, struct span *challenge)
{
	const char *text = NULL, *p = message && message->n ? message->p : "";
	unsigned n = 0, length = message ? (unsigned)message->n : 0;
	int result;
	current = t;
	if (t->is_begun)
		result = sasl_server_step(t->sasl, p, length, &text, &n);
	else
		result = sasl_server_start(
		    t->sasl, t->offer->name, message ? p : NULL, length, &text, &n);
	current = NULL;
	t->is_begun = true;
	if (text)
		*challenge = span_make(text, n);
	return status_of(t, result);
}

/* Whether the message waits, kept, for what an issuer says of its token. */
static bool
must_wait(struct mech_talk *t, const struct span *message)
{
	bool is_x = t->offer->kind == OFFER_XOAUTH2;
	if ((!is_x && t->offer->kind != OFFER_BEARER) || !message || message->n == 0)
		return false;
	buf_reset(&t->message);
	buf_span(&t->message, *message);
	return oauth_question(buf_as_span(&t->message), is_x, &t->token);
}

static enum auth_status
take_message(struct mech_talk *t, const struct span *message, struct span *challenge)
{
	t->token = (struct span){"", 0};
	return must_wait(t, message) ? AUTH_TEMP : go_on(t, message, challenge);
}

bool
mech_waits(const struct mech_talk *t, struct span *token)
{
	*token = t->token;
	return token->n > 0;
}

enum auth_status
mech_resume(struct mech_talk *t, struct span *challenge)
{
	struct span message = buf_as_span(&t->message);
	*challenge = (struct span){"", 0};
	t->token = (struct span){"", 0};
	return go_on(t, &message, challenge);
}

enum auth_status
mech_start(const struct auth_conn *c, struct span mech, const struct span *initial,
    struct mech_talk **out, struct span *challenge)
{
	struct mech_talk *t = mem_new(sizeof *t);
	*out = t;
	t->token = (struct span){"", 0};
	t->way.protocol = app_protocol_of(span_of(c->service));
	snprintf(t->way.client, sizeof t->way.client, "%.*s", SPAN_ARG(c->client));
	*challenge = (struct span){"", 0};
	if (offer_find(the_conf, c, mech, &t->offer) != E_OK)
		return AUTH_NO_MECH;
	if (talk_new(c, t) != E_OK)
		return AUTH_TEMP;
	if (t->offer->kind == OFFER_EXTERNAL && take_certificate(t, c) != E_OK)
		return AUTH_FAIL;
	if (initial && initial->n && is_refused(t, *initial))
		return AUTH_FAIL;
	return take_message(t, initial, challenge);
}

enum auth_status
mech_step(struct mech_talk *t, struct span response, struct span *challenge)
{
	*challenge = (struct span){"", 0};
	if (++t->steps > AUTH_STEPS_MOST || is_refused(t, response)) {
		t->token = (struct span){"", 0};
		return AUTH_FAIL;
	}
	return take_message(t, &response, challenge);
}

void
mech_free(struct mech_talk **tp)
{
	if (!*tp)
		return;
	if ((*tp)->sasl)
		sasl_dispose(&(*tp)->sasl);
	buf_free(&(*tp)->name);
	buf_free(&(*tp)->other_name);
	buf_free(&(*tp)->binding_type);
	buf_free(&(*tp)->binding_data);
	buf_wipe(&(*tp)->message);
	mem_free(tp);
}

struct span
mech_name(const struct mech_talk *t)
{
	return buf_as_span(&t->name);
}

const struct verify_way *
mech_way(const struct mech_talk *t)
{
	return &t->way;
}

/* ---- start ---- */

/* One failed conversation: whatever the mechanism opens on first use is open afterwards. */
static enum auth_status
warm_up_scram(struct mech_talk *t)
{
	struct buf last = {0};
	struct span challenge;
	enum hash_kind kind;
	if (scram_kind_of(span_of(t->offer->name), &kind) != E_OK)
		bug("a SCRAM without a hash");
	enum auth_status status =
	    mech_step(t, SPAN("n,,n=nobody,r=0123456789"), &challenge);
	if (status != AUTH_CONTINUE)
		return status;
	struct span nonce = span_head(challenge, span_find(challenge, ','));
	buf_putf(&last, "c=biws,%.*s,p=", SPAN_ARG(nonce));
	buf_base64(
	    &last, span_make((unsigned char[HASH_BYTES_MAX]){0}, hash_bytes(kind)));
	status = mech_step(t, buf_as_span(&last), &challenge);
	buf_free(&last);
	return status == AUTH_FAIL ? AUTH_CONTINUE : AUTH_TEMP;
}

static int
warm_up(const struct offer *o)
{
	const struct auth_conn c = {.service = "smtp", .has_tls = true};
	struct span challenge;
	struct mech_talk *t;
	if (o->needs & OFFER_BINDING)
		return E_OK; /* the same code as without it */
	if (!offer_may(the_conf, &c, o))
		return E_OK; /* nor will it be */
	enum auth_status status =
	    mech_start(&c, span_of(o->name), NULL, &t, &challenge);
	if (status == AUTH_CONTINUE && o->kind == OFFER_SCRAM)
		status = warm_up_scram(t);
	mech_free(&t);
	if (status == AUTH_CONTINUE)
		return E_OK;
	log_event(LOG_ERR, "no_sasl_mechanism", "mech=%s", o->name);
	return E_IO;
}

int
mech_init(const struct conf *conf)
{
	int err = E_OK;
	the_conf = conf;
	if (gssapi_prepare(conf) != E_OK)
		return E_IO;
	if (sasl_auxprop_add_plugin("merpati", on_property_init) != SASL_OK ||
	    sasl_server_init(callbacks, "merpati") != SASL_OK || oauth_plug() != E_OK) {
		log_event(LOG_ERR, "sasl_failed", "%s", "");
		return E_IO;
	}
	verify_apart(true);
	for (size_t i = 0; offer_at(i) && err == E_OK; i++)
		err = warm_up(offer_at(i));
	verify_apart(false);
	return err;
}

void
mech_refuse_with(bool (*fn)(struct span name, const struct verify_way *))
{
	refuses = fn;
}

void
mech_done(void)
{
	sasl_server_done();
}
