/* Batches of datagrams by recvmmsg(2) and sendmmsg(2): the twin is ringfence.transport.datagrams.
 *
 * The calls never block (MSG_DONTWAIT), so the interpreter's lock is kept: giving it away could cost a thread switch of
 * 5 ms where the call itself takes microseconds.
 */
#include "datagrams.h"
#include <arpa/inet.h>
#include <errno.h>
#include <sys/mman.h>

enum { ADDRESSES = 1024 }; /* far ends whose address is held in both forms, a power of two */

/* Interned. */
static PyObject *address_name;
static PyObject *fileno_name;
static PyObject *sendto_name;

bool datagrams_prepare(void)
{
    address_name = PyUnicode_InternFromString("address");
    fileno_name = PyUnicode_InternFromString("fileno");
    sendto_name = PyUnicode_InternFromString("sendto");
    return address_name != NULL && fileno_name != NULL && sendto_name != NULL;
}

struct known {
    PyObject *tuple; /* NULL: free */
    union address address;
    socklen_t length;
};

/* By what the kernel says, and by the identity of the tuple, which is held so that it stays one. */
static struct known by_address[ADDRESSES];
static struct known by_tuple[ADDRESSES];

static unsigned slot_of_address(const union address *address)
{
    uint32_t mixed;
    if (address->any.sa_family == AF_INET) {
        mixed = address->v4.sin_addr.s_addr * UINT32_C(0x9E3779B1) + address->v4.sin_port * UINT32_C(0x85EBCA6B);
    } else {
        uint32_t words[4];
        memcpy(words, &address->v6.sin6_addr, sizeof words);
        mixed = address->v6.sin6_port + address->v6.sin6_scope_id * UINT32_C(31);
        for (unsigned at = 0; at < 4; at++) {
            mixed = (mixed ^ words[at]) * UINT32_C(0x9E3779B1);
        }
    }
    return (mixed >> 16 ^ mixed) % ADDRESSES;
}

static unsigned slot_of_tuple(PyObject *tuple)
{
    uintptr_t bits = (uintptr_t)tuple >> 4;
    return (unsigned)((bits >> 10 ^ bits) % ADDRESSES);
}

static bool same_address(const union address *one, const union address *two)
{
    if (one->any.sa_family != two->any.sa_family) {
        return false;
    }
    if (one->any.sa_family == AF_INET) {
        return one->v4.sin_port == two->v4.sin_port && one->v4.sin_addr.s_addr == two->v4.sin_addr.s_addr;
    }
    return one->v6.sin6_port == two->v6.sin6_port && one->v6.sin6_scope_id == two->v6.sin6_scope_id &&
           one->v6.sin6_flowinfo == two->v6.sin6_flowinfo &&
           memcmp(&one->v6.sin6_addr, &two->v6.sin6_addr, sizeof one->v6.sin6_addr) == 0;
}

static void know(struct known *slot, PyObject *tuple, const union address *address, socklen_t length)
{
    PyObject *gone = slot->tuple;
    slot->tuple = Py_NewRef(tuple);
    slot->address = *address;
    slot->length = length;
    Py_XDECREF(gone);
}

PyObject *tuple_of(const union address *address, socklen_t length)
{
    char host[INET6_ADDRSTRLEN];
    bool v4 = length >= sizeof address->v4 && address->any.sa_family == AF_INET;
    bool v6 = length >= sizeof address->v6 && address->any.sa_family == AF_INET6;
    if (!v4 && !v6) {
        PyErr_SetString(PyExc_OSError, "a datagram came without an internet address");
        return NULL;
    }
    struct known *slot = &by_address[slot_of_address(address)];
    if (slot->tuple != NULL && same_address(&slot->address, address)) {
        return Py_NewRef(slot->tuple);
    }
    const void *binary = v4 ? (const void *)&address->v4.sin_addr : (const void *)&address->v6.sin6_addr;
    if (inet_ntop(address->any.sa_family, binary, host, sizeof host) == NULL) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    PyObject *tuple;
    if (v4) {
        tuple = Py_BuildValue("si", host, ntohs(address->v4.sin_port));
    } else {
        tuple = Py_BuildValue("siII", host, ntohs(address->v6.sin6_port), ntohl(address->v6.sin6_flowinfo),
                              address->v6.sin6_scope_id);
    }
    if (tuple != NULL) {
        know(slot, tuple, address, length);
    }
    return tuple;
}

/* Kept for the next call; who comes while it is in use (another thread, a finaliser that the garbage collector runs) gets
 * one of its own. */
static struct room *spare;

static void set_up(struct room *room, size_t at)
{
    struct msghdr *header = &room->messages[at].msg_hdr;
    header->msg_name = &room->addresses[at];
    header->msg_namelen = sizeof room->addresses[at];
    header->msg_iov = &room->parts[at];
    header->msg_iovlen = 1;
    room->parts[at].iov_base = room->buffers + at * STRIDE;
    room->parts[at].iov_len = STRIDE;
}

struct room *take_room(void)
{
    struct room *room = spare;
    spare = NULL;
    if (room != NULL) {
        return room;
    }
    room = PyMem_Calloc(1, sizeof *room);
    if (room == NULL) {
        return (struct room *)PyErr_NoMemory();
    }
    void *buffers =
        mmap(NULL, (size_t)CHUNK * STRIDE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (buffers == MAP_FAILED) {
        PyMem_Free(room);
        return (struct room *)PyErr_NoMemory();
    }
    room->buffers = buffers;
    for (size_t at = 0; at < CHUNK; at++) {
        set_up(room, at);
    }
    return room;
}

void give_back(struct room *room)
{
    if (spare == NULL) {
        spare = room;
        return;
    }
    munmap(room->buffers, (size_t)CHUNK * STRIDE);
    PyMem_Free(room);
}

int descriptor_of(PyObject *sock)
{
    PyObject *number = PyObject_CallMethodNoArgs(sock, fileno_name);
    long descriptor = number == NULL ? -1 : PyLong_AsLong(number);
    Py_XDECREF(number);
    if (PyErr_Occurred()) {
        return -1;
    }
    if (descriptor < 0 || descriptor > INT_MAX) {
        errno = EBADF;
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    return (int)descriptor;
}

/* Puts (data, address) of each received message behind the list's end. */
static bool collect(PyObject *batch, struct room *room, size_t count)
{
    bool good = true;
    for (size_t at = 0; at < count; at++) {
        struct mmsghdr *message = &room->messages[at];
        socklen_t length = message->msg_hdr.msg_namelen;
        message->msg_hdr.msg_namelen = sizeof room->addresses[at]; /* the kernel wrote the real one */
        if (!good) {
            continue;
        }
        size_t size = message->msg_len < LARGEST ? message->msg_len : LARGEST;
        PyObject *address = tuple_of(&room->addresses[at], length);
        const char *buffer = (const char *)room->buffers + at * STRIDE;
        PyObject *data = address == NULL ? NULL : PyBytes_FromStringAndSize(buffer, (Py_ssize_t)size);
        PyObject *item = data == NULL ? NULL : PyTuple_New(2);
        if (item == NULL) {
            Py_XDECREF(address);
            Py_XDECREF(data);
            good = false;
            continue;
        }
        PyTuple_SET_ITEM(item, 0, data);
        PyTuple_SET_ITEM(item, 1, address);
        good = PyList_Append(batch, item) == 0;
        Py_DECREF(item);
    }
    return good;
}

static bool receive_into(PyObject *batch, int descriptor, Py_ssize_t limit, struct room *room)
{
    while (PyList_GET_SIZE(batch) < limit) {
        Py_ssize_t left = limit - PyList_GET_SIZE(batch);
        unsigned wanted = left < CHUNK ? (unsigned)left : CHUNK;
        int count = recvmmsg(descriptor, room->messages, wanted, MSG_DONTWAIT, NULL);
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
        if (!collect(batch, room, (size_t)count)) {
            return false;
        }
        if ((unsigned)count < wanted) {
            return true;
        }
    }
    return true;
}

PyObject *receive_batch(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "receive_batch takes a socket and a limit");
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
    if (batch != NULL && !receive_into(batch, descriptor, limit, room)) {
        Py_CLEAR(batch);
    }
    give_back(room);
    return batch;
}

/* Reads a host and port as the socket module would; false, without an error, for what is left to it: a name, a zone. */
static bool pack(PyObject *tuple, union address *address, socklen_t *length)
{
    Py_ssize_t size = PyTuple_GET_SIZE(tuple);
    if (size != 2 && size != 4) {
        return false;
    }
    PyObject *host = PyTuple_GET_ITEM(tuple, 0);
    unsigned long numbers[3] = {0, 0, 0};
    static const unsigned long limits[3] = {65535, 0xFFFFF, UINT32_MAX};
    for (Py_ssize_t at = 1; at < size; at++) {
        PyObject *number = PyTuple_GET_ITEM(tuple, at);
        if (!PyLong_CheckExact(number)) {
            return false;
        }
        unsigned long read = PyLong_AsUnsignedLong(number);
        if (PyErr_Occurred()) {
            PyErr_Clear();
            return false;
        }
        if (read > limits[at - 1]) {
            return false;
        }
        numbers[at - 1] = read;
    }
    Py_ssize_t letters;
    const char *text = PyUnicode_Check(host) ? PyUnicode_AsUTF8AndSize(host, &letters) : NULL;
    if (text == NULL || strlen(text) != (size_t)letters) {
        PyErr_Clear();
        return false;
    }
    memset(address, 0, sizeof *address);
    if (size == 2) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons((uint16_t)numbers[0]);
        *length = sizeof address->v4;
        return inet_pton(AF_INET, text, &address->v4.sin_addr) == 1;
    }
    address->v6.sin6_family = AF_INET6;
    address->v6.sin6_port = htons((uint16_t)numbers[0]);
    address->v6.sin6_flowinfo = htonl((uint32_t)numbers[1]);
    address->v6.sin6_scope_id = (uint32_t)numbers[2];
    *length = sizeof address->v6;
    return inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1;
}

/* The kernel's form of an address; false, without an error, for what `pack` cannot read. */
static bool packed(PyObject *tuple, union address *address, socklen_t *length)
{
    if (!PyTuple_CheckExact(tuple)) {
        return false;
    }
    struct known *slot = &by_tuple[slot_of_tuple(tuple)];
    if (slot->tuple == tuple) {
        *address = slot->address;
        *length = slot->length;
        return true;
    }
    if (!pack(tuple, address, length)) {
        return false;
    }
    know(slot, tuple, address, *length);
    return true;
}

/* Sends one datagram as the twin does: for what only the socket module can read. */
static bool send_alone(PyObject *sock, PyObject *data, PyObject *address)
{
    PyObject *sent = PyObject_CallMethodObjArgs(sock, sendto_name, data, address, NULL);
    Py_XDECREF(sent);
    return sent != NULL;
}

/* One system call's worth; on the stack, as reading an attribute may run any code. */
struct load {
    struct mmsghdr messages[CHUNK];
    struct iovec parts[CHUNK];
    union address addresses[CHUNK];
    PyObject *data[CHUNK]; /* held until they are sent */
    unsigned count;
};

enum fit { FITS, ALONE, FAILED };

/* Adds `batch[at]` to the load, or gives out what has to be sent alone. */
static enum fit put(struct load *load, PyObject *batch, Py_ssize_t at, PyObject **data, PyObject **address)
{
    PyObject *item = PySequence_Fast_GET_ITEM(batch, at);
    if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 2) {
        PyErr_SetString(PyExc_TypeError, "a batch holds pairs of a far end and bytes");
        return FAILED;
    }
    PyObject *peer = Py_NewRef(PyTuple_GET_ITEM(item, 0));
    *data = Py_NewRef(PyTuple_GET_ITEM(item, 1));
    *address = PyObject_GetAttr(peer, address_name);
    Py_DECREF(peer);
    if (*address == NULL) {
        return FAILED;
    }
    unsigned place = load->count;
    struct msghdr *header = &load->messages[place].msg_hdr;
    if (!PyBytes_Check(*data) || !packed(*address, &load->addresses[place], &header->msg_namelen)) {
        return ALONE;
    }
    Py_CLEAR(*address);
    header->msg_name = &load->addresses[place];
    header->msg_iov = &load->parts[place];
    header->msg_iovlen = 1;
    header->msg_control = NULL;
    header->msg_controllen = 0;
    header->msg_flags = 0;
    load->parts[place].iov_base = PyBytes_AS_STRING(*data);
    load->parts[place].iov_len = (size_t)PyBytes_GET_SIZE(*data);
    load->data[place] = *data;
    load->count++;
    *data = NULL;
    return FITS;
}

/* Hands the load to the kernel; the number of datagrams it took, -1 with an error set when the first one failed. */
static int ship(struct load *load, int descriptor)
{
    int sent;
    do {
        sent = sendmmsg(descriptor, load->messages, load->count, MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR && PyErr_CheckSignals() == 0);
    if (sent < 0 && !PyErr_Occurred()) {
        PyErr_SetFromErrno(PyExc_OSError);
    }
    return sent;
}

static void unload(struct load *load)
{
    while (load->count) {
        Py_DECREF(load->data[--load->count]);
    }
}

/* Sends from `start` on; the index of the first that was not sent, which may be `start` with an error set. */
static Py_ssize_t send_from(PyObject *sock, int descriptor, PyObject *batch, Py_ssize_t start)
{
    struct load load;
    Py_ssize_t index = start; /* all before it are sent */
    load.count = 0;
    while (index < PySequence_Fast_GET_SIZE(batch)) {
        PyObject *data = NULL, *address = NULL;
        enum fit fit = FITS;
        for (Py_ssize_t at = index; fit == FITS && load.count < CHUNK && at < PySequence_Fast_GET_SIZE(batch); at++) {
            fit = put(&load, batch, at, &data, &address);
        }
        if (load.count) {
            /* What does not fit behind the load is looked at again when it comes first. */
            PyErr_Clear();
            int loaded = (int)load.count;
            int sent = ship(&load, descriptor);
            unload(&load);
            index += sent > 0 ? sent : 0;
            fit = sent == loaded ? FITS : FAILED;
        } else if (fit == ALONE && send_alone(sock, data, address)) {
            index++;
        } else {
            fit = FAILED;
        }
        Py_XDECREF(data);
        Py_XDECREF(address);
        if (fit == FAILED) {
            break;
        }
    }
    return index;
}

PyObject *send_batch(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 && count != 3) {
        PyErr_SetString(PyExc_TypeError, "send_batch takes a socket, a batch and perhaps a start");
        return NULL;
    }
    Py_ssize_t start = count == 3 ? PyLong_AsSsize_t(arguments[2]) : 0;
    if (start < 0) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_ValueError, "a batch begins at 0");
        }
        return NULL;
    }
    int descriptor = descriptor_of(arguments[0]);
    PyObject *batch = descriptor < 0 ? NULL : PySequence_Fast(arguments[1], "a batch is a sequence");
    if (batch == NULL) {
        return NULL;
    }
    Py_ssize_t index = start;
    if (start < PySequence_Fast_GET_SIZE(batch)) {
        index = send_from(arguments[0], descriptor, batch, start);
    }
    Py_DECREF(batch);
    if (PyErr_Occurred()) {
        /* As the twin has it: an error of the network is told by the call that begins with it. */
        if (index == start || !PyErr_ExceptionMatches(PyExc_OSError)) {
            return NULL;
        }
        PyErr_Clear();
    }
    return PyLong_FromSsize_t(index);
}
