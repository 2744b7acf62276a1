/* SPDX-License-Identifier: ISC */
/* nets.c - is this address in one of these networks? */
#include "login/nets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "conf/conf.h"

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* 16 bytes of any address.  E_OK with whether it was IPv4, E_BAD */
static int
address_parse(struct span text, unsigned char out[16], bool *is_v4)
{
	char s[INET6_ADDRSTRLEN];
	if (text.n == 0 || text.n >= sizeof s)
		return E_BAD;
	memcpy(s, text.p, text.n);
	s[text.n] = '\0';
	*is_v4 = memchr(s, ':', text.n) == NULL;
	memcpy(out, mapped, sizeof mapped);
	return inet_pton(*is_v4 ? AF_INET : AF_INET6, s, *is_v4 ? out + 12 : out) == 1
	           ? E_OK
	           : E_BAD;
}

int
net_parse(struct span text, struct net *out)
{
	struct span address = span_cut(&text, '/');
	uint64_t bits;
	bool is_v4;
	if (address_parse(address, out->b, &is_v4) != E_OK)
		return E_BAD;
	bits = is_v4 ? 32 : 128;
	if (text.n && span_u64(text, bits, &bits) != E_OK)
		return E_BAD;
	out->bits = (unsigned char)(is_v4 ? bits + 96 : bits);
	return E_OK;
}

bool
net_is_v4(const struct net *net)
{
	return net->bits >= 96 && memcmp(net->b, mapped, sizeof mapped) == 0;
}

void
net_cut(struct net *net, unsigned bits)
{
	for (unsigned i = 0; i < sizeof net->b; i++) {
		unsigned kept = bits > 8 * i ? bits - 8 * i : 0;
		if (kept < 8)
			net->b[i] &= (unsigned char)(0xff00u >> kept);
	}
	net->bits = (unsigned char)bits;
}

void
net_put(const struct net *net, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];
	bool is_v4 = net_is_v4(net);
	unsigned bits = is_v4 ? net->bits - 96u : net->bits;
	if (inet_ntop(is_v4 ? AF_INET : AF_INET6, net->b + (is_v4 ? 12 : 0), text,
		sizeof text))
		buf_str(out, text);
	if (bits < (is_v4 ? 32u : 128u))
		buf_putf(out, "/%u", bits);
}

void
nets_load(
    struct nets *nets, const struct conf *conf, const char *section, const char *name)
{
	size_t n = conf_list_count(conf, section, name);
	nets->all = mem_grow(NULL, n ? n : 1, sizeof *nets->all);
	nets->n = 0;
	for (size_t i = 0; i < n && i < NETS_MAX; i++)
		if (net_parse(span_of(conf_list(conf, section, name, i)),
			&nets->all[nets->n]) == E_OK)
			nets->n++;
}

void
nets_free(struct nets *nets)
{
	mem_free(&nets->all);
	nets->n = 0;
}

static bool
net_has(const struct net *net, const unsigned char address[16])
{
	size_t whole = net->bits / 8, rest = net->bits % 8;
	unsigned mask = 0xff00u >> rest & 0xff;
	return memcmp(net->b, address, whole) == 0 &&
	       (rest == 0 || ((net->b[whole] ^ address[whole]) & mask) == 0);
}

static bool
nets_have(const struct nets *nets, const unsigned char address[16])
{
	for (size_t i = 0; i < nets->n; i++)
		if (net_has(&nets->all[i], address))
			return true;
	return false;
}

bool
nets_has(const struct nets *nets, const struct sockaddr *sa)
{
	unsigned char address[16];
	memcpy(address, mapped, sizeof mapped);
	if (sa->sa_family == AF_INET)
		memcpy(address + 12,
		    &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	else if (sa->sa_family == AF_INET6)
		memcpy(address,
		    &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	else
		return false;
	return nets_have(nets, address);
}

bool
nets_has_text(const struct nets *nets, const char *text)
{
	unsigned char address[16];
	bool is_v4;
	return address_parse(span_of(text), address, &is_v4) == E_OK &&
	       nets_have(nets, address);
}
