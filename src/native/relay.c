/* Datagrams handed on to worker processes: the twins are ringfence.transport.relay and ringfence.sip.shares.
 *
 * A datagram goes from the buffer that it was received into to its worker's socket without a copy or an object of its own.
 */
#include "datagrams.h"
#include <errno.h>

enum {
    KEEPALIVE = 4,        /* bytes: no message is as short */
    LONGEST_PACK = 65600, /* the longest datagram with its head; STRIDE has room for it */
    PACKS = 4,            /* read in one system call */
    MOST_WORKERS = 1024,
};

/* Before each datagram of a pack; the machine's own byte order, and nothing between the fields. */
struct head {
    uint32_t size;
    uint16_t version;
    uint16_t port;
    uint32_t flow;
    uint32_t scope;
    unsigned char host[16];
};

_Static_assert(sizeof(struct head) == 32, "as the twin's format has it");
_Static_assert((int)LONGEST_PACK <= (int)STRIDE, "a pack fits into a buffer");

static uint32_t crc_table[256];

void relay_prepare(void)
{
    for (uint32_t at = 0; at < 256; at++) {
        uint32_t value = at;
        for (unsigned bit = 0; bit < 8; bit++) {
            value = value & 1 ? value >> 1 ^ UINT32_C(0xEDB88320) : value >> 1;
        }
        crc_table[at] = value;
    }
}

static bool is_blank(unsigned char byte)
{
    return byte == ' ' || byte == '\t';
}

/* The offset behind the colon of a Call-ID line that begins at `at`; 0 for any other line. */
static size_t behind_name(const unsigned char *bytes, size_t at, size_t size)
{
    static const char full[] = "call-id";
    size_t length = sizeof full - 1;
    if (at < size && (bytes[at] | 0x20) == 'i') {
        at++;
    } else if (size - at > length) {
        for (size_t place = 0; place < length; place++) {
            unsigned char byte = bytes[at + place];
            if ((byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte) != (unsigned char)full[place]) {
                return 0;
            }
        }
        at += length;
    } else {
        return 0;
    }
    while (at < size && is_blank(bytes[at])) {
        at++;
    }
    return at < size && bytes[at] == ':' ? at + 1 : 0;
}

/* The CRC-32 of a value from `at` on, its folds included and its blanks left out. */
static uint32_t checksum_of_value(const unsigned char *bytes, size_t at, size_t size)
{
    uint32_t checksum = UINT32_MAX;
    for (; at < size; at++) {
        unsigned char byte = bytes[at];
        if (byte == '\r' || byte == '\n') {
            if (byte == '\n' || size - at < 3 || bytes[at + 1] != '\n' || !is_blank(bytes[at + 2])) {
                break;
            }
            at += 2;
        } else if (!is_blank(byte)) {
            checksum = checksum >> 8 ^ crc_table[(checksum ^ byte) & 0xFF];
        }
    }
    return ~checksum;
}

static uint32_t share_of_message(const unsigned char *bytes, size_t size, uint32_t workers)
{
    size_t at = 0;
    const unsigned char *found;
    while (at < size && (found = memchr(bytes + at, '\r', size - at)) != NULL) {
        at = (size_t)(found - bytes) + 1;
        if (at >= size || bytes[at] != '\n') {
            continue;
        }
        at++;
        if (size - at >= 2 && bytes[at] == '\r' && bytes[at + 1] == '\n') {
            break; /* the head ends */
        }
        size_t value = behind_name(bytes, at, size);
        if (value) {
            uint32_t mixed = checksum_of_value(bytes, value, size) * UINT32_C(0x9E3779B1);
            return (uint32_t)((uint64_t)(mixed >> 16) * workers >> 16);
        }
    }
    return 0;
}

/* What one worker gets of a batch. */
struct pack {
    int outlet; /* -1: closed to this batch */
    unsigned count;
    size_t size;
    size_t total; /* messages of the whole call */
    struct iovec parts[2 * CHUNK];
    struct head heads[CHUNK];
};

struct relay {
    struct room *room;
    uint32_t workers;
    size_t longest;
    size_t received, keepalives, oversized;
    PyObject *kept;
    struct pack *packs;
};

static bool keep(struct relay *relay, uint32_t worker, const struct pack *pack)
{
    PyObject *data = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)pack->size);
    if (data == NULL) {
        return false;
    }
    char *out = PyBytes_AS_STRING(data);
    for (unsigned at = 0; at < 2 * pack->count; at++) {
        memcpy(out, pack->parts[at].iov_base, pack->parts[at].iov_len);
        out += pack->parts[at].iov_len;
    }
    PyObject *item = Py_BuildValue("IIN", worker, pack->count, data);
    bool good = item != NULL && PyList_Append(relay->kept, item) == 0;
    Py_XDECREF(item);
    return good;
}

/* Sends what is packed for a worker, or keeps it. */
static bool ship(struct relay *relay, uint32_t worker)
{
    struct pack *pack = &relay->packs[worker];
    bool good = true;
    if (pack->count == 0) {
        return true;
    }
    if (pack->outlet >= 0) {
        struct msghdr header = {.msg_iov = pack->parts, .msg_iovlen = 2 * (size_t)pack->count};
        ssize_t sent;
        do {
            sent = sendmsg(pack->outlet, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
        } while (sent < 0 && errno == EINTR);
        if (sent < 0) {
            pack->outlet = -1;
        }
    }
    if (pack->outlet < 0) {
        good = keep(relay, worker, pack);
    }
    pack->count = 0;
    pack->size = 0;
    return good;
}

static void fill(struct head *head, const union address *address, size_t size)
{
    memset(head, 0, sizeof *head);
    head->size = (uint32_t)size;
    if (address->any.sa_family == AF_INET6) {
        head->version = 6;
        head->port = ntohs(address->v6.sin6_port);
        head->flow = ntohl(address->v6.sin6_flowinfo);
        head->scope = address->v6.sin6_scope_id;
        memcpy(head->host, &address->v6.sin6_addr, 16);
    } else {
        head->version = 4;
        head->port = ntohs(address->v4.sin_port);
        memcpy(head->host, &address->v4.sin_addr, 4);
    }
}

/* Packs one datagram for its worker. */
static bool take(struct relay *relay, size_t at, size_t size)
{
    unsigned char *data = relay->room->buffers + at * STRIDE;
    if (size <= KEEPALIVE || size > relay->longest) {
        *(size <= KEEPALIVE ? &relay->keepalives : &relay->oversized) += 1;
        return true;
    }
    uint32_t worker = share_of_message(data, size, relay->workers);
    struct pack *pack = &relay->packs[worker];
    if (pack->size + sizeof(struct head) + size > LONGEST_PACK && !ship(relay, worker)) {
        return false;
    }
    struct head *head = &pack->heads[pack->count];
    fill(head, &relay->room->addresses[at], size);
    pack->parts[2 * pack->count] = (struct iovec){head, sizeof *head};
    pack->parts[2 * pack->count + 1] = (struct iovec){data, size};
    pack->count++;
    pack->size += sizeof *head + size;
    pack->total++;
    return true;
}

static bool take_all(struct relay *relay, size_t count)
{
    bool good = true;
    for (size_t at = 0; at < count; at++) {
        struct mmsghdr *message = &relay->room->messages[at];
        message->msg_hdr.msg_namelen = sizeof relay->room->addresses[at]; /* the kernel wrote the real one */
        good = good && take(relay, at, message->msg_len < LARGEST ? message->msg_len : LARGEST);
    }
    for (uint32_t worker = 0; good && worker < relay->workers; worker++) {
        good = ship(relay, worker); /* the buffers are needed for the next */
    }
    return good;
}

static bool pump(struct relay *relay, int descriptor, size_t limit)
{
    while (relay->received < limit) {
        size_t left = limit - relay->received;
        unsigned wanted = left < CHUNK ? (unsigned)left : CHUNK;
        int count = recvmmsg(descriptor, relay->room->messages, wanted, MSG_DONTWAIT, NULL);
        if (count < 0 && errno == EINTR) {
            if (PyErr_CheckSignals() < 0) {
                return false;
            }
            continue;
        }
        if (count < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK || relay->received) {
                return true;
            }
            PyErr_SetFromErrno(PyExc_OSError);
            return false;
        }
        relay->received += (size_t)count;
        if (!take_all(relay, (size_t)count)) {
            return false;
        }
        if ((unsigned)count < wanted) {
            return true;
        }
    }
    return true;
}

static PyObject *told(const struct relay *relay)
{
    PyObject *shares = PyList_New((Py_ssize_t)relay->workers);
    if (shares == NULL) {
        return NULL;
    }
    for (uint32_t worker = 0; worker < relay->workers; worker++) {
        PyObject *count = PyLong_FromSize_t(relay->packs[worker].total);
        if (count == NULL) {
            Py_DECREF(shares);
            return NULL;
        }
        PyList_SET_ITEM(shares, (Py_ssize_t)worker, count);
    }
    return Py_BuildValue("nnnNO", (Py_ssize_t)relay->received, (Py_ssize_t)relay->keepalives,
                         (Py_ssize_t)relay->oversized, shares, relay->kept);
}

/* Reads the outlets; false with an error set. */
static bool open_packs(struct relay *relay, PyObject *outlets)
{
    Py_ssize_t workers = PySequence_Fast_GET_SIZE(outlets);
    if (workers < 1 || workers > MOST_WORKERS) {
        PyErr_SetString(PyExc_ValueError, "there are 1 to 1024 workers");
        return false;
    }
    relay->packs = PyMem_Malloc((size_t)workers * sizeof *relay->packs);
    if (relay->packs == NULL) {
        PyErr_NoMemory();
        return false;
    }
    relay->workers = (uint32_t)workers;
    for (Py_ssize_t at = 0; at < workers; at++) {
        long outlet = PyLong_AsLong(PySequence_Fast_GET_ITEM(outlets, at));
        if (outlet == -1 && PyErr_Occurred()) {
            return false;
        }
        struct pack *pack = &relay->packs[at];
        pack->outlet = outlet < 0 || outlet > INT_MAX ? -1 : (int)outlet;
        pack->count = 0;
        pack->size = pack->total = 0;
    }
    return true;
}

PyObject *relay_batch(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 4) {
        PyErr_SetString(PyExc_TypeError, "relay_batch takes a socket, outlets, a longest message and a limit");
        return NULL;
    }
    int descriptor = descriptor_of(arguments[0]);
    Py_ssize_t longest = descriptor < 0 ? -1 : PyLong_AsSsize_t(arguments[2]);
    Py_ssize_t limit = longest == -1 && PyErr_Occurred() ? -1 : PyLong_AsSsize_t(arguments[3]);
    if (PyErr_Occurred()) {
        return NULL;
    }
    PyObject *outlets = PySequence_Fast(arguments[1], "outlets are a sequence");
    if (outlets == NULL) {
        return NULL;
    }
    struct relay relay = {.longest = longest < 0 ? 0 : (size_t)longest};
    PyObject *result = NULL;
    if (open_packs(&relay, outlets) && (relay.kept = PyList_New(0)) != NULL && (relay.room = take_room()) != NULL &&
        pump(&relay, descriptor, limit < 0 ? 0 : (size_t)limit)) {
        result = told(&relay);
    }
    if (relay.room != NULL) {
        give_back(relay.room);
    }
    Py_XDECREF(relay.kept);
    PyMem_Free(relay.packs);
    Py_DECREF(outlets);
    return result;
}

static PyObject *sender(const struct head *head)
{
    union address address;
    memset(&address, 0, sizeof address);
    if (head->version == 4) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons(head->port);
        memcpy(&address.v4.sin_addr, head->host, 4);
        return tuple_of(&address, sizeof address.v4);
    }
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(head->port);
    address.v6.sin6_flowinfo = htonl(head->flow);
    address.v6.sin6_scope_id = head->scope;
    memcpy(&address.v6.sin6_addr, head->host, 16);
    return tuple_of(&address, sizeof address.v6);
}

/* Puts (data, address) of each frame of a pack behind the list's end. */
static bool unpack(PyObject *batch, const unsigned char *pack, size_t size)
{
    while (size >= sizeof(struct head)) {
        struct head head;
        memcpy(&head, pack, sizeof head);
        pack += sizeof head;
        size -= sizeof head;
        if (head.size > size) {
            break;
        }
        PyObject *address = sender(&head);
        PyObject *data = address == NULL ? NULL : PyBytes_FromStringAndSize((const char *)pack, (Py_ssize_t)head.size);
        PyObject *item = data == NULL ? NULL : PyTuple_New(2);
        if (item == NULL) {
            Py_XDECREF(address);
            Py_XDECREF(data);
            return false;
        }
        PyTuple_SET_ITEM(item, 0, data);
        PyTuple_SET_ITEM(item, 1, address);
        bool good = PyList_Append(batch, item) == 0;
        Py_DECREF(item);
        if (!good) {
            return false;
        }
        pack += head.size;
        size -= head.size;
    }
    return true;
}

static bool unpack_all(PyObject *batch, int descriptor, Py_ssize_t limit, struct room *room)
{
    while (PyList_GET_SIZE(batch) < limit) {
        int count = recvmmsg(descriptor, room->messages, PACKS, MSG_DONTWAIT, NULL);
        if (count < 0 && errno == EINTR) {
            if (PyErr_CheckSignals() < 0) {
                return false;
            }
            continue;
        }
        if (count < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK || PyList_GET_SIZE(batch)) {
                return true;
            }
            PyErr_SetFromErrno(PyExc_OSError);
            return false;
        }
        bool good = true, ended = count < PACKS;
        for (int at = 0; at < count; at++) {
            size_t size = room->messages[at].msg_len;
            room->messages[at].msg_hdr.msg_namelen = sizeof room->addresses[at]; /* the kernel wrote 0 */
            ended = ended || size == 0; /* the other side is gone */
            good = good && unpack(batch, room->buffers + (size_t)at * STRIDE, size < STRIDE ? size : STRIDE);
        }
        if (!good || ended) {
            return good;
        }
    }
    return true;
}

PyObject *receive_relayed(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "receive_relayed takes a socket and a limit");
        return NULL;
    }
    int descriptor = descriptor_of(arguments[0]);
    Py_ssize_t limit = descriptor < 0 ? -1 : PyLong_AsSsize_t(arguments[1]);
    if (limit == -1 && PyErr_Occurred()) {
        return NULL;
    }
    struct room *room = take_room();
    if (room == NULL) {
        return NULL;
    }
    PyObject *batch = PyList_New(0);
    if (batch != NULL && !unpack_all(batch, descriptor, limit, room)) {
        Py_CLEAR(batch);
    }
    give_back(room);
    return batch;
}
