/* SPDX-License-Identifier: ISC */
/*
 * oauth.c - a plug-in for libsasl2: OAUTHBEARER and XOAUTH2.  A token that the issuer signed for us, in
 * time, with an address in it, is that address's login.  A bad one is answered by a few words of JSON
 * that say so, and then by the failure (RFC 7628 3.2.2).
 */
#include <errno.h>
#include <fcntl.h>
#include <sasl/sasl.h>
#include <sasl/saslplug.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/auth.h"
#include "auth/bearer.h"
#include "auth/gssapi.h"
#include "auth/introspect.h"
#include "auth/jwt.h"
#include "auth/secrets.h"
#include "auth/verify.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "conf/conf.h"
#include "tls/hash.h"
#include "tls/server.h"

/* What the issuer said of a token. */
struct said {
	unsigned char tag[SHA256_BYTES]; /* of the token, under a key of this process */
	int64_t until_ms;
	int err; /* E_OK, E_DENY, E_IO */
	char claim[VERIFY_NAME_MAX + 1];
	const char *why; /* static */
};

static struct {
	const struct conf *conf; /* borrow: the process's */
	struct jwt_keys *keys;   /* own; NULL: none is configured */
	unsigned char tag_key[SHA256_BYTES];
	struct said *said; /* own: SAID_ENTRIES, each at its place; NULL until needed */
} the;

/* One conversation. */
struct talk {
	struct buf reply; /* own: the JSON that libsasl2 borrows */
	bool is_x;
	bool has_failed; /* the JSON is on its way */
};

/* ---- the keys ---- */

bool
oauth_is_configured(const struct conf *conf)
{
	return conf_str(conf, "common", "oauth_keys")[0] != '\0' ||
	       introspect_is_configured(conf);
}

static int
read_file(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = fd >= 0 ? file_read(fd, out) : E_IO;
	if (fd >= 0)
		close(fd);
	return err;
}

/* A token for any audience, or of any issuer, would be a key to all mailboxes. */
static int
check_rules(const struct conf *conf, struct buf *errors)
{
	static const char *const needed[] = {
	    "oauth_audience", "oauth_claim", "oauth_issuer"};
	/* whom we ask about a token is its issuer */
	size_t n = conf_str(conf, "common", "oauth_keys")[0] ? COUNT(needed) : 2;
	int err = E_OK;
	for (size_t i = 0; i < n; i++)
		if (!conf_str(conf, "common", needed[i])[0]) {
			buf_putf(errors, "%s: tokens need %s, too\n", conf_path(conf),
			    needed[i]);
			err = E_BAD;
		}
	return err;
}

static int
read_keys(const struct conf *conf, struct buf *errors, struct jwt_keys **out)
{
	const char *path = conf_str(conf, "common", "oauth_keys");
	struct buf json = {.max = JWT_KEYS_BYTES_MAX};
	int err = read_file(path, &json);
	if (err == E_IO)
		buf_putf(errors, "%s: %s\n", path, strerror(errno));
	else if (err != E_OK || jwt_keys_new(buf_as_span(&json), out) != E_OK)
		buf_putf(errors,
		    "%s: right would be a JSON Web Key set with a public key for "
		    "RS256, ES256 or EdDSA\n",
		    path);
	buf_free(&json);
	return *out ? E_OK : E_BAD;
}

static int
load(const struct conf *conf, struct buf *errors, struct jwt_keys **out)
{
	*out = NULL;
	if (!oauth_is_configured(conf))
		return E_OK;
	int err = check_rules(conf, errors);
	if (conf_str(conf, "common", "oauth_keys")[0] &&
	    read_keys(conf, errors, out) != E_OK)
		err = E_BAD;
	return err;
}

int
auth_self_test(const struct conf *conf, struct buf *errors)
{
	struct jwt_keys *keys;
	int tls = tls_self_test(conf, errors), err = load(conf, errors, &keys);
	jwt_keys_free(&keys);
	if (introspect_check(conf, errors) != E_OK ||
	    secrets_open(conf, errors) != E_OK || gssapi_check(conf, errors) != E_OK)
		err = E_BAD;
	secrets_close();
	return tls == E_OK ? err : tls;
}

int
oauth_open(const struct conf *conf)
{
	struct buf errors = {0};
	the.conf = conf;
	random_fill(the.tag_key, sizeof the.tag_key);
	int err = load(conf, &errors, &the.keys);
	if (err != E_OK)
		log_event(
		    LOG_ERR, "oauth_failed", "why=%s", log_q(buf_as_span(&errors)));
	buf_free(&errors);
	return err == E_OK ? introspect_open(conf) : err;
}

/* ---- a token ---- */

static bool
is_same_user(struct span said, struct span name)
{
	struct buf out = {.max = VERIFY_NAME_MAX + 1};
	bool is_same =
	    verify_name(said, &out) == E_OK && span_eq(buf_as_span(&out), name);
	buf_free(&out);
	return is_same;
}

static struct jwt_rules
rules_now(void)
{
	return (struct jwt_rules){
	    .issuer = conf_str(the.conf, "common", "oauth_issuer"),
	    .audience = conf_str(the.conf, "common", "oauth_audience"),
	    .scope = conf_str(the.conf, "common", "oauth_scope"),
	    .claim = conf_str(the.conf, "common", "oauth_claim"),
	    .now_sec = clock_wall_sec()};
}

/* Where it stands, or will stand; its tag. */
static struct said *
said_place(struct span token, unsigned char *tag)
{
	uint32_t place;
	if (!the.said)
		the.said = mem_new(SAID_ENTRIES * sizeof *the.said);
	hmac_sha256(span_make(the.tag_key, sizeof the.tag_key), token, tag);
	memcpy(&place, tag, sizeof place);
	return &the.said[place % SAID_ENTRIES];
}

static struct said *
said_find(struct span token)
{
	unsigned char tag[SHA256_BYTES];
	struct said *s = said_place(token, tag);
	return clock_mono_ms() < s->until_ms && mem_same(s->tag, tag, sizeof tag)
	           ? s
	           : NULL;
}

void
oauth_said(struct span token, int err, struct span json)
{
	struct jwt_rules rules = rules_now();
	struct buf claim = {.max = VERIFY_NAME_MAX};
	unsigned char tag[SHA256_BYTES];
	struct said *s = said_place(token, tag);
	int64_t ends_sec = 0, keep_ms = SAID_NOTHING_MS;
	*s = (struct said){.err = err, .why = "the issuer says nothing"};
	memcpy(s->tag, tag, sizeof s->tag);
	if (err == E_OK) {
		s->err = introspection_check(&rules, json, &claim, &ends_sec, &s->why);
		keep_ms = s->err == E_OK ? SAID_GOOD_MS : SAID_BAD_MS;
		snprintf(s->claim, sizeof s->claim, "%s", buf_cstr(&claim));
	}
	if (s->err == E_OK && ends_sec && (ends_sec - rules.now_sec) * 1000 < keep_ms)
		keep_ms = ends_sec > rules.now_sec ? (ends_sec - rules.now_sec) * 1000
		                                   : SAID_NOTHING_MS;
	s->until_ms = clock_mono_ms() + keep_ms;
	buf_free(&claim);
}

/* With keys a token that is signed is theirs to judge. */
static bool
is_for_issuer(struct span token)
{
	return introspect_is_configured(the.conf) && !(the.keys && jwt_is_one(token));
}

bool
oauth_question(struct span message, bool is_x, struct span *token)
{
	struct bearer b;
	if (bearer_parse(message, is_x, &b) != E_OK)
		return false;
	buf_free(&b.user);
	*token = b.token;
	return is_for_issuer(b.token) && !said_find(b.token);
}

/* E_OK with what stands in the claim, E_DENY, E_IO */
static int
claim_of(struct span token, struct buf *claim, const char **why)
{
	struct jwt_rules rules = rules_now();
	*why = "no keys";
	if (!is_for_issuer(token))
		return the.keys ? jwt_check(the.keys, &rules, token, claim, why)
		                : E_DENY;
	const struct said *s = said_find(token);
	*why = s ? s->why : "the issuer was not asked";
	if (s && s->err == E_OK)
		buf_str(claim, s->claim);
	return s ? s->err : E_IO;
}

/* name: whose it is.  E_OK, E_DENY, E_IO */
static int
token_check(const struct bearer *b, struct buf *name)
{
	struct buf claim = {.max = VERIFY_NAME_MAX};
	const char *why;
	int err = claim_of(b->token, &claim, &why);
	if (err == E_OK && (span_find(buf_as_span(&claim), '@') == claim.len ||
			       verify_name(buf_as_span(&claim), name) != E_OK ||
			       verify_address(buf_as_span(name)).n != name->len)) {
		why = "not an address";
		err = E_DENY;
	}
	if (err == E_OK && b->user.len &&
	    !is_same_user(buf_as_span(&b->user), buf_as_span(name))) {
		why = "another user's";
		err = E_DENY;
	}
	if (err != E_OK)
		log_event(LOG_NOTICE, "token_refused", "user=%s why=%s",
		    log_q(buf_as_span(&b->user)), log_qs(why));
	buf_free(&claim);
	return err;
}

/* RFC 7628 3.2.2; XOAUTH2 has other words for it. */
static void
put_failure(struct talk *t, bool is_malformed)
{
	const char *scope = conf_str(the.conf, "common", "oauth_scope");
	buf_reset(&t->reply);
	buf_str(&t->reply, "{\"status\":");
	buf_quoted(&t->reply, t->is_x ? (is_malformed ? SPAN("400") : SPAN("401"))
			      : is_malformed ? SPAN("invalid_request")
					     : SPAN("invalid_token"));
	if (t->is_x)
		buf_str(&t->reply, ",\"schemes\":\"bearer\"");
	if (scope[0]) {
		buf_str(&t->reply, ",\"scope\":");
		buf_quoted(&t->reply, span_of(scope));
	}
	buf_str(&t->reply, "}");
}

/* ---- the plug-in ---- */

static int
mech_new(void *glob, sasl_server_params_t *params, const char *challenge, unsigned n,
    void **out)
{
	struct talk *t = mem_new(sizeof *t);
	(void)params, (void)challenge, (void)n;
	t->is_x = glob != NULL;
	*out = t;
	return SASL_OK;
}

static void
mech_dispose(void *ctx, const sasl_utils_t *utils)
{
	struct talk *t = ctx;
	(void)utils;
	if (t)
		buf_free(&t->reply);
	mem_free(&t);
}

static int
let_in(sasl_server_params_t *params, struct buf *name, sasl_out_params_t *out)
{
	int result = params->canon_user(params->utils->conn, buf_cstr(name),
	    (unsigned)name->len, SASL_CU_AUTHID | SASL_CU_AUTHZID, out);
	out->doneflag = 1;
	return result;
}

static int
mech_step(void *ctx, sasl_server_params_t *params, const char *in, unsigned n,
    const char **out, unsigned *n_out, sasl_out_params_t *oparams)
{
	struct talk *t = ctx;
	struct bearer b = {.token = {"", 0}};
	struct buf name = {.max = VERIFY_NAME_MAX + 1};
	*out = NULL;
	*n_out = 0;
	if (t->has_failed)
		return SASL_BADAUTH; /* whatever the client has to say to that */
	int parsed = bearer_parse(span_make(in, n), t->is_x, &b);
	int err = parsed == E_OK ? token_check(&b, &name) : E_DENY;
	int result = SASL_CONTINUE;
	if (err == E_OK) {
		result = let_in(params, &name, oparams);
	} else if (err == E_IO) {
		result = SASL_UNAVAIL;
	} else {
		put_failure(t, parsed != E_OK);
		t->has_failed = true;
		*out = buf_cstr(&t->reply);
		*n_out = (unsigned)t->reply.len;
	}
	buf_free(&b.user);
	buf_free(&name);
	return result;
}

static int
on_plug(const sasl_utils_t *utils, int max_version, int *version,
    sasl_server_plug_t **list, int *n)
{
	static char is_x;
	static sasl_server_plug_t plugs[] = {
	    {.mech_name = "OAUTHBEARER",
		.security_flags = SASL_SEC_NOANONYMOUS | SASL_SEC_PASS_CREDENTIALS,
		.features = SASL_FEAT_WANT_CLIENT_FIRST | SASL_FEAT_ALLOWS_PROXY,
		.mech_new = mech_new,
		.mech_step = mech_step,
		.mech_dispose = mech_dispose},
	    {.mech_name = "XOAUTH2",
		.security_flags = SASL_SEC_NOANONYMOUS | SASL_SEC_PASS_CREDENTIALS,
		.features = SASL_FEAT_WANT_CLIENT_FIRST | SASL_FEAT_ALLOWS_PROXY,
		.glob_context = &is_x,
		.mech_new = mech_new,
		.mech_step = mech_step,
		.mech_dispose = mech_dispose}};

	(void)utils;
	if (max_version < SASL_SERVER_PLUG_VERSION)
		return SASL_BADVERS;
	*version = SASL_SERVER_PLUG_VERSION;
	*list = plugs;
	*n = (int)COUNT(plugs);
	return SASL_OK;
}

int
oauth_plug(void)
{
	return sasl_server_add_plugin("merpati", on_plug) == SASL_OK ? E_OK : E_IO;
}
