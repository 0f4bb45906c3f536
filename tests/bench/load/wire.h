/* A UDP socket read and written in batches, so that the generator costs little beside what it measures. */
#ifndef SIPLOAD_WIRE_H
#define SIPLOAD_WIRE_H

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

enum { BATCH = 64, MAX_DATAGRAM = 2048 };

struct wire {
    int socket;
    int waiting;               /* datagrams in `out` */
    unsigned long dropped;     /* datagrams the kernel had no room for; retransmission heals them */
    struct mmsghdr in[BATCH], out[BATCH];
    struct iovec in_parts[BATCH], out_parts[BATCH];
    struct sockaddr_in in_from[BATCH], out_to[BATCH];
    char in_data[BATCH][MAX_DATAGRAM], out_data[BATCH][MAX_DATAGRAM];
};

struct sockaddr_in address_or_die(const char *host_port);
void wire_open(struct wire *wire, const struct sockaddr_in *here);
int wire_receive(struct wire *wire); /* datagrams now in in_data[0..n), at most BATCH */
void wire_send(struct wire *wire, const struct sockaddr_in *to, const char *data, size_t length);
void wire_flush(struct wire *wire);

#endif
