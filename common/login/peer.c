/* SPDX-License-Identifier: ISC */
/* peer.c - addresses of peers. */
#include "login/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* IPv4 is below 2^33, where no /64 of the world is. */
static uint64_t
key_of(const unsigned char *bytes, size_t n)
{
	uint64_t v = n == 4;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | bytes[i];
	return v;
}

void
peer_of(const struct sockaddr_storage *ss, struct peer *out)
{
	const struct sockaddr *sa = (const struct sockaddr *)(const void *)ss;
	const struct sockaddr_in6 *six = (const void *)ss;
	const struct sockaddr_in *four = (const void *)ss;
	memset(out, 0, sizeof *out);
	if (sa->sa_family == AF_INET) {
		inet_ntop(AF_INET, &four->sin_addr, out->text, sizeof out->text);
		out->is_loopback = (ntohl(four->sin_addr.s_addr) >> 24) == 127;
		out->key = key_of((const unsigned char *)&four->sin_addr, 4);
	} else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		inet_ntop(
		    AF_INET, six->sin6_addr.s6_addr + 12, out->text, sizeof out->text);
		out->is_loopback = six->sin6_addr.s6_addr[12] == 127;
		out->key = key_of(six->sin6_addr.s6_addr + 12, 4);
	} else {
		inet_ntop(AF_INET6, &six->sin6_addr, out->text, sizeof out->text);
		out->is_loopback = IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
		out->key = key_of(six->sin6_addr.s6_addr, 8);
	}
}
