/* Messages made of another one's bytes: the twin is ringfence.sip.writer. */
#include "edits.h"
#include "message.h"

PyObject *writer_splice(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyList_CheckExact(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "splice takes bytes and a list of edits");
        return NULL;
    }
    struct edits edits;
    if (!is_bytes(arguments[0]) || !open_edits(&edits, (size_t)PyList_GET_SIZE(arguments[1]))) {
        return NULL;
    }
    PyObject *whole = add_edits(&edits, arguments[1]) ? spliced(arguments[0], &edits) : NULL;
    close_edits(&edits);
    return whole;
}

PyObject *writer_stamped_via(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "stamped_via takes a request, a host and a port");
        return NULL;
    }
    long port = PyLong_AsLong(arguments[2]);
    if (port == -1 && PyErr_Occurred()) {
        return NULL;
    }
    Py_ssize_t host_size;
    const char *host = PyUnicode_AsUTF8AndSize(arguments[1], &host_size);
    if (host == NULL || !is_request(arguments[0])) {
        return NULL;
    }
    PyObject *via = peek(arguments[0], slot.via);
    struct piece data = piece_of(peek(arguments[0], slot.data));
    Py_ssize_t start = offset_within(peek(via, slot.start), data.size);
    Py_ssize_t end = start < 0 ? -1 : offset_within(peek(via, slot.end), data.size);
    if (end < 0) {
        return NULL;
    }
    PyObject *received = peek(via, slot.received), *known_host = peek(via, slot.host);
    PyObject *rport_end = peek(via, slot.rport_end);
    if (rport_end == NULL || known_host == NULL || !is_bytes(known_host) || received == NULL || start > end) {
        PyErr_SetString(PyExc_TypeError, "a Via without its parts");
        return NULL;
    }
    Py_ssize_t rport = PyLong_AsSsize_t(rport_end);
    if (rport == -1 && PyErr_Occurred()) {
        return NULL;
    }
    struct piece theirs = {(const byte *)host, (size_t)host_size};
    struct piece ours = piece_of(known_host);
    if (received == Py_None && rport < 0 && ours.size == theirs.size && memcmp(ours.at, theirs.at, ours.size) == 0) {
        return PyBytes_FromStringAndSize((const char *)data.at + start, end - start);
    }
    /* [start, first) and [first_end, second) and [second_end, end) stay; what comes between is ours. */
    char numbered[1 + DIGITS];
    struct piece rport_value = {(const byte *)numbered, 0};
    Py_ssize_t cut = end, cut_end = end;
    bool replaces = received != Py_None;
    if (replaces) {
        if (!PyTuple_Check(received) || PyTuple_GET_SIZE(received) != 2) {
            PyErr_SetString(PyExc_TypeError, "a span is a start and an end");
            return NULL;
        }
        cut = offset_within(PyTuple_GET_ITEM(received, 0), (size_t)end);
        cut_end = cut < 0 ? -1 : offset_within(PyTuple_GET_ITEM(received, 1), (size_t)end);
        if (cut_end < 0) {
            return NULL;
        }
    }
    if (rport >= 0) {
        rport_value = decimal(port, numbered + 1);
        rport_value.at--;
        rport_value.size++;
        numbered[rport_value.at - (const byte *)numbered] = '=';
    } else {
        rport = start;
    }
    if (rport < start || rport > end || cut < start || cut > cut_end || (rport > cut && rport < cut_end)) {
        PyErr_SetString(PyExc_ValueError, "edits overlap");
        return NULL;
    }
    const byte *bytes = data.at;
    struct piece name = text_of(replaces ? "=" : ";received=");
    if (rport <= cut) {
        const struct piece pieces[] = {
            {bytes + start, (size_t)(rport - start)}, rport_value,
            {bytes + rport, (size_t)(cut - rport)},   name,
            theirs,                                   {bytes + cut_end, (size_t)(end - cut_end)},
        };
        return joined(pieces, sizeof pieces / sizeof pieces[0]);
    }
    const struct piece pieces[] = {
        {bytes + start, (size_t)(cut - start)},         name,        theirs,
        {bytes + cut_end, (size_t)(rport - cut_end)},   rport_value, {bytes + rport, (size_t)(end - rport)},
    };
    return joined(pieces, sizeof pieces / sizeof pieces[0]);
}

/* Pieces of a response, on the stack: two for each line that may be copied, and what is ours. */
struct pieces {
    struct piece found[MAX_HEADERS + 26];
    size_t count;
};

static void put(struct pieces *pieces, struct piece piece)
{
    pieces->found[pieces->count++] = piece;
}

static void put_line(struct pieces *pieces, const byte *bytes, const HeaderIndex *index, size_t place)
{
    size_t start = index->lines[place].start;
    put(pieces, (struct piece){bytes + start, line_stop(index, place) - start});
}

/* All lines of that number from `place` on. */
static void put_lines(struct pieces *pieces, const byte *bytes, const HeaderIndex *index, unsigned number, size_t place)
{
    for (; place < (size_t)Py_SIZE(index); place++) {
        if (index->lines[place].number == number) {
            put_line(pieces, bytes, index, place);
        }
    }
}

/* The pieces of the top Via line, the stamped value in place of its own; false with an error set. */
static bool put_top_via(struct pieces *pieces, const byte *bytes, const HeaderIndex *index, PyObject *via, PyObject *stamped)
{
    size_t place = index->first[VIA];
    size_t first = index->lines[place].start, last = line_stop(index, place);
    Py_ssize_t start = offset_within(peek(via, slot.start), last);
    Py_ssize_t end = start < 0 ? -1 : offset_within(peek(via, slot.end), last);
    if (end < 0) {
        return false;
    }
    if ((size_t)start < first || end < start) {
        PyErr_SetString(PyExc_ValueError, "the Via is not of this message");
        return false;
    }
    put(pieces, (struct piece){bytes + first, (size_t)start - first});
    put(pieces, piece_of(stamped));
    put(pieces, (struct piece){bytes + end, last - (size_t)end});
    put_lines(pieces, bytes, index, VIA, place + 1);
    return true;
}

PyObject *writer_response(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 5 && count != 6) {
        PyErr_SetString(PyExc_TypeError, "response takes a request, a status, a phrase, a Via, a tag and perhaps lines");
        return NULL;
    }
    PyObject *request = arguments[0];
    long status = PyLong_AsLong(arguments[1]);
    if ((status == -1 && PyErr_Occurred()) || !is_request(request)) {
        return NULL;
    }
    for (Py_ssize_t at = 2; at < count; at++) {
        if (!is_bytes(arguments[at])) {
            return NULL;
        }
    }
    const HeaderIndex *index = index_within(request);
    PyObject *own_tag = peek(request, slot.to_tag);
    if (index == NULL || own_tag == NULL || !is_bytes(own_tag)) {
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "a request without its tag");
    }
    const byte *bytes = (const byte *)PyBytes_AS_STRING(peek(request, slot.data));
    const uint64_t needed = UINT64_C(1) << VIA | UINT64_C(1) << FROM | UINT64_C(1) << TO | UINT64_C(1) << CALL_ID |
                            UINT64_C(1) << CSEQ;
    if ((index->present & needed) != needed) {
        PyErr_SetString(PyExc_ValueError, "a request without its fields");
        return NULL;
    }
    char digits[DIGITS];
    struct pieces pieces;
    pieces.count = 0;
    put(&pieces, text_of("SIP/2.0 "));
    put(&pieces, decimal(status, digits));
    put(&pieces, text_of(" "));
    put(&pieces, piece_of(arguments[2]));
    put(&pieces, text_of("\r\n"));
    if (!put_top_via(&pieces, bytes, index, peek(request, slot.via), arguments[3])) {
        return NULL;
    }
    static const unsigned char fields[] = {FROM, TO, CALL_ID, CSEQ};
    for (size_t at = 0; at < sizeof fields; at++) {
        put_line(&pieces, bytes, index, index->first[fields[at]]);
        if (fields[at] == TO && status != 100 && PyBytes_GET_SIZE(own_tag) == 0) {
            pieces.found[pieces.count - 1].size -= 2; /* the CRLF comes behind the tag */
            put(&pieces, text_of(";tag="));
            put(&pieces, piece_of(arguments[4]));
            put(&pieces, text_of("\r\n"));
        }
    }
    if (status == 100 && index->present >> TIMESTAMP & 1) {
        put_lines(&pieces, bytes, index, TIMESTAMP, index->first[TIMESTAMP]);
    }
    if (count == 6) {
        put(&pieces, piece_of(arguments[5]));
    }
    put(&pieces, text_of("Content-Length: 0\r\n\r\n"));
    return joined(pieces.found, pieces.count);
}
