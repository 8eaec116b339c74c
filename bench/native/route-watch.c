/*
 * Watches the kernel's IPv4 routes of the namespace it runs in, without being in the way: it looks up a few of them,
 * instead of listing all, until the last ones are there; then it counts, and in the end it compares every route.
 *
 *     route-watch PREFIXES
 *
 * PREFIXES is a file of five octets per prefix: address in network order, length. Orders come on standard input, one
 * a line; each is answered by a line of JSON with `at`, the moment in seconds (CLOCK_MONOTONIC):
 *
 *     present   as soon as every prefix has a route
 *     absent    as soon as none has
 *     compare   counts routes: of prefixes in the file, of others (those of the kernel's own protocol aside), and how
 *               many prefixes of the file have none; `paths` are the next hops of all of them, where routes carry them
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES = 8192 };

struct prefix {
	unsigned address;
	unsigned length;
};

static struct prefix *sorted, samples[SAMPLES];
static size_t count, sample_count;
static unsigned char *found;
static int netlink;
static unsigned sequence;

static void fail(const char *what)
{
	fprintf(stderr, "route-watch: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int compare(const void *x, const void *y)
{
	const struct prefix *a = x, *b = y;
	if (a->address != b->address) return a->address < b->address ? -1 : 1;
	return (int)a->length - (int)b->length;
}

/* Whether a lookup of the first address finds the prefix: no longer one begins there, and the address is like any other. */
static int can_be_looked_up(size_t i)
{
	unsigned first_octet = sorted[i].address >> 24;
	if (first_octet == 0 || first_octet == 127 || first_octet >= 224) return 0;
	return i + 1 == count || sorted[i + 1].address != sorted[i].address;
}

static void read_prefixes(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (file == NULL) fail(path);
	fseek(file, 0, SEEK_END);
	count = ftell(file) / 5;
	rewind(file);
	sorted = calloc(count, sizeof *sorted);
	found = calloc(count, 1);
	for (size_t i = 0; i < count; i++) {
		unsigned char bytes[5];
		if (fread(bytes, 5, 1, file) != 1) fail(path);
		sorted[i].address = (unsigned)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
		sorted[i].length = bytes[4];
	}
	fclose(file);
	qsort(sorted, count, sizeof *sorted, compare);
	/* At random and in an order that is nobody's: at a fixed step all might be of one kind, such as even ones. */
	for (size_t tries = 0; tries < count && sample_count < SAMPLES; tries++) {
		size_t i = count <= SAMPLES ? tries : ((size_t)rand() << 15 ^ rand()) % count;
		if (can_be_looked_up(i)) samples[sample_count++] = sorted[i];
	}
	for (size_t i = sample_count; i > 1; i--) {
		size_t other = rand() % i;
		struct prefix p = samples[i - 1];
		samples[i - 1] = samples[other];
		samples[other] = p;
	}
}

static void request(void *message, size_t length)
{
	if (send(netlink, message, length, 0) < 0) fail("send");
}

static int is_there(struct prefix prefix)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg route;
		struct rtattr attribute;
		unsigned address;
	} m = {
		.header = { .nlmsg_len = sizeof m, .nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST, .nlmsg_seq = ++sequence },
		.route = { .rtm_family = AF_INET, .rtm_dst_len = 32, .rtm_flags = RTM_F_FIB_MATCH },
		.attribute = { .rta_len = RTA_LENGTH(4), .rta_type = RTA_DST },
		.address = htonl(prefix.address),
	};
	unsigned char answer[16384];
	request(&m, sizeof m);
	if (recv(netlink, answer, sizeof answer, 0) < 0) fail("recv");
	struct nlmsghdr *header = (struct nlmsghdr *)answer;
	if (header->nlmsg_type != RTM_NEWROUTE) return 0;
	return ((struct rtmsg *)NLMSG_DATA(header))->rtm_dst_len == prefix.length;
}

/* Prefixes in the main table, as the kernel counts them; the local one shares its trie, and is told as the same again. */
static size_t kernel_count(void)
{
	FILE *file = fopen("/proc/self/net/fib_triestat", "r");
	if (file == NULL) fail("fib_triestat");
	char line[256];
	size_t most = 0, one;
	while (fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, " Prefixes: %zu", &one) == 1 && one > most) most = one;
	fclose(file);
	return most;
}

static void await(const char *event, int present, size_t target)
{
	double at;
	for (size_t i = 0; i < sample_count; i++)
		while (is_there(samples[i]) != present) usleep(300);
	for (;;) {
		at = now();
		size_t counted = kernel_count();
		if (present ? counted >= target : counted <= target) break;
		usleep(2000);
	}
	printf("{\"event\":\"%s\",\"at\":%.6f}\n", event, at);
}

static void seen(struct nlmsghdr *header, size_t *ours, size_t *others, size_t *paths)
{
	struct rtmsg *route = NLMSG_DATA(header);
	struct prefix key = { 0, route->rtm_dst_len };
	if (route->rtm_table != RT_TABLE_MAIN || route->rtm_protocol == RTPROT_KERNEL) return;
	int length = RTM_PAYLOAD(header);
	size_t hops = 1;
	for (struct rtattr *a = RTM_RTA(route); RTA_OK(a, length); a = RTA_NEXT(a, length)) {
		if (a->rta_type == RTA_DST) {
			memcpy(&key.address, RTA_DATA(a), 4);
			key.address = ntohl(key.address);
		} else if (a->rta_type == RTA_MULTIPATH) {
			hops = 0;
			int rest = RTA_PAYLOAD(a);
			for (struct rtnexthop *hop = RTA_DATA(a); RTNH_OK(hop, rest);) {
				hops++;
				int step = RTNH_ALIGN(hop->rtnh_len);
				hop = (struct rtnexthop *)((char *)hop + step);
				rest -= step;
			}
		}
	}
	struct prefix *match = bsearch(&key, sorted, count, sizeof *sorted, compare);
	if (match == NULL || found[match - sorted]) (*others)++;
	else {
		found[match - sorted] = 1;
		(*ours)++;
		*paths += hops;
	}
}

static void compare_all(void)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg route;
	} m = {
		.header = { .nlmsg_len = sizeof m, .nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = ++sequence },
		.route = { .rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN },
	};
	static unsigned char answer[1 << 17];
	size_t ours = 0, others = 0, paths = 0;
	memset(found, 0, count);
	request(&m, sizeof m);
	for (int done = 0; !done;) {
		ssize_t got = recv(netlink, answer, sizeof answer, 0);
		if (got < 0) fail("recv");
		for (struct nlmsghdr *h = (struct nlmsghdr *)answer; NLMSG_OK(h, got); h = NLMSG_NEXT(h, got)) {
			if (h->nlmsg_type == NLMSG_DONE) done = 1;
			else if (h->nlmsg_type == RTM_NEWROUTE) seen(h, &ours, &others, &paths);
			else fail("dump");
		}
	}
	printf("{\"event\":\"compared\",\"at\":%.6f,\"ours\":%zu,\"others\":%zu,\"missing\":%zu,\"paths\":%zu}\n",
	       now(), ours, others, count - ours, paths);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: route-watch PREFIXES\n");
		return 2;
	}
	read_prefixes(argv[1]);
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int bytes = 4 << 20, on = 1;
	netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (netlink < 0 || bind(netlink, (struct sockaddr *)&any, sizeof any) < 0) fail("socket");
	setsockopt(netlink, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
	setsockopt(netlink, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
	size_t before = kernel_count();
	setlinebuf(stdout);
	printf("{\"event\":\"ready\",\"at\":%.6f}\n", now());
	char line[64];
	while (fgets(line, sizeof line, stdin) != NULL) {
		if (strcmp(line, "present\n") == 0) await("present", 1, before + count);
		else if (strcmp(line, "absent\n") == 0) await("absent", 0, before);
		else if (strcmp(line, "compare\n") == 0) compare_all();
		else fprintf(stderr, "route-watch: no order %s", line);
	}
	return 0;
}
