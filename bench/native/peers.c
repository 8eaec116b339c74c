/*
 * The peers of a daemon under test: feeders that write ready UPDATEs as fast as the sockets take them, and sinks that
 * keep, for every prefix, a signature of what they were told. One process, one epoll loop, nothing allocated per
 * message, so that it is never what a benchmark measures.
 *
 * Orders come as lines on standard input, answers go as JSON lines to standard output. Times are seconds of
 * CLOCK_MONOTONIC; `cpu` is the CPU time of this process so far.
 *
 *   universe FILE                   the prefixes that may occur: records of 18 octets (family 4 or 6, length, address)
 *   blob NAME FILE                  octets to send
 *   expect NAME FILE                one u32 (host order) per prefix of the universe: its signature, 0 for none
 *   session ID ASN ROUTERID SOURCE TARGET FAMILY KIND   a session that dials; FAMILY 4 or 6; KIND sink or feeder
 *   hold ID SECONDS                 the hold time that its OPEN offers; ours for all others is 180 s
 *   open ID                         dial (again)                  -> {"event":"established","session":ID}
 *   send ID BLOB                    -> {"event":"sending"}, {"event":"sent"}
 *   await ID EXPECT                 once the session holds exactly this      -> {"event":"held","session":ID}
 *   drop ID                         close the connection          -> {"event":"dropped"}
 *   ping FEEDER SINK BLOB STEPS GAP one UPDATE after the other, the next when the sink has heard of the last one and
 *                                   GAP microseconds went by; STEPS: a file of records of four u32 (offset, length,
 *                                   prefix, signature)            -> {"event":"pong","microseconds":[…]}
 *   report ID                       -> {"event":"report",…}; "silence": the longest time between two messages
 *   quit
 * Unasked: {"event":"ready"}, {"event":"closed"}, {"event":"notification"}.
 *
 * A signature (see `signature` in model.ts): FNV-1a over the AS_PATH's octets, plus a mix of every community, so that
 * their order does not matter. BGP as in RFC 4271, 6793 and 4760; code of its own, so that it can judge what src/ does.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "universe.h"

#define MAX_SESSIONS 2048
#define MAX_FILES 256
#define MAX_MESSAGE 4096
#define READ_SIZE (256 * 1024)
#define WRITE_SIZE (256 * 1024)
#define HOLD_TIME 180
#define MAX_KEEPALIVE_SECONDS 30

struct file {
    char name[64];
    const uint8_t *bytes;
    size_t length;
};

struct expectation {
    char name[64];
    uint32_t *signatures;
};

struct session {
    int id, fd, family, established, sink, hold_time;
    /* When something last came while established, and the longest time without. */
    double heard, silence;
    uint32_t asn, router_id;
    struct sockaddr_storage source, target;
    socklen_t address_length;
    /* What is being sent. */
    const uint8_t *out;
    size_t out_left;
    /* The beginning of a message whose rest has not come. */
    uint8_t rest[MAX_MESSAGE];
    size_t rest_length;
    /* Signature per prefix of the universe; sinks only. */
    uint32_t *held;
    uint32_t held_count, last_index;
    const uint32_t *awaited;
    uint32_t mismatches;
    uint64_t updates, announced, withdrawn, repeated, spurious, unknown;
};

static struct file blobs[MAX_FILES];
static struct expectation expectations[MAX_FILES];
static int blob_count, expectation_count, poller;
static struct session *sessions[MAX_SESSIONS];
static uint8_t incoming[READ_SIZE + MAX_MESSAGE];

static struct {
    struct session *feeder, *sink;
    const uint8_t *bytes;
    const uint32_t *steps;
    uint32_t count, at, gap;
    double sent, *took;
    int waiting, timer;
} ping;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("peers: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(2);
}

static void say(const char *event, const struct session *session, const char *format, ...) {
    va_list args;
    va_start(args, format);
    printf("{\"event\":\"%s\",\"session\":%d,\"at\":%.6f,\"cpu\":%.6f", event, session ? session->id : -1, now(), cpu());
    vprintf(format, args);
    puts("}");
    fflush(stdout);
    va_end(args);
}

static struct file map_file(const char *path) {
    struct file file = {.bytes = (const uint8_t *)""};
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0) fail("cannot open %s: %s", path, strerror(errno));
    file.length = (size_t)status.st_size;
    if (file.length > 0) {
        file.bytes = mmap(NULL, file.length, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
        if (file.bytes == MAP_FAILED) fail("cannot map %s: %s", path, strerror(errno));
    }
    close(fd);
    return file;
}

/* Routes mostly come in the order in which they were fed, so the one after the last is looked at first. */
static uint32_t find_prefix(struct session *s, unsigned family, uint64_t high, uint64_t low, unsigned length) {
    uint32_t index = s->last_index + 1;
    if (index < universe_size && same_prefix(index, family, high, low, length)) return s->last_index = index;
    for (uint32_t slot = prefix_hash(high, low, length) & slot_mask; slots[slot] != UINT32_MAX; slot = (slot + 1) & slot_mask)
        if (same_prefix(slots[slot], family, high, low, length)) return s->last_index = slots[slot];
    return UINT32_MAX;
}

/* What a session holds. */
static void hold(struct session *s, uint32_t index, uint32_t signature) {
    uint32_t before = s->held[index];
    if (signature == 0) {
        s->withdrawn++;
        if (before == 0) s->spurious++;
        else s->held_count--;
    } else {
        s->announced++;
        if (before == signature) s->repeated++;
        else if (before == 0) s->held_count++;
    }
    s->held[index] = signature;
    if (s->awaited) s->mismatches += (uint32_t)(signature != s->awaited[index]) - (uint32_t)(before != s->awaited[index]);
}

static void hold_prefixes(struct session *s, unsigned family, const uint8_t *at, const uint8_t *end, uint32_t signature) {
    while (at < end) {
        unsigned length = *at++, octets = (length + 7) / 8;
        uint8_t address[16] = {0};
        if (octets > (family == 4 ? 4u : 16u) || at + octets > end) fail("session %d: a broken prefix", s->id);
        memcpy(address, at, octets);
        at += octets;
        uint32_t index = find_prefix(s, family, read64(address), family == 4 ? 0 : read64(address + 8), length);
        if (index == UINT32_MAX) s->unknown++;
        else hold(s, index, signature);
    }
}

static uint32_t mix(uint32_t h) {
    h = (h ^ (h >> 15)) * 0x2c1b3c6du;
    h = (h ^ (h >> 12)) * 0x297a2d39u;
    return h ^ (h >> 15);
}

static void update(struct session *s, const uint8_t *at, const uint8_t *end) {
    const uint8_t *withdrawn = at + 2, *attributes = withdrawn + (at[0] << 8 | at[1]) + 2;
    const uint8_t *nlri = attributes + (attributes[-2] << 8 | attributes[-1]);
    const uint8_t *reach = NULL, *reach_end = NULL;
    uint32_t path = 0x811c9dc5u, communities = 0;
    s->updates++;
    if (nlri > end) fail("session %d: a broken UPDATE", s->id);
    hold_prefixes(s, 4, withdrawn, attributes - 2, 0);
    for (const uint8_t *a = attributes; a < nlri;) {
        unsigned type = a[1], length = a[2];
        const uint8_t *value = a + 3;
        if (a[0] & 0x10) {
            length = length << 8 | a[3];
            value++;
        }
        a = value + length;
        if (a > nlri) fail("session %d: a broken attribute", s->id);
        if (type == 2) {
            for (unsigned i = 0; i < length; i++) path = (path ^ value[i]) * 0x01000193u;
        } else if (type == 8) {
            for (unsigned i = 0; i + 4 <= length; i += 4)
                communities += mix((uint32_t)value[i] << 24 | value[i + 1] << 16 | value[i + 2] << 8 | value[i + 3]);
        } else if (type == 14 && length >= 5 && value[1] == 2 && value[2] == 1) {
            reach = value + 5 + value[3];
            reach_end = a;
        } else if (type == 15 && length >= 3 && value[1] == 2 && value[2] == 1) {
            hold_prefixes(s, 6, value + 3, a, 0);
        }
    }
    uint32_t signature = (path + communities) | 1;
    if (reach) hold_prefixes(s, 6, reach, reach_end, signature);
    hold_prefixes(s, 4, nlri, end, signature);
}

static void check_awaited(struct session *s) {
    if (!s->awaited || s->mismatches > 0) return;
    s->awaited = NULL;
    say("held", s, ",\"count\":%u", s->held_count);
}

/* Sending. */

static void watch(struct session *s, int writable) {
    struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0u), .data.ptr = s};
    epoll_ctl(poller, EPOLL_CTL_MOD, s->fd, &event);
}

static void close_session(struct session *s) {
    close(s->fd);
    s->fd = -1;
    s->established = 0;
    s->out_left = s->rest_length = 0;
    if (s->held) memset(s->held, 0, universe_size * sizeof *s->held);
    s->held_count = 0;
    s->awaited = NULL;
}

/* Small messages go at once: the send buffer of a session that sends nothing else always has room. */
static void send_now(struct session *s, const uint8_t *bytes, size_t length) {
    if (send(s->fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length && errno != EPIPE && errno != ECONNRESET)
        fail("session %d: cannot send: %s", s->id, strerror(errno));
}

static void send_more(struct session *s) {
    ssize_t sent = send(s->fd, s->out, s->out_left < WRITE_SIZE ? s->out_left : WRITE_SIZE, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno == EAGAIN || errno == EINTR) return;
        say("closed", s, "");
        close_session(s);
        return;
    }
    s->out += sent;
    s->out_left -= (size_t)sent;
    if (s->out_left == 0) {
        watch(s, 0);
        say("sent", s, "");
    }
}

static void send_message(struct session *s, int type, const uint8_t *body, size_t length) {
    uint8_t message[64];
    memset(message, 0xff, 16);
    message[16] = 0;
    message[17] = (uint8_t)(19 + length);
    message[18] = (uint8_t)type;
    memcpy(message + 19, body, length);
    send_now(s, message, 19 + length);
}

static void send_open(struct session *s) {
    uint16_t short_asn = s->asn > 0xffff ? 23456 : (uint16_t)s->asn;
    uint32_t id = s->router_id;
    const uint8_t body[] = {4, (uint8_t)(short_asn >> 8), (uint8_t)short_asn, 0, (uint8_t)s->hold_time, (uint8_t)(id >> 24),
        (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id, 14, 2, 12,
        1, 4, 0, s->family == 4 ? 1 : 2, 0, 1,
        65, 4, (uint8_t)(s->asn >> 24), (uint8_t)(s->asn >> 16), (uint8_t)(s->asn >> 8), (uint8_t)s->asn};
    send_message(s, 1, body, sizeof body);
}

/* Receiving. */
static void received(struct session *s, const uint8_t *message, size_t length) {
    switch (message[18]) {
    case 1:
        send_message(s, 4, NULL, 0);
        break;
    case 2:
        if (s->held) update(s, message + 19, message + length);
        break;
    case 3:
        say("notification", s, ",\"code\":%d,\"subcode\":%d", message[19], message[20]);
        break;
    case 4:
        if (!s->established) {
            s->established = 1;
            s->heard = now();
            say("established", s, "");
        }
        break;
    default:
        fail("session %d: a message of type %d", s->id, message[18]);
    }
}

static void ping_heard(void);

static void receive(struct session *s) {
    memcpy(incoming, s->rest, s->rest_length);
    ssize_t got = recv(s->fd, incoming + s->rest_length, READ_SIZE, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        say("closed", s, "");
        close_session(s);
        return;
    }
    size_t length = s->rest_length + (size_t)got, at = 0;
    while (length - at >= 19) {
        size_t size = (size_t)incoming[at + 16] << 8 | incoming[at + 17];
        if (size < 19 || size > MAX_MESSAGE) fail("session %d: a message of %zu octets", s->id, size);
        if (length - at < size) break;
        received(s, incoming + at, size);
        at += size;
    }
    if (at > 0 && s->established) {
        double time = now();
        if (time - s->heard > s->silence) s->silence = time - s->heard;
        s->heard = time;
    }
    s->rest_length = length - at;
    memcpy(s->rest, incoming + at, s->rest_length);
    check_awaited(s);
    if (ping.waiting && s == ping.sink) ping_heard();
}

/* The daemon may still be starting: a refused connection is tried again. */
static void dial(struct session *s) {
    for (;;) {
        int one = 1;
        s->fd = socket(s->source.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(s->fd, (struct sockaddr *)&s->source, s->address_length) < 0)
            fail("session %d: cannot bind: %s", s->id, strerror(errno));
        if (connect(s->fd, (struct sockaddr *)&s->target, s->address_length) == 0) break;
        close(s->fd);
        usleep(1000);
    }
    fcntl(s->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
    epoll_ctl(poller, EPOLL_CTL_ADD, s->fd, &event);
    send_open(s);
}

/* One change after the other. */
static void ping_next(void) {
    const uint32_t *step = ping.steps + (size_t)ping.at * 4;
    ping.waiting = 1;
    ping.sent = now();
    send_now(ping.feeder, ping.bytes + step[0], step[1]);
}

static void ping_heard(void) {
    const uint32_t *step = ping.steps + (size_t)ping.at * 4;
    if (ping.sink->held[step[2]] != step[3]) return;
    ping.took[ping.at++] = now() - ping.sent;
    ping.waiting = 0;
    if (ping.at < ping.count) {
        struct itimerspec gap = {.it_value = {.tv_nsec = (long)ping.gap * 1000 + 1}};
        timerfd_settime(ping.timer, 0, &gap, NULL);
        return;
    }
    printf("{\"event\":\"pong\",\"session\":%d,\"at\":%.6f,\"cpu\":%.6f,\"microseconds\":[", ping.feeder->id, now(), cpu());
    for (uint32_t i = 0; i < ping.count; i++) printf("%s%.1f", i ? "," : "", ping.took[i] * 1e6);
    puts("]}");
    fflush(stdout);
    free(ping.took);
}

/* Orders. */
static const struct file *find_blob(const char *name) {
    for (int i = 0; i < blob_count; i++)
        if (strcmp(blobs[i].name, name) == 0) return &blobs[i];
    fail("no blob %s", name);
    __builtin_unreachable();
}

static struct session *find_session(const char *id) {
    int index = atoi(id);
    if (index < 0 || index >= MAX_SESSIONS || !sessions[index]) fail("no session %s", id);
    return sessions[index];
}

static void read_address(const char *text, int port, struct sockaddr_storage *to) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)to;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
    } else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
    } else fail("%s is no address", text);
}

static void add_session(char **words) {
    struct session *s = calloc(1, sizeof *s);
    struct in_addr router_id;
    int id = atoi(words[1]);
    if (id < 0 || id >= MAX_SESSIONS) fail("no room for session %s", words[1]);
    if (inet_pton(AF_INET, words[3], &router_id) != 1) fail("%s is no router id", words[3]);
    s->id = id;
    s->fd = -1;
    s->hold_time = HOLD_TIME;
    s->asn = (uint32_t)strtoul(words[2], NULL, 10);
    s->router_id = ntohl(router_id.s_addr);
    s->family = atoi(words[6]);
    s->sink = strcmp(words[7], "sink") == 0;
    read_address(words[4], 0, &s->source);
    read_address(words[5], 179, &s->target);
    s->address_length = s->source.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    if (s->sink) s->held = calloc(universe_size + 1, sizeof *s->held);
    s->last_index = UINT32_MAX - 1;
    sessions[id] = s;
}

static void await(struct session *s, const char *name) {
    s->awaited = NULL;
    for (int i = 0; i < expectation_count; i++)
        if (strcmp(expectations[i].name, name) == 0) s->awaited = expectations[i].signatures;
    if (!s->awaited || !s->held) fail("cannot await %s", name);
    s->mismatches = 0;
    for (uint32_t i = 0; i < universe_size; i++) s->mismatches += s->held[i] != s->awaited[i];
    check_awaited(s);
}

static void start_ping(char **words) {
    struct file steps = map_file(words[4]);
    ping.feeder = find_session(words[1]);
    ping.sink = find_session(words[2]);
    ping.bytes = find_blob(words[3])->bytes;
    ping.steps = (const uint32_t *)steps.bytes;
    ping.count = (uint32_t)(steps.length / 16);
    ping.gap = (uint32_t)atoi(words[5]);
    ping.at = 0;
    ping.took = calloc(ping.count, sizeof *ping.took);
    ping_next();
}

static void report(const struct session *s) {
    say("report", s,
        ",\"count\":%u,\"mismatches\":%u,\"updates\":%lu,\"announced\":%lu,\"withdrawn\":%lu,"
        "\"repeated\":%lu,\"spuriousWithdrawals\":%lu,\"unknown\":%lu,\"silence\":%.6f",
        s->held_count, s->mismatches, s->updates, s->announced, s->withdrawn, s->repeated, s->spurious,
        s->unknown, s->silence);
}

static void order(char *line) {
    char *words[8] = {NULL};
    int count = 0;
    for (char *word = strtok(line, " \n"); word && count < 8; word = strtok(NULL, " \n")) words[count++] = word;
    if (count == 0) return;
    const char *verb = words[0];
    if (strcmp(verb, "universe") == 0 && count == 2) {
        struct file file = map_file(words[1]);
        load_universe(file.bytes, file.length);
    }
    else if (strcmp(verb, "blob") == 0 && count == 3 && blob_count < MAX_FILES) {
        struct file *blob = &blobs[blob_count++];
        *blob = map_file(words[2]);
        snprintf(blob->name, sizeof blob->name, "%s", words[1]);
    } else if (strcmp(verb, "expect") == 0 && count == 3 && expectation_count < MAX_FILES) {
        struct file file = map_file(words[2]);
        if (file.length != universe_size * sizeof(uint32_t)) fail("%s does not fit the universe", words[2]);
        struct expectation *e = &expectations[expectation_count++];
        e->signatures = (uint32_t *)file.bytes;
        snprintf(e->name, sizeof e->name, "%s", words[1]);
    } else if (strcmp(verb, "session") == 0 && count == 8) add_session(words);
    else if (strcmp(verb, "hold") == 0 && count == 3) find_session(words[1])->hold_time = atoi(words[2]);
    else if (strcmp(verb, "open") == 0 && count == 2) dial(find_session(words[1]));
    else if (strcmp(verb, "send") == 0 && count == 3) {
        struct session *s = find_session(words[1]);
        const struct file *blob = find_blob(words[2]);
        s->out = blob->bytes;
        s->out_left = blob->length;
        say("sending", s, "");
        watch(s, 1);
    } else if (strcmp(verb, "await") == 0 && count == 3) await(find_session(words[1]), words[2]);
    else if (strcmp(verb, "drop") == 0 && count == 2) {
        struct session *s = find_session(words[1]);
        say("dropped", s, "");
        close_session(s);
    } else if (strcmp(verb, "ping") == 0 && count == 6) start_ping(words);
    else if (strcmp(verb, "report") == 0 && count == 2) report(find_session(words[1]));
    else if (strcmp(verb, "quit") == 0) exit(0);
    else fail("unknown order %s of %d words", verb, count);
}

static void read_orders(void) {
    static char line[1 << 16];
    static size_t used;
    ssize_t got = read(0, line + used, sizeof line - used - 1);
    if (got <= 0) exit(0);
    used += (size_t)got;
    for (char *end; (end = memchr(line, '\n', used)) != NULL;) {
        char one[4096];
        size_t length = (size_t)(end - line);
        if (length >= sizeof one) fail("an order of %zu octets", length);
        memcpy(one, line, length);
        one[length] = 0;
        used -= length + 1;
        memmove(line, end + 1, used);
        order(one);
    }
}

/* Each second: those whose turn it is, a third of the hold time after the last one. */
static void keep_alive(void) {
    static unsigned second;
    second++;
    for (int i = 0; i < MAX_SESSIONS; i++) {
        struct session *s = sessions[i];
        if (!s || !s->established || s->out_left > 0) continue;
        unsigned every = (unsigned)s->hold_time / 3;
        if (every > MAX_KEEPALIVE_SECONDS) every = MAX_KEEPALIVE_SECONDS;
        if (every < 2 || second % every == 0) send_message(s, 4, NULL, 0);
    }
}

static int add_timer(long seconds) {
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct itimerspec every = {.it_interval = {.tv_sec = seconds}, .it_value = {.tv_sec = seconds}};
    if (seconds > 0) timerfd_settime(fd, 0, &every, NULL);
    return fd;
}

int main(void) {
    static char orders_tag, keepalive_tag, ping_tag;
    struct epoll_event events[256];
    poller = epoll_create1(EPOLL_CLOEXEC);
    int keepalive = add_timer(1);
    ping.timer = add_timer(0);
    epoll_ctl(poller, EPOLL_CTL_ADD, 0, &(struct epoll_event){.events = EPOLLIN, .data.ptr = &orders_tag});
    epoll_ctl(poller, EPOLL_CTL_ADD, keepalive, &(struct epoll_event){.events = EPOLLIN, .data.ptr = &keepalive_tag});
    epoll_ctl(poller, EPOLL_CTL_ADD, ping.timer, &(struct epoll_event){.events = EPOLLIN, .data.ptr = &ping_tag});
    say("ready", NULL, "");
    for (;;) {
        int count = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < count; i++) {
            uint64_t ticks;
            if (events[i].data.ptr == &orders_tag) read_orders();
            else if (events[i].data.ptr == &keepalive_tag) {
                if (read(keepalive, &ticks, sizeof ticks) > 0) keep_alive();
            } else if (events[i].data.ptr == &ping_tag) {
                if (read(ping.timer, &ticks, sizeof ticks) > 0) ping_next();
            } else {
                struct session *s = events[i].data.ptr;
                if (s->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(s);
                if (s->fd >= 0 && events[i].events & EPOLLOUT && s->out_left > 0) send_more(s);
            }
        }
    }
}
