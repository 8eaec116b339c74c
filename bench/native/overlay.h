/*
 * What an overlay is to have in the kernel, one object a line, as the load `overlay` writes it:
 *
 *     fdb DEVICE MAC ADDRESS             frames to MAC go to ADDRESS
 *     neighbour DEVICE ADDRESS MAC
 *     route PREFIX LENGTH DEVICE ADDRESS  by ADDRESS on DEVICE, `onlink`
 *     link PREFIX LENGTH DEVICE           straight onto DEVICE
 *     blackhole PREFIX LENGTH
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PROTOCOL = 84, FDB = 1, NEIGHBOUR, ROUTE };

/* What tells objects apart: of an FDB entry device and MAC, of a neighbour device and address, of a route its prefix. */
struct key {
	uint8_t kind, family, length, zero;
	char device[IF_NAMESIZE];
	uint8_t address[16];
};

/* Where it leads: an address, a MAC; of a route also the device and the type (RTN_...). */
struct content {
	uint8_t type, family, zero[2];
	char device[IF_NAMESIZE];
	uint8_t address[16];
};

struct object {
	struct key key;
	struct content content;
};

static const char *program;

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program, what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static unsigned read_address(const char *text, uint8_t *into)
{
	unsigned family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, text, into) != 1) {
		errno = EINVAL;
		fail(text);
	}
	return family;
}

static void read_mac(const char *text, uint8_t *into)
{
	unsigned b[6];
	if (sscanf(text, "%x:%x:%x:%x:%x:%x", b, b + 1, b + 2, b + 3, b + 4, b + 5) != 6) {
		errno = EINVAL;
		fail(text);
	}
	for (int i = 0; i < 6; i++) into[i] = b[i];
}

static void name_device(char *into, const char *name)
{
	snprintf(into, IF_NAMESIZE, "%s", name);
}

static struct object parse_object(char *line)
{
	struct object o;
	char *words[5] = { 0 };
	memset(&o, 0, sizeof o);
	for (int i = 0; i < 5; i++) words[i] = strsep(&line, " \n");
	if (strcmp(words[0], "fdb") == 0) {
		o.key.kind = FDB;
		name_device(o.key.device, words[1]);
		read_mac(words[2], o.key.address);
		o.content.family = read_address(words[3], o.content.address);
	} else if (strcmp(words[0], "neighbour") == 0) {
		o.key.kind = NEIGHBOUR;
		name_device(o.key.device, words[1]);
		o.key.family = read_address(words[2], o.key.address);
		read_mac(words[3], o.content.address);
	} else {
		o.key.kind = ROUTE;
		o.key.family = read_address(words[1], o.key.address);
		o.key.length = atoi(words[2]);
		o.content.type = strcmp(words[0], "blackhole") == 0 ? RTN_BLACKHOLE : RTN_UNICAST;
		if (o.content.type == RTN_UNICAST) name_device(o.content.device, words[3]);
		if (strcmp(words[0], "route") == 0) o.content.family = read_address(words[4], o.content.address);
	}
	return o;
}

static struct object *read_objects(const char *path, size_t *count)
{
	FILE *file = fopen(path, "r");
	struct object *objects = NULL;
	size_t room = 0;
	char line[256];
	if (file == NULL) fail(path);
	*count = 0;
	while (fgets(line, sizeof line, file) != NULL) {
		if (*count == room) objects = realloc(objects, (room = room ? 2 * room : 4096) * sizeof *objects);
		objects[(*count)++] = parse_object(line);
	}
	fclose(file);
	return objects;
}

static int open_netlink(int bytes, unsigned groups)
{
	struct sockaddr_nl any = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int on = 1, s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (s < 0) fail("socket");
	setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
	setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
	setsockopt(s, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
	if (bind(s, (struct sockaddr *)&any, sizeof any) < 0) fail("bind");
	return s;
}
