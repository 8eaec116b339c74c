/*
 * The yardstick of kernel installation: nothing but a loop that sends the messages which Tartan sends, in batches of
 * the same size, and waits for each batch's one answer. How fast the kernel takes routes, nobody is faster.
 *
 *     netlink-loop DEVICE GATEWAY[,GATEWAY…] PREFIXES [listen] [window N] [batch BYTES]
 *
 * PREFIXES is a file of five octets per prefix: IPv4 address in network order, length. One nexthop object per gateway
 * and a group of them are made; all routes refer to the group (RTA_NH_ID). Then the group is replaced by its first
 * member alone, and all routes are deleted again. One line of JSON says what each step took, in seconds.
 *
 * `listen`: a second socket hears of routes as Tartan's does, with a filter that drops what it hears.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PROTOCOL = 84, METRIC = 1024, FIRST_ID = 0x53000000, GROUP_ID = 0x53ffffff, MAX_GATEWAYS = 256 };

static unsigned char buffer[1 << 17];
static size_t length;
static size_t full_bytes = 32 * 1024;
static unsigned sequence;
static unsigned window = 1;
static unsigned outstanding;
static int netlink;

static void fail(const char *what)
{
	fprintf(stderr, "netlink-loop: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Seconds of processor time, nearly all of it the kernel's. */
static double cpu(void)
{
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static struct nlmsghdr *begin(int type, int flags, const void *body, size_t size)
{
	struct nlmsghdr *header = (struct nlmsghdr *)(buffer + length);
	memset(header, 0, sizeof *header);
	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	header->nlmsg_seq = ++sequence;
	header->nlmsg_len = NLMSG_HDRLEN + size;
	memcpy(NLMSG_DATA(header), body, size);
	return header;
}

static void attribute(struct nlmsghdr *header, int type, const void *value, size_t size)
{
	struct rtattr *a = (struct rtattr *)((char *)header + header->nlmsg_len);
	a->rta_type = type;
	a->rta_len = RTA_LENGTH(size);
	memcpy(RTA_DATA(a), value, size);
	header->nlmsg_len += RTA_ALIGN(a->rta_len);
}

static void end(struct nlmsghdr *header)
{
	length += header->nlmsg_len;
}

/* Reads answers until no more than `left` batches are on their way. */
static void answers(unsigned left)
{
	static unsigned char answer[1 << 16];
	while (outstanding > left) {
		ssize_t got = recv(netlink, answer, sizeof answer, 0);
		if (got < 0) fail("recv");
		for (struct nlmsghdr *m = (struct nlmsghdr *)answer; NLMSG_OK(m, got); m = NLMSG_NEXT(m, got)) {
			if (m->nlmsg_type != NLMSG_ERROR) continue;
			int error = ((struct nlmsgerr *)NLMSG_DATA(m))->error;
			if (error != 0) {
				errno = -error;
				fail("refused");
			}
			outstanding--;
		}
	}
}

/* Sends what is in the buffer; its last message asks for an answer. */
static void send_batch(struct nlmsghdr *last)
{
	last->nlmsg_flags |= NLM_F_ACK;
	if (send(netlink, buffer, length, 0) < 0) fail("send");
	length = 0;
	outstanding++;
	answers(window - 1);
}

static void nexthop(unsigned id, int device, in_addr_t gateway)
{
	struct nhmsg body = { .nh_family = AF_INET, .nh_protocol = PROTOCOL };
	struct nlmsghdr *m = begin(RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof body);
	attribute(m, NHA_ID, &id, 4);
	attribute(m, NHA_OIF, &device, 4);
	attribute(m, NHA_GATEWAY, &gateway, 4);
	end(m);
	send_batch(m);
}

static void group(int flags, int members)
{
	struct nhmsg body = { .nh_protocol = PROTOCOL };
	struct nexthop_grp ids[MAX_GATEWAYS] = { 0 };
	unsigned id = GROUP_ID;
	for (int i = 0; i < members; i++) ids[i].id = FIRST_ID + i;
	struct nlmsghdr *m = begin(RTM_NEWNEXTHOP, NLM_F_CREATE | flags, &body, sizeof body);
	attribute(m, NHA_ID, &id, 4);
	attribute(m, NHA_GROUP, ids, members * sizeof ids[0]);
	end(m);
	send_batch(m);
}

static double routes(int type, const unsigned char *prefixes, size_t count)
{
	unsigned metric = METRIC, table = RT_TABLE_MAIN, id = GROUP_ID;
	struct nlmsghdr *m = NULL;
	double start = now();
	for (size_t i = 0; i < count; i++) {
		const unsigned char *prefix = prefixes + 5 * i;
		struct rtmsg body = {
			.rtm_family = AF_INET,
			.rtm_dst_len = prefix[4],
			.rtm_table = RT_TABLE_MAIN,
			.rtm_protocol = PROTOCOL,
			.rtm_scope = type == RTM_NEWROUTE ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE,
			.rtm_type = type == RTM_NEWROUTE ? RTN_UNICAST : RTN_UNSPEC,
		};
		m = begin(type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0, &body, sizeof body);
		attribute(m, RTA_DST, prefix, 4);
		attribute(m, RTA_PRIORITY, &metric, 4);
		attribute(m, RTA_TABLE, &table, 4);
		if (type == RTM_NEWROUTE) attribute(m, RTA_NH_ID, &id, 4);
		end(m);
		if (length >= full_bytes) send_batch(m);
	}
	if (length > 0) send_batch(m);
	answers(0);
	return now() - start;
}

static void listen_to_routes(void)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { .len = 1, .filter = &drop };
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int group = RTNLGRP_IPV4_ROUTE;
	int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (s < 0 || bind(s, (struct sockaddr *)&any, sizeof any) < 0) fail("socket");
	if (setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0) fail("filter");
	if (setsockopt(s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0) fail("group");
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: netlink-loop DEVICE GATEWAY[,GATEWAY...] PREFIXES [listen] [window N] [batch BYTES]\n");
		return 2;
	}
	for (int i = 4; i < argc; i++) {
		if (strcmp(argv[i], "listen") == 0) listen_to_routes();
		else if (strcmp(argv[i], "window") == 0 && i + 1 < argc) window = atoi(argv[++i]);
		else if (strcmp(argv[i], "batch") == 0 && i + 1 < argc) full_bytes = atoi(argv[++i]);
	}
	FILE *file = fopen(argv[3], "rb");
	if (file == NULL) fail(argv[3]);
	fseek(file, 0, SEEK_END);
	size_t count = ftell(file) / 5;
	rewind(file);
	unsigned char *prefixes = malloc(5 * count);
	if (fread(prefixes, 5, count, file) != count) fail("read");

	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int bytes = 4 << 20, on = 1;
	netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (netlink < 0 || bind(netlink, (struct sockaddr *)&any, sizeof any) < 0) fail("socket");
	setsockopt(netlink, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
	setsockopt(netlink, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
	setsockopt(netlink, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
	setsockopt(netlink, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);

	int device = if_nametoindex(argv[1]);
	if (device == 0) fail(argv[1]);
	int members = 0;
	for (char *rest = argv[2], *one; (one = strsep(&rest, ",")) != NULL && members < MAX_GATEWAYS; members++) {
		struct in_addr gateway;
		if (inet_pton(AF_INET, one, &gateway) != 1) fail(one);
		nexthop(FIRST_ID + members, device, gateway.s_addr);
	}
	group(NLM_F_EXCL, members);
	answers(0);

	double add_cpu = cpu();
	double add = routes(RTM_NEWROUTE, prefixes, count);
	add_cpu = cpu() - add_cpu;
	double start = now();
	group(NLM_F_REPLACE, 1);
	answers(0);
	double replace = now() - start;
	double delete_cpu = cpu();
	double delete = routes(RTM_DELROUTE, prefixes, count);
	delete_cpu = cpu() - delete_cpu;
	printf("{\"routes\":%zu,\"add\":%.4f,\"addCpu\":%.4f,\"replace\":%.4f,\"delete\":%.4f,\"deleteCpu\":%.4f}\n",
	       count, add, add_cpu, replace, delete, delete_cpu);
	return 0;
}
