/*
 * The yardstick of an overlay: nothing but a loop that sends the messages which a cluster's nodes take, in batches, and
 * waits for each batch's one answer. How fast the kernel takes them, nobody is faster.
 *
 *     overlay-loop OBJECTS [MORE]
 *
 * Both files hold objects (see overlay.h); their devices are there. All of OBJECTS go in: FDB entries, neighbours, then
 * routes. Those of MORE, one node's, go in and out 50 times. One line of JSON says what it took, in seconds: `add` all,
 * `one` the median for a node.
 */
#include "overlay.h"

enum { FULL = 32 * 1024, ROUNDS = 50 };

static unsigned char buffer[2 * FULL];
static size_t length;
static unsigned sequence;
static int netlink;

static int width(unsigned family)
{
	return family == AF_INET ? 4 : 16;
}

static int index_of(const char *device)
{
	static char last[IF_NAMESIZE];
	static int index;
	if (strcmp(last, device) != 0) {
		name_device(last, device);
		index = if_nametoindex(device);
	}
	return index;
}

static struct nlmsghdr *begin(int type, int flags, const void *body, size_t size)
{
	struct nlmsghdr *header = (struct nlmsghdr *)(buffer + length);
	header->nlmsg_len = NLMSG_LENGTH(size);
	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	header->nlmsg_seq = ++sequence;
	header->nlmsg_pid = 0;
	memcpy(NLMSG_DATA(header), body, size);
	return header;
}

static void attribute(struct nlmsghdr *header, int type, const void *value, size_t size)
{
	struct rtattr *a = (struct rtattr *)((char *)header + NLMSG_ALIGN(header->nlmsg_len));
	a->rta_type = type;
	a->rta_len = RTA_LENGTH(size);
	memcpy(RTA_DATA(a), value, size);
	header->nlmsg_len = NLMSG_ALIGN(header->nlmsg_len) + RTA_ALIGN(a->rta_len);
}

/* Sends what is in the buffer; its last message asks for the one answer. */
static void send_batch(struct nlmsghdr *last)
{
	static unsigned char answer[1 << 16];
	if (length == 0) return;
	last->nlmsg_flags |= NLM_F_ACK;
	if (send(netlink, buffer, length, 0) < 0) fail("send");
	length = 0;
	for (;;) {
		ssize_t got = recv(netlink, answer, sizeof answer, 0);
		if (got < 0) fail("recv");
		for (struct nlmsghdr *m = (struct nlmsghdr *)answer; NLMSG_OK(m, got); m = NLMSG_NEXT(m, got)) {
			if (m->nlmsg_type != NLMSG_ERROR) continue;
			int error = ((struct nlmsgerr *)NLMSG_DATA(m))->error;
			if (error != 0) {
				errno = -error;
				fail("refused");
			}
			if (m->nlmsg_seq == last->nlmsg_seq) return;
		}
	}
}

static struct nlmsghdr *neighbour(const struct object *o, int add)
{
	int fdb = o->key.kind == FDB;
	struct ndmsg body = {
		.ndm_family = fdb ? AF_BRIDGE : o->key.family,
		.ndm_ifindex = index_of(o->key.device),
		.ndm_state = add ? NUD_PERMANENT : 0,
		.ndm_flags = fdb ? NTF_SELF : 0,
		.ndm_type = add ? RTN_UNICAST : 0,
	};
	int flags = add ? NLM_F_CREATE | NLM_F_REPLACE : 0;
	struct nlmsghdr *m = begin(add ? RTM_NEWNEIGH : RTM_DELNEIGH, flags, &body, sizeof body);
	if (!fdb) attribute(m, NDA_DST, o->key.address, width(o->key.family));
	else if (add) attribute(m, NDA_DST, o->content.address, width(o->content.family));
	if (fdb || add) attribute(m, NDA_LLADDR, fdb ? o->key.address : o->content.address, 6);
	return m;
}

static struct nlmsghdr *route(const struct object *o, int add)
{
	int blackhole = o->content.type == RTN_BLACKHOLE;
	unsigned metric = blackhole ? 4294967294u : 1024, table = RT_TABLE_MAIN, device = 0;
	struct rtmsg body = {
		.rtm_family = o->key.family,
		.rtm_dst_len = o->key.length,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = PROTOCOL,
		.rtm_scope = !add ? RT_SCOPE_NOWHERE : o->content.family || blackhole ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		.rtm_type = add ? o->content.type : RTN_UNSPEC,
		.rtm_flags = add && o->content.family ? RTNH_F_ONLINK : 0,
	};
	int flags = add ? NLM_F_CREATE | NLM_F_EXCL : 0;
	struct nlmsghdr *m = begin(add ? RTM_NEWROUTE : RTM_DELROUTE, flags, &body, sizeof body);
	attribute(m, RTA_DST, o->key.address, width(o->key.family));
	attribute(m, RTA_PRIORITY, &metric, 4);
	attribute(m, RTA_TABLE, &table, 4);
	if (add && !blackhole) {
		device = index_of(o->content.device);
		attribute(m, RTA_OIF, &device, 4);
		if (o->content.family) attribute(m, RTA_GATEWAY, o->content.address, width(o->content.family));
	}
	return m;
}

static double send_all(const struct object *objects, size_t count, int add)
{
	double start = now();
	struct nlmsghdr *last = NULL;
	/* In: from the end of the chain that a packet follows; out: from its beginning. */
	for (int step = 0; step < 3; step++) {
		int kind = add ? FDB + step : ROUTE - step;
		for (size_t i = 0; i < count; i++) {
			if (objects[i].key.kind != kind) continue;
			last = kind == ROUTE ? route(&objects[i], add) : neighbour(&objects[i], add);
			length += NLMSG_ALIGN(last->nlmsg_len);
			if (length >= FULL) send_batch(last);
		}
	}
	send_batch(last);
	return now() - start;
}

static int by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;
	return a < b ? -1 : a > b;
}

int main(int argc, char **argv)
{
	size_t count, more_count;
	double one[ROUNDS] = { 0 };
	program = argv[0];
	if (argc < 2) {
		fprintf(stderr, "usage: overlay-loop OBJECTS [MORE]\n");
		return 2;
	}
	struct object *objects = read_objects(argv[1], &count);
	netlink = open_netlink(4 << 20, 0);
	double add = send_all(objects, count, 1);
	if (argc > 2) {
		struct object *more = read_objects(argv[2], &more_count);
		for (int i = 0; i < ROUNDS; i++) {
			one[i] = send_all(more, more_count, 1);
			send_all(more, more_count, 0);
		}
		qsort(one, ROUNDS, sizeof *one, by_value);
	}
	printf("{\"objects\":%zu,\"add\":%.6f,\"one\":%.6f}\n", count, add, one[ROUNDS / 2]);
	return 0;
}
