#include "wire.h"

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sockaddr_in address_or_die(const char *host_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    char host[64];
    const char *colon = strrchr(host_port, ':');
    if (!colon || (size_t)(colon - host_port) >= sizeof host)
        errx(64, "%s: want a.b.c.d:port", host_port);
    memcpy(host, host_port, (size_t)(colon - host_port));
    host[colon - host_port] = 0;
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        errx(64, "%s: want a.b.c.d:port", host_port);
    address.sin_port = htons((uint16_t)atoi(colon + 1));
    return address;
}

void wire_open(struct wire *wire, const struct sockaddr_in *here)
{
    int wanted = 8 << 20;
    wire->socket = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (wire->socket < 0)
        err(71, "socket");
    /* FORCE passes the system's limit and needs privilege; without it the plain request takes what it gets. */
    if (setsockopt(wire->socket, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof wanted) < 0)
        setsockopt(wire->socket, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof wanted);
    if (bind(wire->socket, (const struct sockaddr *)here, sizeof *here) < 0)
        err(71, "bind to port %d", ntohs(here->sin_port));
    for (int i = 0; i < BATCH; i++) {
        wire->in_parts[i] = (struct iovec){wire->in_data[i], MAX_DATAGRAM};
        wire->out_parts[i] = (struct iovec){wire->out_data[i], 0};
        wire->in[i].msg_hdr = (struct msghdr){.msg_name = &wire->in_from[i], .msg_namelen = sizeof wire->in_from[i],
                                              .msg_iov = &wire->in_parts[i], .msg_iovlen = 1};
        wire->out[i].msg_hdr = (struct msghdr){.msg_name = &wire->out_to[i], .msg_namelen = sizeof wire->out_to[i],
                                               .msg_iov = &wire->out_parts[i], .msg_iovlen = 1};
    }
}

int wire_receive(struct wire *wire)
{
    int count = recvmmsg(wire->socket, wire->in, BATCH, MSG_DONTWAIT, NULL);
    return count < 0 ? 0 : count;
}

void wire_send(struct wire *wire, const struct sockaddr_in *to, const char *data, size_t length)
{
    if (wire->waiting == BATCH)
        wire_flush(wire);
    memcpy(wire->out_data[wire->waiting], data, length);
    wire->out_parts[wire->waiting].iov_len = length;
    wire->out_to[wire->waiting] = *to;
    wire->waiting++;
}

void wire_flush(struct wire *wire)
{
    int sent = 0;
    while (sent < wire->waiting) {
        int count = sendmmsg(wire->socket, wire->out + sent, (unsigned)(wire->waiting - sent), 0);
        if (count <= 0) { /* the first one failed: give it up, go on with the rest */
            wire->dropped++;
            count = 1;
        }
        sent += count;
    }
    wire->waiting = 0;
}
