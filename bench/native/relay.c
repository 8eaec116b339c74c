/*
 * relay ADDRESS ASN ROUTERID FAMILY: a stand-in for a routing daemon that does none of its work. It accepts BGP sessions
 * and copies the octets of whoever sends UPDATEs, unread, to all other sessions. What a benchmark takes with it is the
 * time of the testers, of the kernel's TCP and of two copies.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_SESSIONS 2048
#define CHUNK (256 * 1024)

static struct session {
    int fd;
    uint8_t rest[4096];
    size_t rest_length;
} sessions[MAX_SESSIONS];
static int session_count, poller;
static uint32_t asn, router_id;
static int family;
static uint8_t chunk[CHUNK + 4096];

static void send_all(int fd, const uint8_t *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent > 0) {
            bytes += sent;
            length -= (size_t)sent;
        } else if (errno == EAGAIN) poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        else return;
    }
}

static void greet(int fd) {
    const uint8_t messages[] = {
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 43, 1,
        4, 23456 >> 8, 23456 & 255, 0, 180, (uint8_t)(router_id >> 24), (uint8_t)(router_id >> 16),
        (uint8_t)(router_id >> 8), (uint8_t)router_id, 14, 2, 12, 1, 4, 0, family == 4 ? 1 : 2, 0, 1,
        65, 4, (uint8_t)(asn >> 24), (uint8_t)(asn >> 16), (uint8_t)(asn >> 8), (uint8_t)asn,
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 19, 4};
    send_all(fd, messages, sizeof messages);
}

/* Whole messages only, so that those of two sources do not mix within. */
static void receive(struct session *s) {
    memcpy(chunk, s->rest, s->rest_length);
    ssize_t got = recv(s->fd, chunk + s->rest_length, CHUNK, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        close(s->fd);
        s->fd = -1;
        return;
    }
    size_t length = s->rest_length + (size_t)got, at = 0, from = 0;
    for (size_t size; length - at >= 19 && length - at >= (size = (size_t)chunk[at + 16] << 8 | chunk[at + 17]); at += size) {
        if (chunk[at + 18] == 2) continue;
        for (int i = 0; at > from && i < session_count; i++)
            if (&sessions[i] != s && sessions[i].fd >= 0) send_all(sessions[i].fd, chunk + from, at - from);
        if (chunk[at + 18] == 1) greet(s->fd);
        from = at + size;
    }
    for (int i = 0; at > from && i < session_count; i++)
        if (&sessions[i] != s && sessions[i].fd >= 0) send_all(sessions[i].fd, chunk + from, at - from);
    s->rest_length = length - at;
    memcpy(s->rest, chunk + at, s->rest_length);
}

int main(int argc, char **argv) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(179)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(179)};
    struct in_addr id;
    struct epoll_event events[64];
    int one = 1;
    if (argc != 5 || inet_pton(AF_INET, argv[3], &id) != 1) return 2;
    asn = (uint32_t)strtoul(argv[2], NULL, 10);
    router_id = ntohl(id.s_addr);
    family = atoi(argv[4]);
    int listener = socket(family == 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (inet_pton(AF_INET, argv[1], &v4.sin_addr) != 1 && inet_pton(AF_INET6, argv[1], &v6.sin6_addr) != 1) return 2;
    if (bind(listener, family == 4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, family == 4 ? sizeof v4 : sizeof v6) < 0 ||
        listen(listener, 512) < 0) {
        perror("relay");
        return 1;
    }
    poller = epoll_create1(0);
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN});
    for (;;) {
        int count = epoll_wait(poller, events, 64, -1);
        for (int i = 0; i < count; i++) {
            struct session *s = events[i].data.ptr;
            if (s) {
                if (s->fd >= 0) receive(s);
                continue;
            }
            int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            if (fd < 0 || session_count == MAX_SESSIONS) continue;
            s = &sessions[session_count++];
            s->fd = fd;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            epoll_ctl(poller, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = s});
        }
    }
}
