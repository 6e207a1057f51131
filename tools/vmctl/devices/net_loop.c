// SPDX-License-Identifier: GPL-2.0-only
/* A network of one station, for tests: 10.0.2.2 answers ARP and ping. */
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "net.h"

#define STATION_IP	0x0a000202	/* 10.0.2.2 */

static const uint8_t station_mac[ETH_ALEN] = { 0x52, 0x55, 10, 0, 2, 2 };

/* Back to where it came from */
static void reply(struct net *n, size_t len)
{
	struct ether_header eth;

	memcpy(&eth, n->from_guest.frame, sizeof(eth));
	memcpy(eth.ether_dhost, eth.ether_shost, ETH_ALEN);
	memcpy(eth.ether_shost, station_mac, ETH_ALEN);
	memcpy(n->from_guest.frame, &eth, sizeof(eth));
	memset(&n->from_guest.header, 0, sizeof(n->from_guest.header));
	net_deliver(n, &n->from_guest, len);
}

static void answer_arp(struct net *n, uint8_t *packet, size_t len)
{
	const uint32_t ip = htonl(STATION_IP);
	struct ether_arp arp;

	if (len < sizeof(arp))
		return;
	memcpy(&arp, packet, sizeof(arp));
	if (arp.arp_hrd != htons(ARPHRD_ETHER) || arp.arp_pro != htons(ETHERTYPE_IP) ||
	    arp.arp_op != htons(ARPOP_REQUEST) || memcmp(arp.arp_tpa, &ip, sizeof(ip)))
		return;
	arp.arp_op = htons(ARPOP_REPLY);
	memcpy(arp.arp_tha, arp.arp_sha, ETH_ALEN);
	memcpy(arp.arp_tpa, arp.arp_spa, sizeof(ip));
	memcpy(arp.arp_sha, station_mac, ETH_ALEN);
	memcpy(arp.arp_spa, &ip, sizeof(ip));
	memcpy(packet, &arp, sizeof(arp));
	reply(n, sizeof(struct ether_header) + sizeof(arp));
}

/* The sum stays right: as much is added to it as the type becomes less. */
static void make_echo_reply(struct icmphdr *icmp)
{
	uint32_t sum = ntohs(icmp->checksum) + (ICMP_ECHO << 8);

	icmp->type = ICMP_ECHOREPLY;
	icmp->checksum = htons((sum & 0xffff) + (sum >> 16));
}

static void answer_ping(struct net *n, uint8_t *packet, size_t len)
{
	struct icmphdr icmp;
	struct iphdr ip;

	if (len < sizeof(ip) + sizeof(icmp))
		return;
	memcpy(&ip, packet, sizeof(ip));
	memcpy(&icmp, packet + sizeof(ip), sizeof(icmp));
	if (ip.version != 4 || ip.ihl != sizeof(ip) / 4 || ip.protocol != IPPROTO_ICMP ||
	    ip.daddr != htonl(STATION_IP) || icmp.type != ICMP_ECHO || ntohs(ip.tot_len) > len)
		return;
	/* The header's sum is the same in another order. */
	ip.daddr = ip.saddr;
	ip.saddr = htonl(STATION_IP);
	make_echo_reply(&icmp);
	memcpy(packet, &ip, sizeof(ip));
	memcpy(packet + sizeof(ip), &icmp, sizeof(icmp));
	reply(n, sizeof(struct ether_header) + len);
}

static const struct protocol {
	uint16_t type;
	void (*answer)(struct net *n, uint8_t *packet, size_t len);
} protocols[] = {
	{ ETHERTYPE_ARP,	answer_arp },
	{ ETHERTYPE_IP,		answer_ping },
};

static void station_send(struct net *n, size_t len)
{
	uint8_t *frame = n->from_guest.frame;
	struct ether_header eth;
	unsigned int i;

	if (len < sizeof(eth))
		return;
	memcpy(&eth, frame, sizeof(eth));
	for (i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (eth.ether_type == htons(protocols[i].type))
			protocols[i].answer(n, frame + sizeof(eth), len - sizeof(eth));
}

static int station_open(struct net *n, const char *value, char *error, size_t error_size)
{
	(void)value;
	(void)error;
	(void)error_size;
	net_link(n, true);
	return 0;
}

const struct net_backend net_loop = {
	.name	= "loop",
	.open	= station_open,
	.send	= station_send,
};
