/* SPDX-License-Identifier: ISC */
/* dns.h - questions to the DNS and their answers, as the rest of the suite sees them; pure. */
#ifndef NET_DNS_H
#define NET_DNS_H

#include "base/arena.h"
#include "base/buf.h"

enum dns_kind { /* the numbers of RFC 1035 3.2.2, RFC 3596, RFC 6698 */
	DNS_A = 1,
	DNS_CNAME = 5,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_TLSA = 52,
};

enum dns_status {
	/* at least one record that we can use, or n_unusable says why there is none */
	DNS_FOUND,
	DNS_NO_RECORD, /* the name exists, but has nothing of this kind */
	/* the name does not exist, or is no name (labels of letters, digits, - and _) */
	DNS_NO_NAME,
	DNS_TEMP, /* SERVFAIL, a timeout, a resolver that went away: ask again later */
	/* an answer was there and did not validate: for mail as DNS_TEMP (RFC 7672 2.1.1) */
	DNS_BOGUS,
};

enum {
	/* octets of a name as text, without the last dot (RFC 1035 2.3.4) */
	DNS_NAME_MAX = 253,
	DNS_LABEL_MAX = 63,
	DNS_PORT = 53,
	DNS_RECORDS_MAX = 100, /* of an answer; more are left out, and is_cut says so */
	/* octets of a TXT record, its strings joined; longer: not usable */
	DNS_TXT_MAX = 4096,
	DNS_TLSA_MAX = 4096,    /* octets of association data; longer: not usable */
	DNS_WHY_MAX = 200,      /* octets of the reason */
	DNS_CNAMES_MAX = 12,    /* aliases that are followed; more: DNS_TEMP */
	DNS_ANSWER_MAX = 60000, /* octets of an answer between processes */
};

struct dns_record {
	uint16_t preference;               /* MX */
	uint8_t usage, selector, matching; /* TLSA, RFC 6698 2.1 */
	/*
	 * borrow: what the answer borrows.  MX, CNAME, PTR: a name in lower case without its last
	 * dot, "" is the root (RFC 7505).  A: 4 bytes, AAAA: 16 bytes, in network order.  TLSA:
	 * association data.  TXT: its strings, joined (RFC 7208 3.3, RFC 8461 3.1).
	 */
	struct span data;
};

struct dns_answer {
	enum dns_status status;
	/* validated by DNSSEC from the first name to the last, also that something is not there */
	bool is_secure;
	bool has_alias; /* the name led to another one (CNAME, DNAME) */
	bool is_cut;    /* there were more records */
	/* least of the chain; of a negative answer that of its SOA, or 0 */
	uint32_t ttl_sec;
	uint16_t n_unusable; /* records that are not what they should be; left out */
	struct span name;    /* canonical: where the chain ends; lower case */
	/*
	 * why it is DNS_TEMP or DNS_BOGUS, one line for logs and reports; it may hold outside text
	 */
	struct span why;
	struct dns_record *records;
	size_t n_records;
};

const char *dns_kind_name(enum dns_kind); /* "MX"; "?" for another number */
/* "found", "no_record", "no_name", "temp", "bogus" */
const char *dns_status_name(enum dns_status);
/*
 * dns_name_ok - labels of letters, digits, hyphens and underscores, within the limits; a last dot
 * is fine, "" is not
 */
bool dns_name_ok(struct span name);
/*
 * dns_question_ok - what may be asked for: a name as above in which other octets may stand, each as
 * "\\DDD" (RFC 1035 5.1), and each counts as these four: names that SPF makes of addresses
 */
bool dns_question_ok(struct span name);
/* dns_question_put - outside text as such a name; dots part its labels.  It may not be ok */
void dns_question_put(struct span text, struct buf *out);
/*
 * dns_reverse_name - of 4 or 16 bytes: "4.3.2.1.in-addr.arpa" (RFC 1035 3.5, RFC 3596 2.5); another
 * length is a bug()
 */
void dns_reverse_name(struct span address, struct buf *out);
/* dns_tlsa_name - "_25._tcp.HOST" (RFC 6698 3) */
void dns_tlsa_name(struct span host, uint16_t port, struct buf *out);

/*
 * dns_server_parse - a server of resolver_forward, "192.0.2.53", "192.0.2.53:5353",
 * "[2001:db8::1]:5353", that passed its check; out: ADDRESS@PORT, as libunbound writes it; may be
 * NULL.  Returns the port
 */
uint16_t dns_server_parse(struct span setting, struct buf *out);

/*
 * dns_packet_parse - the answer in a packet of the wire format (RFC 1035 4.1), its CNAMEs followed.
 *   sets     status (from its rcode and what it holds), has_alias, is_cut, ttl_sec, n_unusable,
 *            name, records, why; leaves is_secure
 *   out      copied into the arena
 *   returns  E_OK, E_BAD (not a packet; out is DNS_TEMP then), E_LIMIT (arena full)
 */
MUST_USE int dns_packet_parse(struct span packet, enum dns_kind, struct span name,
    struct arena *, struct dns_answer *out);

/* dns_answer_copy - all of it into the arena.  E_OK, E_LIMIT (arena full) */
MUST_USE int dns_answer_copy(
    const struct dns_answer *, struct arena *, struct dns_answer *out);
/* Between processes.  get: E_OK, E_BAD, E_LIMIT (arena full); copied into the arena */
/* past DNS_ANSWER_MAX records are left out: is_cut */
void dns_answer_put(struct buf *, const struct dns_answer *);
MUST_USE int dns_answer_get(struct rd *, struct arena *, struct dns_answer *out);

#endif
