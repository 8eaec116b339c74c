/*
 * Moves the way to a next hop, and tells when the first packet and when the last route go the new way.
 *
 *     next-hop-change DEVICE NEXTHOP FROM TO PREFIXES
 *
 * Runs in the namespace of a daemon whose routes to PREFIXES (see route-watch.c) have NEXTHOP as their next hop, which
 * a kernel route of protocol static resolves through the gateway FROM on DEVICE. The neighbour entries of FROM and TO are
 * permanent, their hardware addresses end in the octets 1 and 2; that is how a packet shows which way it goes.
 *
 * Packets to one of the prefixes are sent every 100 microseconds. The route to NEXTHOP is replaced by one through TO; one
 * line of JSON says after how many seconds the first packet went to TO, after how many every one of some thousand
 * prefixes was routed through TO, and how many messages the kernel sent of changed routes and nexthop objects.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES = 2000, PORT = 9999, LIMIT_SECONDS = 60 };

static int netlink, device;

static void fail(const char *what)
{
	fprintf(stderr, "next-hop-change: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static unsigned address_of(const char *text)
{
	struct in_addr a;
	if (inet_pton(AF_INET, text, &a) != 1) fail(text);
	return a.s_addr;
}

static int netlink_socket(void)
{
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int bytes = 256 << 20;
	int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (s < 0 || bind(s, (struct sockaddr *)&any, sizeof any) < 0) fail("socket");
	setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
	return s;
}

struct attribute32 {
	struct rtattr head;
	unsigned value;
};

static void replace_route(unsigned destination, unsigned gateway)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg route;
		struct attribute32 to, via, out;
	} m = {
		.header = { .nlmsg_len = sizeof m, .nlmsg_type = RTM_NEWROUTE, .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK },
		.route = { .rtm_family = AF_INET, .rtm_dst_len = 32, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC, .rtm_type = RTN_UNICAST },
		.to = { { sizeof m.to, RTA_DST }, destination },
		.via = { { sizeof m.via, RTA_GATEWAY }, gateway },
		.out = { { sizeof m.out, RTA_OIF }, device },
	};
	char answer[4096];
	if (send(netlink, &m, sizeof m, 0) < 0 || recv(netlink, answer, sizeof answer, 0) < 0) fail("netlink");
	errno = -((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)answer))->error;
	if (errno != 0) fail("route to the next hop");
}

/* The gateway that the kernel would send a packet to `destination` to. */
static unsigned gateway_of(unsigned destination)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg route;
		struct attribute32 to;
	} m = {
		.header = { .nlmsg_len = sizeof m, .nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST },
		.route = { .rtm_family = AF_INET, .rtm_dst_len = 32 },
		.to = { { sizeof m.to, RTA_DST }, destination },
	};
	char answer[16384];
	ssize_t got;
	if (send(netlink, &m, sizeof m, 0) < 0 || (got = recv(netlink, answer, sizeof answer, 0)) < 0) fail("netlink");
	struct nlmsghdr *header = (struct nlmsghdr *)answer;
	if (header->nlmsg_type != RTM_NEWROUTE) return 0;
	int length = RTM_PAYLOAD(header);
	for (struct rtattr *a = RTM_RTA(NLMSG_DATA(header)); RTA_OK(a, length); a = RTA_NEXT(a, length))
		if (a->rta_type == RTA_GATEWAY) return *(unsigned *)RTA_DATA(a);
	return 0;
}

/* Messages that a listener has got and not read; 0 in *lost unless some were dropped. */
static size_t drain(int listener)
{
	static char bytes[1 << 16];
	size_t messages = 0;
	ssize_t got;
	while ((got = recv(listener, bytes, sizeof bytes, MSG_DONTWAIT)) > 0 || (got < 0 && errno == ENOBUFS)) {
		if (got < 0) fail("the listener");
		for (struct nlmsghdr *h = (struct nlmsghdr *)bytes; NLMSG_OK(h, got); h = NLMSG_NEXT(h, got)) messages++;
	}
	return messages;
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: next-hop-change DEVICE NEXTHOP FROM TO PREFIXES\n");
		return 2;
	}
	device = if_nametoindex(argv[1]);
	unsigned next_hop = address_of(argv[2]), from = address_of(argv[3]), to = address_of(argv[4]);
	int file = open(argv[5], O_RDONLY);
	off_t count = lseek(file, 0, SEEK_END) / 5;
	unsigned samples[SAMPLES], sample_count = 0;
	netlink = netlink_socket();
	for (off_t i = 0; i < count && sample_count < SAMPLES; i += count < SAMPLES ? 1 : count / SAMPLES) {
		unsigned address;
		if (pread(file, &address, 4, 5 * i) != 4) fail(argv[5]);
		if (gateway_of(address) == from) samples[sample_count++] = address;
	}
	if (sample_count == 0) {
		fprintf(stderr, "next-hop-change: no route through %s\n", argv[3]);
		return 1;
	}

	int listener = netlink_socket();
	for (int group = 0; group < 2; group++) {
		int number = group == 0 ? RTNLGRP_IPV4_ROUTE : RTNLGRP_NEXTHOP;
		if (setsockopt(listener, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &number, sizeof number) < 0) fail("group");
	}
	int packets = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	struct sockaddr_ll link = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = device };
	if (packets < 0 || bind(packets, (struct sockaddr *)&link, sizeof link) < 0) fail("packet socket");
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in target = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = samples[sample_count / 2] };

	double start = now(), first = 0, last = 0;
	replace_route(next_hop, to);
	for (unsigned next = 0; first == 0 || last == 0;) {
		unsigned char frame[2048];
		if (now() - start > LIMIT_SECONDS) {
			fprintf(stderr, "next-hop-change: after %d s not all goes the new way\n", LIMIT_SECONDS);
			return 1;
		}
		sendto(udp, "", 1, MSG_DONTWAIT, (struct sockaddr *)&target, sizeof target);
		for (ssize_t got; (got = recv(packets, frame, sizeof frame, MSG_DONTWAIT)) > 0;) {
			int is_ours = got >= 42 && frame[12] == 8 && frame[23] == 17 && frame[36] == PORT >> 8 && frame[37] == (PORT & 255);
			if (is_ours && frame[5] == 2 && first == 0) first = now() - start;
		}
		while (next < sample_count && gateway_of(samples[next]) == to) next++;
		if (next == sample_count && last == 0) last = now() - start;
		usleep(100);
	}
	/* What the kernel still has to tell of. */
	size_t messages = 0;
	for (int quiet = 0; quiet < 20; quiet++) {
		size_t more = drain(listener);
		if (more > 0) quiet = 0;
		messages += more;
		usleep(20000);
	}
	printf("{\"first\":%.6f,\"last\":%.6f,\"messages\":%zu}\n", first, last, messages);
	return 0;
}
