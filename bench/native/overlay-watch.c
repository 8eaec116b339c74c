/*
 * Watches what an overlay has in the kernel of the namespace it runs in, without being in the way: it listens to
 * notifications, keeps what they say, and is only then asked for a dump when all seems to be as expected.
 *
 *     overlay-watch
 *
 * Orders come on standard input, one a line; each is answered by a line of JSON with `at`, the moment in seconds
 * (CLOCK_MONOTONIC):
 *
 *     expect FILE   what is to be there from now on (see overlay.h); then all of the kernel is read
 *     await         as soon as the kernel has that and nothing else, by what it told
 *     compare       reads all of the kernel anew: `wrong` objects are missing, others, or too many; `first` is one of them
 *
 * What counts: permanent neighbours and FDB entries for a unicast MAC on the devices named in FILE, and routes of our
 * protocol in the main table.
 */
#include "overlay.h"

struct seen {
	struct object object;
	struct content is;
	uint8_t used, wanted, present;
};

enum { DEVICES = 16, INDEXES = 64 };

static struct seen *table;
static size_t mask, used, wrong;
static char devices[DEVICES][IF_NAMESIZE], names[INDEXES][IF_NAMESIZE];
static int device_count, indexes[INDEXES], index_count;
static int events, asking;
static unsigned sequence;
static int lost;

static uint64_t hash(const void *bytes, size_t length)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (size_t i = 0; i < length; i++) h = (h ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
	return h ^ h >> 29;
}

static int is_wrong(const struct seen *s)
{
	if (!s->wanted) return s->present;
	return !s->present || memcmp(&s->is, &s->object.content, sizeof s->is) != 0;
}

static struct seen *slot(const struct key *key)
{
	size_t i = hash(key, sizeof *key) & mask;
	while (table[i].used && memcmp(&table[i].object.key, key, sizeof *key) != 0) i = (i + 1) & mask;
	return &table[i];
}

static struct seen *intern(const struct key *key)
{
	struct seen *s = slot(key);
	if (s->used) return s;
	if (2 * ++used > mask) {
		struct seen *old = table;
		size_t size = mask + 1;
		mask = 2 * size - 1;
		table = calloc(2 * size, sizeof *table);
		for (size_t i = 0; i < size; i++)
			if (old[i].used) *slot(&old[i].object.key) = old[i];
		free(old);
		s = slot(key);
	}
	s->used = 1;
	s->object.key = *key;
	return s;
}

static void put(const struct key *key, const struct content *content, int deleted)
{
	struct seen *s = intern(key);
	wrong -= is_wrong(s);
	s->present = !deleted;
	if (!deleted) s->is = *content;
	wrong += is_wrong(s);
}

/* The name of a link; NULL: it has none, or had none. */
static const char *name_of(int index)
{
	for (int i = 0; i < index_count; i++)
		if (indexes[i] == index) return names[i];
	char name[IF_NAMESIZE] = "";
	if (index == 0 || if_indextoname(index, name) == NULL || index_count == INDEXES) return NULL;
	indexes[index_count] = index;
	name_device(names[index_count], name);
	return names[index_count++];
}

static int is_watched(const char *device)
{
	for (int i = 0; i < device_count; i++)
		if (strcmp(devices[i], device) == 0) return 1;
	return 0;
}

static void neighbour(struct nlmsghdr *header)
{
	struct ndmsg *message = NLMSG_DATA(header);
	const char *device = name_of(message->ndm_ifindex);
	struct key key;
	struct content content;
	int has_mac = 0;
	memset(&key, 0, sizeof key);
	memset(&content, 0, sizeof content);
	if (device == NULL || !is_watched(device)) return;
	int fdb = message->ndm_family == AF_BRIDGE;
	key.kind = fdb ? FDB : NEIGHBOUR;
	key.family = fdb ? 0 : message->ndm_family;
	name_device(key.device, device);
	int length = header->nlmsg_len - NLMSG_LENGTH(sizeof *message);
	for (struct rtattr *a = (struct rtattr *)(message + 1); RTA_OK(a, length); a = RTA_NEXT(a, length)) {
		if (a->rta_type == NDA_DST) {
			content.family = fdb ? (RTA_PAYLOAD(a) == 4 ? AF_INET : AF_INET6) : 0;
			memcpy(fdb ? content.address : key.address, RTA_DATA(a), RTA_PAYLOAD(a));
		} else if (a->rta_type == NDA_LLADDR && RTA_PAYLOAD(a) == 6) {
			memcpy(fdb ? key.address : content.address, RTA_DATA(a), 6);
			has_mac = 1;
		}
	}
	static const uint8_t zero[6];
	if (fdb && (!has_mac || (key.address[0] & 1) || memcmp(key.address, zero, 6) == 0)) return;
	put(&key, &content, header->nlmsg_type == RTM_DELNEIGH || !(message->ndm_state & NUD_PERMANENT));
}

/* A way out: by an index and, among the attributes, a gateway. */
static void hop(struct content *content, unsigned family, int index, struct rtattr *a, int length)
{
	const char *device = name_of(index);
	if (device != NULL) name_device(content->device, device);
	for (; RTA_OK(a, length); a = RTA_NEXT(a, length)) {
		if (a->rta_type != RTA_GATEWAY) continue;
		content->family = family;
		memcpy(content->address, RTA_DATA(a), RTA_PAYLOAD(a));
	}
}

static void route(struct nlmsghdr *header)
{
	struct rtmsg *message = NLMSG_DATA(header);
	struct key key;
	struct content content;
	memset(&key, 0, sizeof key);
	memset(&content, 0, sizeof content);
	if (message->rtm_table != RT_TABLE_MAIN || message->rtm_protocol != PROTOCOL) return;
	key.kind = ROUTE;
	key.family = message->rtm_family;
	key.length = message->rtm_dst_len;
	content.type = message->rtm_type;
	int length = RTM_PAYLOAD(header), index = 0;
	for (struct rtattr *a = RTM_RTA(message); RTA_OK(a, length); a = RTA_NEXT(a, length)) {
		struct rtnexthop *one = RTA_DATA(a);
		if (a->rta_type == RTA_DST) memcpy(key.address, RTA_DATA(a), RTA_PAYLOAD(a));
		else if (a->rta_type == RTA_OIF) memcpy(&index, RTA_DATA(a), sizeof index);
		/* A group of one, as routes that share their way out have it. */
		else if (a->rta_type == RTA_MULTIPATH && one->rtnh_len == RTA_PAYLOAD(a))
			hop(&content, key.family, one->rtnh_ifindex, RTNH_DATA(one), one->rtnh_len - sizeof *one);
	}
	if (message->rtm_type == RTN_UNICAST && index != 0)
		hop(&content, key.family, index, RTM_RTA(message), RTM_PAYLOAD(header));
	put(&key, &content, header->nlmsg_type == RTM_DELROUTE);
}

static void note(struct nlmsghdr *header)
{
	switch (header->nlmsg_type) {
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		neighbour(header);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		route(header);
	}
}

/* Takes in what was told, and says how many datagrams it was. */
static int drain(void)
{
	static unsigned char datagram[1 << 17];
	for (int count = 0;; count++) {
		ssize_t got = recv(events, datagram, sizeof datagram, MSG_DONTWAIT);
		if (got < 0 && errno == ENOBUFS) lost = 1;
		else if (got < 0) return count;
		for (struct nlmsghdr *h = (struct nlmsghdr *)datagram; got > 0 && NLMSG_OK(h, got); h = NLMSG_NEXT(h, got)) note(h);
	}
}

static void dump(int type, unsigned family, int index)
{
	struct {
		struct nlmsghdr header;
		union {
			struct rtmsg route;
			struct ndmsg neighbour;
		};
	} m;
	static unsigned char answer[1 << 17];
	memset(&m, 0, sizeof m);
	size_t body = type == RTM_GETROUTE ? sizeof m.route : sizeof m.neighbour;
	m.header = (struct nlmsghdr){ .nlmsg_len = NLMSG_LENGTH(body), .nlmsg_type = type,
				      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = ++sequence };
	if (type == RTM_GETROUTE) {
		m.route.rtm_family = family;
		m.route.rtm_table = RT_TABLE_MAIN;
	} else {
		m.neighbour.ndm_family = family;
		m.neighbour.ndm_ifindex = index;
	}
	if (send(asking, &m, m.header.nlmsg_len, 0) < 0) fail("send");
	for (;;) {
		ssize_t got = recv(asking, answer, sizeof answer, 0);
		if (got < 0) fail("recv");
		for (struct nlmsghdr *h = (struct nlmsghdr *)answer; NLMSG_OK(h, got); h = NLMSG_NEXT(h, got)) {
			if (h->nlmsg_seq != sequence) continue;
			if (h->nlmsg_type == NLMSG_DONE) return;
			if (h->nlmsg_type == NLMSG_ERROR) {
				errno = -((struct nlmsgerr *)NLMSG_DATA(h))->error;
				/* No route, no table. */
				if (errno == ENOENT) return;
				fail("dump");
			}
			note(h);
		}
	}
}

/* Forgets what is there, and reads it. */
static void read_all(void)
{
	drain();
	lost = 0;
	for (size_t i = 0; i <= mask; i++) {
		if (!table[i].used) continue;
		wrong -= is_wrong(&table[i]);
		table[i].present = 0;
		wrong += is_wrong(&table[i]);
	}
	dump(RTM_GETROUTE, AF_INET, 0);
	dump(RTM_GETROUTE, AF_INET6, 0);
	dump(RTM_GETNEIGH, AF_INET, 0);
	dump(RTM_GETNEIGH, AF_INET6, 0);
	for (int i = 0; i < device_count; i++) {
		int index = if_nametoindex(devices[i]);
		if (index != 0) dump(RTM_GETNEIGH, AF_BRIDGE, index);
	}
}

static void expect(const char *path)
{
	size_t count;
	struct object *objects = read_objects(path, &count);
	free(table);
	mask = 65535;
	used = wrong = 0;
	table = calloc(mask + 1, sizeof *table);
	device_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct seen *s = intern(&objects[i].key);
		if (s->wanted) {
			errno = EEXIST;
			fail(path);
		}
		s->object.content = objects[i].content;
		s->wanted = 1;
		wrong++;
		const char *device = objects[i].key.device;
		if (*device != 0 && !is_watched(device) && device_count < DEVICES) name_device(devices[device_count++], device);
	}
	free(objects);
	read_all();
	printf("{\"event\":\"expecting\",\"at\":%.6f,\"objects\":%zu,\"wrong\":%zu}\n", now(), count, wrong);
}

static void await(void)
{
	for (;;) {
		int count = drain();
		double at = now();
		if (lost) read_all();
		if (wrong == 0) {
			printf("{\"event\":\"complete\",\"at\":%.6f}\n", at);
			return;
		}
		/* In a crowd, not a wake for each; alone, at once. */
		if (count > 16) usleep(1000);
		else {
			struct pollfd wait = { .fd = events, .events = POLLIN };
			poll(&wait, 1, 1000);
		}
	}
}

static void compare(void)
{
	char text[64] = "";
	read_all();
	for (size_t i = 0; i <= mask; i++) {
		const struct seen *s = &table[i];
		if (!s->used || !is_wrong(s)) continue;
		const struct key *key = &s->object.key;
		char address[INET6_ADDRSTRLEN] = "";
		if (key->family != 0) inet_ntop(key->family, key->address, address, sizeof address);
		else snprintf(address, sizeof address, "%02x:%02x:%02x:%02x:%02x:%02x", key->address[0], key->address[1],
			      key->address[2], key->address[3], key->address[4], key->address[5]);
		snprintf(text, sizeof text, "%s %s: %s", key->kind == FDB ? "fdb" : key->kind == NEIGHBOUR ? "neighbour" : "route",
			 address, !s->wanted ? "too many" : s->present ? "another" : "missing");
		break;
	}
	printf("{\"event\":\"compared\",\"at\":%.6f,\"wrong\":%zu,\"first\":\"%s\"}\n", now(), wrong, text);
}

int main(int argc, char **argv)
{
	char line[4096];
	(void)argc;
	program = argv[0];
	events = open_netlink(64 << 20, RTMGRP_NEIGH | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE);
	asking = open_netlink(4 << 20, 0);
	setlinebuf(stdout);
	printf("{\"event\":\"ready\",\"at\":%.6f}\n", now());
	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "expect ", 7) == 0) expect(line + 7);
		else if (table != NULL && strcmp(line, "await") == 0) await();
		else if (table != NULL && strcmp(line, "compare") == 0) compare();
		else fprintf(stderr, "overlay-watch: no order %s\n", line);
	}
	return 0;
}
