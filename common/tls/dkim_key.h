/* SPDX-License-Identifier: ISC */
/*
 * dkim_key.h - private keys that sign mail: made, read, used.  They lie in
 * STATE/dkim/DOMAIN/SELECTOR.rsa.pem and SELECTOR.ed25519.pem (PKCS#8, or PKCS#1 for RSA), readable
 * by the role "key" alone; the links current.rsa and current.ed25519 name the file that signs.
 */
#ifndef TLS_DKIM_KEY_H
#define TLS_DKIM_KEY_H

#include "base/buf.h"

struct conf;

enum dkim_key_kind { DKIM_KEY_RSA, DKIM_KEY_ED25519, DKIM_KEY_KINDS };

enum {
	DKIM_KEY_FILE_MAX = 16 << 10, /* octets of a file */
	DKIM_KEY_RSA_BITS = 2048,     /* of one that is made */
	DKIM_SELECTOR_MAX = 63,       /* octets; labels with dots between them */
	DKIM_DOMAIN_MAX = 253,
	DKIM_KEY_LINK_MAX = DKIM_SELECTOR_MAX + 16, /* "SELECTOR.ed25519.pem" */
};

const char *dkim_key_kind_name(enum dkim_key_kind); /* "rsa", "ed25519": k= too */
/* lower-case letters, digits, hyphens, underscores, dots between them: no path */
bool dkim_is_domain(struct span);
bool dkim_is_selector(struct span);

/* ---- folders ---- */
/* dkim_path_put - STATE/dkim, and of a domain that; domain empty: of all */
void dkim_path_put(const struct conf *, struct span domain, struct buf *out);
/*
 * dkim_folder_make - STATE/dkim, so that the role may read what comes into it.  As root it is
 * user_key's.  What goes wrong is logged
 */
void dkim_folder_make(const struct conf *);
void dkim_file_put(
    struct span selector, enum dkim_key_kind, struct buf *out); /* its file's name */
/* dkim_file_parse - is it the name of a key's file?  selector: borrow */
bool dkim_file_parse(struct span name, enum dkim_key_kind *, struct span *selector);
void dkim_current_put(enum dkim_key_kind, struct buf *out); /* "current.rsa" */
/*
 * dkim_current - the selector that signs: where the link leads, or, without one, the last by name.
 *   dir      of the domain
 *   returns  E_OK (added to out), E_MORE (there is no such key)
 */
MUST_USE int dkim_current(int dir, enum dkim_key_kind, struct buf *out);

/* ---- keys ---- */
struct dkim_key; /* a private key */

/* dkim_key_new - makes one; RSA takes half a second.  own */
struct dkim_key *dkim_key_new(enum dkim_key_kind);
/* dkim_key_parse - PEM.  E_OK, E_BAD (none, or of another kind; *why is static) */
MUST_USE int dkim_key_parse(
    struct span pem, enum dkim_key_kind, struct dkim_key **out, const char **why);
/* dkim_key_read - a file of that folder.  E_OK, E_IO (errno in *why), E_BAD */
MUST_USE int dkim_key_read(int dir, struct span selector, enum dkim_key_kind,
    struct dkim_key **out, const char **why);
void dkim_key_free(struct dkim_key **);
void dkim_key_pem(const struct dkim_key *, struct buf *out); /* a secret: buf_wipe */
/* dkim_key_public - as p= has it, before base64: RFC 6376 3.6.1, RFC 8463 4.2 */
void dkim_key_public(const struct dkim_key *, struct buf *out);
/* dkim_key_sign - of a SHA-256 digest (PKCS#1; Ed25519 over the digest).  E_OK, E_BAD (logged) */
MUST_USE int dkim_key_sign(
    const struct dkim_key *, struct span digest, struct buf *out);

#endif
