/* What sending and receiving in batches and handing on to workers share. */
#ifndef RINGFENCE_DATAGRAMS_H
#define RINGFENCE_DATAGRAMS_H

#include "native.h"
#include <netinet/in.h>
#include <sys/socket.h>

enum {
    CHUNK = 64,      /* datagrams a system call */
    LARGEST = 65535, /* no UDP payload is longer */
    STRIDE = 65728,  /* odd in cache lines, or the buffers' beginnings would push each other out of the cache */
};

/* An address in the kernel's form; the parts that are not used are zero. */
union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* What one call receives into. Pages that no datagram was long enough for are never made. */
struct room {
    struct mmsghdr messages[CHUNK];
    struct iovec parts[CHUNK];
    union address addresses[CHUNK];
    unsigned char *buffers;
};

/* NULL with an error set where there is no memory. */
struct room *take_room(void);
void give_back(struct room *room);

/* The socket's descriptor, -1 with an error set: for a closed socket the one that the kernel would give. */
int descriptor_of(PyObject *sock);

/* As the socket module gives it: (host, port), for IPv6 (host, port, flow, scope). A new reference. */
PyObject *tuple_of(const union address *address, socklen_t length);

#endif
