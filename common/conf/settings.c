/* SPDX-License-Identifier: ISC */
/*
 * settings.c - every setting of every daemon: parser, dump, manual page and defaults come from this
 * table.
 */
#include "conf/check.h"

/* clang-format off */
#define STR(name, def, check, doc)               {name, CONF_STR, def, 0, 0, "", doc, check}
#define LIST(name, def, check, doc)              {name, CONF_LIST, def, 0, 0, "", doc, check}
#define BOOL(name, def, doc)                     {name, CONF_BOOL, def, 0, 0, "", doc, NULL}
#define INT(name, def, least, most, doc)         {name, CONF_INT, def, least, most, "", doc, NULL}
#define BYTES(name, def, least, most, doc)       {name, CONF_BYTES, def, least, most, "bytes", doc, NULL}
#define SECONDS(name, def, least, most, doc)     {name, CONF_SECONDS, def, least, most, "seconds", doc, NULL}

#define MINUTE 60
#define HOUR   3600
#define DAY    86400
#define KB     1024LL
#define MB     (1024LL * 1024)
#define GB     (1024LL * 1024 * 1024)

static const struct conf_setting common[] = {
	STR("hostname", "localhost", check_domain, "name of this host in greetings, Received lines and reports"),
	LIST("domains", "localhost", check_domain, "domains whose mailboxes are here"),
	LIST("domain_aliases", "", check_domain_pair, "other names of a domain: \"example.org=example.com\""),
	LIST("catch_all", "", check_catch_all, "where unknown addresses of a domain go: \"example.com=postmaster@example.com\""),
	STR("alias_file", "/etc/merpati/aliases", check_absolute, "aliases and lists: \"name: target, target\""),
	BOOL("srs", "no", "let mail that aliases pass on to other hosts come from an address of ours that leads back to its sender"),
	STR("srs_domain", "", check_domain_or_none, "the domain of these addresses, one of domains; \"\": the first of them"),
	STR("subaddress", "+", check_subaddress, "what parts user and detail in user+detail@domain; \"\" for none"),
	STR("mail_dir", "/var/mail/merpati", check_absolute, "mailboxes, as DOMAIN/USER"),
	STR("spool_dir", "/var/spool/merpati", check_absolute, "messages on their way"),
	STR("state_dir", "/var/lib/merpati", check_absolute, "accounts"),
	STR("run_dir", "/run/merpati", check_absolute, "sockets and pid files"),
	STR("log", "syslog", check_log, "where log lines go: \"syslog\", \"stderr\" or a file"),
	BOOL("log_debug", "no", "log every step"),
	STR("user_net", "merpati-net", check_name, "user (name or number) of what talks to strangers"),
	STR("user_key", "merpati-key", check_name, "user of the process that holds the private TLS keys"),
	STR("user_auth", "merpati-auth", check_name, "user of the process that checks passwords; owner of the account table"),
	STR("user_lookup", "merpati-lookup", check_name, "user of the process that looks up recipients"),
	STR("user_queue", "merpati-queue", check_name, "user of spool and scheduler; owner of the spool"),
	STR("user_deliver", "merpati-deliver", check_name, "user of the placers"),
	STR("group", "merpati", check_name, "group of all these users; may read the account table without its secrets"),
	INT("uid_first", "200000", 1000, 4000000000, "first uid for mailboxes"),
	INT("uid_last", "299999", 1000, 4000000000, "last uid for mailboxes"),
	LIST("tls_certificates", "", check_absolute, "certificate chains, PEM; ECDSA first, then RSA"),
	LIST("tls_keys", "", check_absolute, "private keys, PEM, in the same order"),
	STR("tls_minimum", "1.2", check_tls_minimum, "oldest TLS version that is spoken"),
	STR("tls_authorities", "/etc/ssl/certs/ca-certificates.crt", check_absolute, "authorities that other servers' certificates must come from, PEM"),
	BOOL("plaintext_auth_on_loopback", "no", "offer PLAIN and LOGIN without TLS to clients on 127.0.0.0/8 and ::1"),
	STR("auth_source", "embedded", check_auth_source, "where accounts come from"),
	STR("oauth_keys", "", check_absolute_or_none, "public keys of tokens, a JSON Web Key set; \"\": OAUTHBEARER and XOAUTH2 are not offered"),
	STR("oauth_issuer", "", NULL, "who must have issued a token (claim iss)"),
	STR("oauth_audience", "", NULL, "for whom it must be (claim aud)"),
	STR("oauth_scope", "", NULL, "what it must permit (claim scope or scp); \"\": anything"),
	STR("oauth_claim", "email", NULL, "the claim that holds the address"),
	STR("auth_plaintext_store", "", check_absolute_or_none, "lines \"ADDRESS:PASSWORD\", mode 0600, for CRAM-MD5, which must have them; \"\": it is not offered"),
	STR("client_certificates", "", check_absolute_or_none, "authorities, PEM, whose certificates log clients in (EXTERNAL); \"\": none are asked for"),
	STR("client_certificate_map", "", check_absolute_or_none, "lines \"FINGERPRINT ADDRESS\" (SHA-256, hex): whose a certificate is; of others the address in it says so"),
	INT("scram_iterations", "4096", 4096, 1000000, "work per password for new passwords (RFC 7677)"),
	LIST("proxy_networks", "", check_network, "networks whose connections begin with the PROXY protocol"),
	LIST("resolver_forward", "", check_server, "DNS servers that are asked, \"192.0.2.53\" or \"192.0.2.53:5353\"; \"system\": those of /etc/resolv.conf; none: the resolver asks the DNS itself, from the root on"),
	BOOL("resolver_dnssec", "yes", "validate what the DNS says; \"no\" makes no answer secure, so there is no DANE"),
	LIST("resolver_trust_anchors", "", check_absolute, "files with the DS or DNSKEY records that are trusted; none: the root's keys of 2017 and 2024"),
	SECONDS("resolver_time", "20s", 1, 10 * MINUTE, "wait for an answer of the DNS"),
	BYTES("resolver_cache", "8M", 64 * KB, 4 * GB, "memory for what the DNS said, of each daemon that asks it"),
	SECONDS("stop_time", "30s", 1, HOUR, "how long TERM lets sessions finish"),
};

static const struct conf_setting smtpd[] = {
	LIST("listen_smtp", "0.0.0.0:25 [::]:25 0.0.0.0:2525 [::]:2525", check_listen, "intake: mail from other servers"),
	LIST("listen_submission", "0.0.0.0:587 [::]:587", check_listen, "submission: STARTTLS, then AUTH"),
	LIST("listen_submissions", "0.0.0.0:465 [::]:465", check_listen, "submission over TLS from the first byte"),
	LIST("relay_networks", "127.0.0.0/8 ::1/128", check_network, "networks that may send anywhere without AUTH"),
	BYTES("message_size", "50M", KB, 2 * GB, "largest message"),
	INT("recipients_most", "1000", 1, 1000, "recipients of a message"),
	INT("errors_most", "20", 1, 10000, "bad commands before a client is sent away"),
	INT("commands_most", "1000", 10, 1000000, "commands without a message between"),
	SECONDS("idle_time", "5m", 1, HOUR, "wait for a client's next line"),
	SECONDS("session_time", "1h", 10, DAY, "a connection, in all"),
	SECONDS("transaction_time", "30m", 10, DAY, "a message, from MAIL to its end"),
	INT("connections_most", "4000", 1, 60000, "connections in all"),
	INT("connections_per_address", "50", 1, 60000, "connections of an IPv4 address or an IPv6 /64"),
	INT("sessions_most", "500", 1, 10000, "session processes: clients that are served at once"),
	INT("sessions_spare", "4", 1, 500, "session processes that are kept"),
	INT("serves_most", "1000", 1, 1000000, "connections a session process serves before it is replaced"),
	SECONDS("greet_pause", "0", 0, 60, "how long a client of another network waits for its first greeting on port 25; who speaks before it is refused"),
	STR("rdns", "note", check_mode, "what becomes of a client whose address has no name that leads back to it: \"off\" (nobody asks), \"note\" (Authentication-Results and the log say so) or \"refuse\""),
	STR("helo_syntax", "note", check_mode, "the same of one whose HELO is neither a full name nor an address in brackets"),
	STR("helo_literal", "note", check_mode, "the same of one whose HELO is another address than its own"),
	STR("helo_resolves", "off", check_mode, "the same of one whose HELO is a name that is not in the DNS"),
	STR("helo_ours", "note", check_mode, "the same of one whose HELO is hostname, or one of domains"),
	LIST("dnsbl", "", check_dnslist, "lists of bad and good clients in the DNS, and what each counts: \"zen.example.org=127.0.0.[2..11] 3\", \"list.example.net=127.0.[0..255].[1..3] -2\"; see DNSBL"),
	INT("dnsbl_refuse", "1", 1, 10000, "sum of dnsbl from which a client is refused"),
	INT("dnsbl_trust", "1", 1, 10000, "how far below 0 the sum of dnsbl is of a client that is known to be good"),
	STR("authserv_id", "", check_domain_or_none, "our name in Authentication-Results; \"\": hostname"),
	STR("spf", "note", check_mode, "what becomes of mail whose sender's domain does not let its client send (SPF): \"off\", \"note\" or \"refuse\""),
	STR("dkim", "note", check_noted, "whether a message's signatures are good (DKIM): \"off\", \"note\""),
	BOOL("dkim_sign", "yes", "sign what logins send, for the domain in its From, where that has keys (merpati dkim)"),
	STR("arc", "note", check_noted, "whether those who passed a message on sealed what they found (ARC): \"off\", \"note\""),
	LIST("arc_trust", "", check_domain, "domains whose seals are believed: mail that passed DMARC when the first of them had it is not refused for DMARC here"),
	BOOL("arc_seal", "yes", "seal what aliases pass on to other hosts, with the keys of srs_domain or else of the first of domains, where that has some"),
	STR("dmarc", "note", check_dmarc, "what the domain in From says of mail that neither SPF nor DKIM vouches for (DMARC): \"off\", \"note\", \"enforce\" (refused, or quarantined)"),
	INT("hops_most", "100", 1, 1000, "Received lines of a message"),
	INT("front_count", "1", 1, 16, "processes that accept connections"),
	LIST("access", "", check_access, "whose mail is taken or not, whatever else is known of it: \"allow client=192.0.2.0/24\", \"deny sender=*@example.com some text\"; see ACCESS"),
	STR("access_file", "", check_absolute_or_none, "a file with more of them, a line each; \"\": none"),
	BOOL("greylist", "no", "answer 451 to who sends for the first time, until it comes again"),
	SECONDS("greylist_delay", "3m", 1, HOUR, "how long it has to wait"),
	SECONDS("greylist_window", "1d", MINUTE, 30 * DAY, "how long it may take to come again"),
	SECONDS("greylist_keep", "36d", HOUR, 365 * DAY, "how long who came again is known, since its last mail"),
	INT("greylist_learn", "5", 0, 1000000, "messages for which a sender (the organisation that SPF names, else a network) came again before none of its mail waits any more; 0: each waits"),
	INT("greylist_most", "200000", 100, 100000000, "messages and senders that are remembered; about 150 bytes each"),
	BOOL("vrfy", "no", "answer VRFY with what is known"),
	STR("submission_from", "refuse", check_mode, "what becomes of mail of a login whose From or Sender does not belong to it: \"refuse\", \"note\" (only logged) or \"off\""),
	BOOL("submission_hide_client", "yes", "no address of the client in the Received line of what somebody submitted who logged in"),
	LIST("milters", "", check_milter, "mail filters that see mail of listen_smtp, one after the other: \"inet:127.0.0.1:8891\", \"unix:/run/rspamd/milter.sock default=accept timeout=30s\"; see SERVICES"),
	LIST("submission_milters", "", check_milter, "the same for mail of listen_submission and listen_submissions"),
	LIST("policy_services", "", check_policy_service, "policy servers (Postfix's protocol) that are asked about recipients of mail of listen_smtp: \"unix:/run/policy.sock\", \"inet:127.0.0.1:10040 at=rcpt+end\"; see SERVICES"),
	LIST("submission_policy_services", "", check_policy_service, "the same for mail of listen_submission and listen_submissions"),
	STR("service_default", "tempfail", check_service_default, "what is done with mail when one of these cannot be asked: accept, tempfail or reject"),
	SECONDS("service_connect_time", "10s", 1, HOUR, "wait for a connection to one of these"),
	SECONDS("service_time", "30s", 1, HOUR, "wait for the answer of one of these to a command"),
	SECONDS("milter_content_time", "5m", 1, HOUR, "wait for the answer of a mail filter to a whole message"),
	INT("metrics_port", "0", 0, 65535, "port of 127.0.0.1 for metrics over HTTP, besides the socket run_dir/smtpd/metrics; 0: none"),
};

static const struct conf_setting queue[] = {
	SECONDS("retry_first", "5m", 1, DAY, "first wait before a new attempt; doubles from then on"),
	SECONDS("retry_greylist", "3m", 1, DAY, "the same for mail that was greylisted (backoff), where it is less"),
	SECONDS("retry_most", "4h", 1, 7 * DAY, "longest wait between attempts"),
	SECONDS("lifetime", "5d", 1, 60 * DAY, "how long delivery is tried before the sender is told"),
	SECONDS("bounce_lifetime", "1d", 1, 60 * DAY, "the same for reports"),
	INT("suppress_after", "0", 0, 1000, "refusals of an address by its host after which no more is written to it; 0: it is tried each time"),
	SECONDS("suppress_time", "30d", HOUR, 3650LL * DAY, "how long after the last refusal that holds"),
	SECONDS("delay_warning", "4h", 0, 60 * DAY, "age at which the sender of what still waits is told so; 0: never"),
	BYTES("segment_size", "16M", MB, GB, "a segment of the journal"),
	INT("segments_live", "4", 2, 64, "segments in use before what is unfinished gets files of its own"),
	INT("segments_most", "16", 3, 256, "segments in use before new mail is answered 452"),
	SECONDS("defer_after", "5s", 1, HOUR, "age at which what is unfinished gets a file of its own"),
	BYTES("ballast", "8M", MB, GB, "space kept for the recovery from a full disk"),
	STR("postmaster", "", check_address_or_none, "who gets reports that cannot be delivered; \"\" drops them with a log line"),
	INT("drop_user_most", "10000", 1, 3600000, "messages of a local user in an hour, by sendmail(1); and of those past it that wait"),
	INT("drop_most", "50000", 1, 10000000, "messages that wait in spool_dir/drop; then sendmail(1) is told to come again later"),
	INT("metrics_port", "0", 0, 65535, "port of 127.0.0.1 for metrics over HTTP, besides the socket run_dir/queue/metrics; 0: none"),
	LIST("backoff", "", check_backoff, "what replies mean that put mail off: \"rate=421 *\", \"greylist=...\", \"alone=...\"; before the rules that are built in; see BACKOFF"),
	LIST("hold", "", check_hold, "mail that is held when it comes: \"sender=*@example.org client=192.0.2.*\"; see HOLD"),
	LIST("routes", "*=mx", check_route, "where mail for other domains goes: \"example.org=smtp://mail.example.net\", \"*=...\"; see ROUTES"),
	STR("relay_passwords", "/etc/merpati/relay_passwords", check_absolute, "passwords of routes with user=: lines \"HOST USER PASSWORD\""),
	STR("relay_name", "", check_domain_or_none, "name in EHLO; \"\": hostname"),
	BOOL("relay_dane", "yes", "TLS as the TLSA records of mail hosts say (RFC 7672), where DNSSEC proves them; of a route with tls=dane always"),
	STR("relay_source4", "", check_source, "IPv4 address that connections come from; \"\": any"),
	STR("relay_source6", "", check_source, "IPv6 address that connections come from; \"\": any"),
	LIST("relay_sources", "", check_sources, "addresses, and name in EHLO, for mail of some senders: \"example.org=192.0.2.1,2001:db8::1 name=mail.example.org\"; see SOURCES"),
	INT("relays_most", "100", 1, 4096, "relay processes: connections to other hosts at once"),
	INT("relay_connections_first", "2", 1, 1000, "connections to a provider (all domains with the same best exchangers) before one has succeeded"),
	INT("relay_connections_most", "20", 1, 1000, "connections to a provider"),
	INT("relay_connections_grow", "1", 1, 1000, "messages on each connection, taken without a fault, for which a provider gets one connection more"),
	INT("relay_connections_shrink", "50", 1, 100, "percent of its connections that are left to a provider which says that it is too much (backoff)"),
	SECONDS("relay_pause_first", "1m", 1, DAY, "how long such a provider is left alone; doubles while it says so again"),
	SECONDS("relay_pause_most", "1h", 1, 7 * DAY, "longest time that it is left alone"),
	INT("relay_messages_most", "1000", 1, 1000000, "messages on a connection"),
	SECONDS("relay_idle_time", "5s", 1, HOUR, "how long a connection is kept for the next message"),
	SECONDS("relay_down_first", "1m", 1, DAY, "how long a destination that does not answer is left alone; doubles from then on"),
	SECONDS("relay_down_most", "1h", 1, 7 * DAY, "longest time that it is left alone"),
	SECONDS("relay_connect_time", "30s", 1, HOUR, "wait for a connection to each address"),
	SECONDS("relay_greeting_time", "5m", 1, HOUR, "wait for a greeting (RFC 5321 4.5.3.2)"),
	SECONDS("relay_command_time", "5m", 1, HOUR, "wait for the answer to a command"),
	SECONDS("relay_data_time", "2m", 1, HOUR, "wait for the answer to DATA"),
	SECONDS("relay_block_time", "3m", 1, HOUR, "wait until the next part of a message is taken"),
	SECONDS("relay_end_time", "10m", 1, HOUR, "wait for the answer to a whole message"),
	BOOL("mta_sts", "yes", "ask domains by HTTPS what they say about TLS to their mail hosts (MTA-STS), and keep to it"),
	STR("tlsrpt_from", "", check_address_or_none, "address that daily reports on TLS (TLSRPT) come from, to domains that ask for them; \"\": there are none"),
	SECONDS("relay_message_time", "1h", 1, DAY, "a message, from MAIL to the last answer"),
};

static const struct conf_setting deliver[] = {
	INT("placers", "2", 1, 64, "processes that write into mailboxes"),
	SECONDS("checkpoint_time", "1s", 1, 60, "how often what was placed is synced"),
	INT("metrics_port", "0", 0, 65535, "port of 127.0.0.1 for metrics over HTTP, besides the socket run_dir/deliver/metrics; 0: none"),
};

static const struct conf_setting pop3d[] = {
	LIST("listen_pop3", "0.0.0.0:110 [::]:110", check_listen, "POP3, with STLS"),
	LIST("listen_pop3s", "0.0.0.0:995 [::]:995", check_listen, "POP3 over TLS from the first byte"),
	INT("connections_most", "2000", 1, 60000, "connections in all"),
	INT("connections_per_address", "50", 1, 60000, "connections of an IPv4 address or an IPv6 /64"),
	INT("sessions_most", "2000", 1, 60000, "sessions in all: clients that are logged in"),
	INT("sessions_per_account", "100", 1, 60000, "sessions of an account"),
	INT("front_connections", "64", 1, 4096, "connections of one front process; 1 keeps each user's plaintext alone"),
	INT("fronts_most", "64", 1, 4096, "front processes"),
	SECONDS("idle_time", "10m", 10, HOUR, "wait for a client's next line (RFC 1939: at least 10 minutes)"),
	SECONDS("login_delay", "0", 0, HOUR, "least time between two logins of an account"),
	SECONDS("linger_time", "30s", 0, HOUR, "how long a session process waits for the next connection of its account"),
	INT("metrics_port", "0", 0, 65535, "port of 127.0.0.1 for metrics over HTTP, besides the socket run_dir/pop3d/metrics; 0: none"),
};

static const struct conf_setting imapd[] = {
	LIST("listen_imap", "0.0.0.0:143 [::]:143", check_listen, "IMAP, with STARTTLS"),
	LIST("listen_imaps", "0.0.0.0:993 [::]:993", check_listen, "IMAP over TLS from the first byte"),
	BYTES("message_size", "50M", KB, 2 * GB, "largest message that a client may append"),
	INT("connections_most", "4000", 1, 60000, "connections in all"),
	INT("connections_per_address", "50", 1, 60000, "connections of an IPv4 address or an IPv6 /64"),
	INT("sessions_most", "4000", 1, 60000, "sessions in all: clients that are logged in"),
	INT("sessions_per_account", "100", 1, 60000, "sessions of an account"),
	INT("front_connections", "64", 1, 4096, "connections of one front process; 1 keeps each user's plaintext alone"),
	INT("fronts_most", "64", 1, 4096, "front processes"),
	SECONDS("idle_time", "30m", 10, DAY, "wait for a client's next line (RFC 9051: at least 30 minutes)"),
	SECONDS("login_delay", "0", 0, HOUR, "least time between two logins of an account"),
	SECONDS("linger_time", "30s", 0, HOUR, "how long a session process waits for the next connection of its account"),
	INT("metrics_port", "0", 0, 65535, "port of 127.0.0.1 for metrics over HTTP, besides the socket run_dir/imapd/metrics; 0: none"),
};
/* clang-format on */

const struct conf_section conf_sections[] = {
    {"common", "what all daemons share", common, COUNT(common)},
    {"smtpd", "intake and submission", smtpd, COUNT(smtpd)},
    {"queue", "spool, scheduler and mail to other hosts", queue, COUNT(queue)},
    {"deliver", "local delivery", deliver, COUNT(deliver)},
    {"pop3d", "POP3", pop3d, COUNT(pop3d)},
    {"imapd", "IMAP", imapd, COUNT(imapd)},
};
const size_t conf_n_sections = COUNT(conf_sections);
