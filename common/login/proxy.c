/* SPDX-License-Identifier: ISC */
/* proxy.c - both versions of the PROXY header. */
#include "login/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

enum {
	V2_FIXED = 16,   /* signature, version and command, family, length */
	V2_LOCAL = 0x20, /* version 2, command LOCAL */
	V2_PROXY = 0x21,
	V2_TCP4 = 0x11, /* AF_INET, STREAM */
	V2_TCP6 = 0x21,
	V2_TCP4_BYTES = 12, /* two addresses, two ports */
	V2_TCP6_BYTES = 36,
};

#define V2_SIGNATURE SPAN("\r\n\r\n\0\r\nQUIT\n")

/* ---- version 1: a line of text ---- */

static int
v1_address(struct span text, int family, void *out)
{
	char s[INET6_ADDRSTRLEN];
	if (text.n == 0 || text.n >= sizeof s || memchr(text.p, '\0', text.n))
		return E_BAD;
	memcpy(s, text.p, text.n);
	s[text.n] = '\0';
	return inet_pton(family, s, out) == 1 ? E_OK : E_BAD;
}

static int
v1_tcp4(struct span source, struct span destination, uint16_t port,
    struct proxy_header *out)
{
	struct sockaddr_in *a = (void *)&out->source;
	struct in_addr ignored;
	a->sin_family = AF_INET;
	a->sin_port = htons(port);
	int err = v1_address(source, AF_INET, &a->sin_addr);
	return err != E_OK ? err : v1_address(destination, AF_INET, &ignored);
}

static int
v1_tcp6(struct span source, struct span destination, uint16_t port,
    struct proxy_header *out)
{
	struct sockaddr_in6 *a = (void *)&out->source;
	struct in6_addr ignored;
	a->sin6_family = AF_INET6;
	a->sin6_port = htons(port);
	int err = v1_address(source, AF_INET6, &a->sin6_addr);
	return err != E_OK ? err : v1_address(destination, AF_INET6, &ignored);
}

/* "PROXY TCP4 source destination sport dport" without CRLF */
static int
v1_line(struct span line, struct proxy_header *out)
{
	struct span word[6] = {{"", 0}};
	uint64_t ports[2];
	size_t n = 0;
	while (n < COUNT(word) && line.n)
		word[n++] = span_cut(&line, ' ');
	if (!span_eqs(word[0], "PROXY"))
		return E_BAD;
	out->is_local =
	    span_eqs(word[1], "UNKNOWN"); /* and whatever stands behind it */
	if (out->is_local)
		return E_OK;
	if (n != COUNT(word) || line.n)
		return E_BAD;
	for (size_t i = 0; i < 2; i++)
		if (span_u64(word[4 + i], UINT16_MAX, &ports[i]) != E_OK)
			return E_BAD;
	if (span_eqs(word[1], "TCP4"))
		return v1_tcp4(word[2], word[3], (uint16_t)ports[0], out);
	if (span_eqs(word[1], "TCP6"))
		return v1_tcp6(word[2], word[3], (uint16_t)ports[0], out);
	return E_BAD;
}

static int
v1_parse(struct span in, struct proxy_header *out)
{
	struct span head = span_head(in, PROXY_V1_MAX);
	size_t lf = span_find(head, '\n');
	if (lf == head.n)
		return in.n >= PROXY_V1_MAX ? E_BAD : E_MORE;
	if (lf == 0 || head.p[lf - 1] != '\r')
		return E_BAD;
	out->n_bytes = lf + 1;
	return v1_line(span_head(head, lf - 1), out);
}

/* ---- version 2: binary ---- */

static int
v2_addresses(unsigned family, struct span in, struct proxy_header *out)
{
	struct sockaddr_in *four = (void *)&out->source;
	struct sockaddr_in6 *six = (void *)&out->source;
	if (family == V2_TCP4 && in.n >= V2_TCP4_BYTES) {
		four->sin_family = AF_INET;
		memcpy(&four->sin_addr, in.p, 4);
		memcpy(&four->sin_port, in.p + 8, 2);
		return E_OK;
	}
	if (family == V2_TCP6 && in.n >= V2_TCP6_BYTES) {
		six->sin6_family = AF_INET6;
		memcpy(&six->sin6_addr, in.p, 16);
		memcpy(&six->sin6_port, in.p + 32, 2);
		return E_OK;
	}
	return E_BAD;
}

static int
v2_parse(struct span in, struct proxy_header *out)
{
	if (in.n < V2_FIXED)
		return E_MORE;
	const unsigned char *p = (const unsigned char *)in.p;
	size_t n = (size_t)p[14] << 8 | p[15];
	if (V2_FIXED + n > PROXY_HEADER_MAX || (p[12] != V2_LOCAL && p[12] != V2_PROXY))
		return E_BAD;
	if (in.n < V2_FIXED + n)
		return E_MORE;
	out->n_bytes = V2_FIXED + n;
	out->is_local = p[12] == V2_LOCAL;
	return out->is_local
	           ? E_OK
	           : v2_addresses(p[13], span_head(span_from(in, V2_FIXED), n), out);
}

int
proxy_parse(struct span in, struct proxy_header *out)
{
	struct span v1 = SPAN("PROXY "), v2 = V2_SIGNATURE;
	*out = (struct proxy_header){0};
	if (span_starts(in, v1))
		return v1_parse(in, out);
	if (span_starts(in, v2))
		return v2_parse(in, out);
	return span_starts(v1, in) || span_starts(v2, in) ? E_MORE : E_BAD;
}

/* ---- on a connection ---- */

/* How many bytes make a descriptor readable. */
static void
wake_at(int fd, int n_bytes)
{
	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &n_bytes, sizeof n_bytes);
}

int
proxy_take(int fd, size_t *seen, struct proxy_header *out)
{
	char head[PROXY_HEADER_MAX];
	ssize_t k = recv(fd, head, sizeof head, MSG_PEEK | MSG_DONTWAIT);
	if (k < 0 && (errno == EAGAIN || errno == EINTR))
		return E_MORE;
	if (k <= 0 || (size_t)k <= *seen) /* woken by the end of what came */
		return E_BAD;
	int err = proxy_parse(span_make(head, (size_t)k), out);
	*seen = (size_t)k;
	wake_at(fd, err == E_MORE ? (int)k + 1 : 1);
	if (err == E_OK &&
	    recv(fd, head, out->n_bytes, MSG_DONTWAIT) != (ssize_t)out->n_bytes)
		err = E_BAD;
	return err;
}
