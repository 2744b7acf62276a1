/* SPDX-License-Identifier: ISC */
/* peer.c - addresses of peers. */
#include "login/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

void
peer_of(const struct sockaddr_storage *ss, struct peer *out)
{
	const struct sockaddr *sa = (const struct sockaddr *)(const void *)ss;
	const struct sockaddr_in6 *six = (const void *)ss;
	const struct sockaddr_in *four = (const void *)ss;
	memset(out, 0, sizeof *out);
	out->key = crowd_key_of(sa);
	if (sa->sa_family == AF_INET) {
		inet_ntop(AF_INET, &four->sin_addr, out->text, sizeof out->text);
		out->is_loopback = (ntohl(four->sin_addr.s_addr) >> 24) == 127;
	} else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		inet_ntop(AF_INET, six->sin6_addr.s6_addr + 12, out->text, sizeof out->text);
		out->is_loopback = six->sin6_addr.s6_addr[12] == 127;
	} else {
		inet_ntop(AF_INET6, &six->sin6_addr, out->text, sizeof out->text);
		out->is_loopback = IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
	}
}
