/* SPDX-License-Identifier: ISC */
/*
 * delegate.h - policy servers as Postfix asks them: lines "name=value" and an empty one; the answer
 * is a line "action=...", and an empty one.  Asked about each recipient, where the item says so
 * about DATA and the whole message, too.  A connection is kept as long as the process.  Blocks, with
 * deadlines.
 */
#ifndef SMTPD_POLICY_DELEGATE_H
#define SMTPD_POLICY_DELEGATE_H

#include "conf/service.h"
#include "proc/io.h"

struct conf;
struct dialer;

enum {
	DELEGATE_ANSWER_MAX = 4096, /* bytes of an answer, in all */
	DELEGATE_TEXT_MAX = 1000,   /* octets of the text behind an action */
	DELEGATE_VALUE_MAX =
	    2000, /* octets of a value that we send; longer ones are cut */
	DELEGATE_QUESTION_MAX = 64 * 1024,
};

/* ---- the grammar: pure ---- */

/* What is told, in this order; an empty value is sent as such. */
/* clang-format off */
#define DELEGATE_ATTRIBUTES(A)                       \
	A(PROTOCOL_STATE,      "protocol_state")          \
	A(PROTOCOL_NAME,       "protocol_name")           \
	A(CLIENT_ADDRESS,      "client_address")          \
	A(CLIENT_NAME,         "client_name")             \
	A(CLIENT_PORT,         "client_port")             \
	A(REVERSE_CLIENT_NAME, "reverse_client_name")     \
	A(SERVER_ADDRESS,      "server_address")          \
	A(SERVER_PORT,         "server_port")             \
	A(HELO_NAME,           "helo_name")               \
	A(SENDER,              "sender")                  \
	A(RECIPIENT,           "recipient")               \
	A(RECIPIENT_COUNT,     "recipient_count")         \
	A(QUEUE_ID,            "queue_id")                \
	A(INSTANCE,            "instance")                \
	A(SIZE,                "size")                    \
	A(ETRN_DOMAIN,         "etrn_domain")             \
	A(STRESS,              "stress")                  \
	A(SASL_METHOD,         "sasl_method")             \
	A(SASL_USERNAME,       "sasl_username")           \
	A(SASL_SENDER,         "sasl_sender")             \
	A(CCERT_SUBJECT,       "ccert_subject")           \
	A(CCERT_ISSUER,        "ccert_issuer")            \
	A(CCERT_FINGERPRINT,   "ccert_fingerprint")       \
	A(CCERT_PUBKEY,        "ccert_pubkey_fingerprint") \
	A(ENCRYPTION_PROTOCOL, "encryption_protocol")     \
	A(ENCRYPTION_CIPHER,   "encryption_cipher")       \
	A(ENCRYPTION_KEYSIZE,  "encryption_keysize")      \
	A(POLICY_CONTEXT,      "policy_context")
/* clang-format on */

#define DELEGATE_ENUM(name, text) DELEGATE_##name,

enum delegate_attribute { DELEGATE_ATTRIBUTES(DELEGATE_ENUM) DELEGATE_COUNT };

enum delegate_action {
	DELEGATE_DUNNO,           /* OK and permit, too: the next one is asked */
	DELEGATE_REFUSE,          /* with code and text */
	DELEGATE_DEFER_IF_PERMIT, /* refused for now, unless somebody refuses for good */
	DELEGATE_PREPEND,         /* text: a field for the header */
	DELEGATE_HOLD,            /* the message is held in the queue */
	DELEGATE_DISCARD,         /* the message is taken, and nothing becomes of it */
	DELEGATE_UNKNOWN, /* FILTER, REDIRECT, BCC, ...: what is not done here */
};

struct delegate_answer {
	enum delegate_action action;
	bool is_ok;           /* OK: no other service is asked about this */
	unsigned code;        /* of a refusal: 400 to 599 */
	struct span enhanced; /* of it, or empty */
	struct span text;     /* borrow: the answer; may be empty */
	struct span word;     /* the action, as it was said */
};

/*
 * delegate_put - a question.  values: [DELEGATE_COUNT]; what would end a line in them is left out
 */
void delegate_put(struct buf *out, const struct span *values);
/*
 * delegate_parse - an answer.
 *   in       advanced past it on E_OK
 *   returns  E_OK, E_MORE, E_BAD (no action in it, or two), E_LIMIT (DELEGATE_ANSWER_MAX)
 */
MUST_USE int delegate_parse(struct span *in, struct delegate_answer *out);

/* ---- the services ---- */

struct delegate {
	struct service service; /* borrow: the configuration */
	enum service_default fallback;
	int64_t time_ms;
	struct io io; /* own; fd -1: not connected */
};

struct delegates {
	struct delegate *all; /* own */
	size_t n;
	int64_t connect_ms;
	struct dialer *dialer; /* borrow */
	size_t n_away; /* of the last delegates_ask: those that gave no answer */
	struct buf scratch;
	struct buf said; /* own: what the spans of the last answer borrow */
};

/* list: "policy_services", "submission_policy_services" */
void delegates_load(
    struct delegates *, const struct conf *, const char *list, struct dialer *);
void delegates_free(struct delegates *);
/* delegates_at - the stages (enum service_stage) at which any of them is asked */
unsigned delegates_at(const struct delegates *);

/* What is done with each answer that is no DUNNO and no refusal. */
typedef void delegate_fn(
    void *ctx, const struct service *, const struct delegate_answer *);

/*
 * delegates_ask - all that are asked at this stage, in order, until one refuses or says OK.
 *   values   [DELEGATE_COUNT]
 *   each     is told of the others' PREPEND, HOLD, DISCARD
 *   out      the refusal, its spans valid until the next call; else DELEGATE_DUNNO
 */
void delegates_ask(struct delegates *, enum service_stage, const struct span *values,
    int64_t deadline, delegate_fn *each, void *ctx, struct delegate_answer *out);

#endif
