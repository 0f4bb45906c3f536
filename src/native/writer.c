/* Bytes made of other messages' bytes: the twin is ringfence.sip.writer. */
#include "message.h"

typedef unsigned char byte;

struct piece {
    const byte *at;
    size_t size;
};

static struct piece piece_of(PyObject *bytes)
{
    return (struct piece){(const byte *)PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)};
}

static struct piece text_of(const char *text)
{
    return (struct piece){(const byte *)text, strlen(text)};
}

enum { DIGITS = 24 };

/* Writes a number in decimal; `out` has room for DIGITS. */
static struct piece decimal(long long number, char *out)
{
    unsigned long long left = number < 0 ? 0 - (unsigned long long)number : (unsigned long long)number;
    char *at = out + DIGITS;
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (number < 0) {
        *--at = '-';
    }
    return (struct piece){(const byte *)at, (size_t)(out + DIGITS - at)};
}

static PyObject *joined(const struct piece *pieces, size_t count)
{
    size_t size = 0;
    for (size_t at = 0; at < count; at++) {
        size += pieces[at].size;
    }
    if (size > PY_SSIZE_T_MAX) {
        return PyErr_NoMemory();
    }
    PyObject *whole = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (whole == NULL) {
        return NULL;
    }
    byte *out = (byte *)PyBytes_AS_STRING(whole);
    for (size_t at = 0; at < count; at++) {
        memcpy(out, pieces[at].at, pieces[at].size);
        out += pieces[at].size;
    }
    return whole;
}

static bool is_bytes(PyObject *object)
{
    if (!PyBytes_Check(object)) {
        PyErr_Format(PyExc_TypeError, "bytes are wanted, not %.100s", Py_TYPE(object)->tp_name);
        return false;
    }
    return true;
}

/* A number within 0 and `limit`, -1 with an error set for anything else. */
static Py_ssize_t offset_within(PyObject *object, size_t limit)
{
    if (object == NULL || !PyLong_Check(object)) {
        PyErr_SetString(PyExc_TypeError, "an offset is a number");
        return -1;
    }
    Py_ssize_t offset = PyLong_AsSsize_t(object);
    if (offset >= 0 && (size_t)offset <= limit) {
        return offset;
    }
    if (!PyErr_Occurred()) {
        PyErr_SetString(PyExc_ValueError, "an offset lies outside of the message");
    }
    return -1;
}

struct edit {
    Py_ssize_t start;
    Py_ssize_t end;
    struct piece with;
};

static bool read_edit(PyObject *item, struct edit *edit)
{
    if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 3) {
        PyErr_SetString(PyExc_TypeError, "an edit is a start, an end and bytes");
        return false;
    }
    edit->start = PyLong_AsSsize_t(PyTuple_GET_ITEM(item, 0));
    edit->end = PyErr_Occurred() ? -1 : PyLong_AsSsize_t(PyTuple_GET_ITEM(item, 1));
    if (PyErr_Occurred() || !is_bytes(PyTuple_GET_ITEM(item, 2))) {
        return false;
    }
    edit->with = piece_of(PyTuple_GET_ITEM(item, 2));
    return true;
}

/* Adds an edit to those in order; one of an equal place comes behind. */
static void insert(struct edit *edits, size_t count, struct edit edit)
{
    while (count && (edits[count - 1].start > edit.start ||
                     (edits[count - 1].start == edit.start && edits[count - 1].end > edit.end))) {
        edits[count] = edits[count - 1];
        count--;
    }
    edits[count] = edit;
}

static PyObject *spliced(PyObject *data, const struct edit *edits, size_t count, struct piece *pieces)
{
    struct piece whole = piece_of(data);
    Py_ssize_t at = 0;
    for (size_t number = 0; number < count; number++) {
        if (edits[number].start < at || edits[number].end < edits[number].start) {
            PyErr_SetString(PyExc_ValueError, "edits overlap");
            return NULL;
        }
        at = edits[number].end;
    }
    if ((size_t)at > whole.size) {
        PyErr_SetString(PyExc_ValueError, "an edit lies outside of the message");
        return NULL;
    }
    size_t used = 0, from = 0;
    for (size_t number = 0; number < count; number++) {
        pieces[used++] = (struct piece){whole.at + from, (size_t)edits[number].start - from};
        pieces[used++] = edits[number].with;
        from = (size_t)edits[number].end;
    }
    pieces[used++] = (struct piece){whole.at + from, whole.size - from};
    return joined(pieces, used);
}

enum { FEW = 64 };

/* Room for edits and for the pieces that they make: on the stack where they are few. */
struct room {
    struct edit few_edits[FEW];
    struct piece few_pieces[2 * FEW + 1];
    struct edit *edits;
    struct piece *pieces;
    size_t count;
};

static void leave(struct room *room)
{
    if (room->edits != room->few_edits) {
        PyMem_Free(room->edits);
        PyMem_Free(room->pieces);
    }
}

/* Takes room for `size` edits; false with an error set. */
static bool enter(struct room *room, size_t size)
{
    room->edits = room->few_edits;
    room->pieces = room->few_pieces;
    room->count = 0;
    if (size > FEW) {
        room->edits = PyMem_New(struct edit, size);
        room->pieces = PyMem_New(struct piece, 2 * size + 1);
        if (room->edits == NULL || room->pieces == NULL) {
            leave(room);
            PyErr_NoMemory();
            return false;
        }
    }
    return true;
}

static void add(struct room *room, size_t start, size_t end, struct piece with)
{
    insert(room->edits, room->count++, (struct edit){(Py_ssize_t)start, (Py_ssize_t)end, with});
}

/* Adds the edits of a list; false with an error set. */
static bool add_all(struct room *room, PyObject *list)
{
    struct edit edit;
    /* Nothing here runs anybody's code, so the list stays as it is and keeps what it holds. */
    for (Py_ssize_t at = 0; at < PyList_GET_SIZE(list); at++) {
        if (!read_edit(PyList_GET_ITEM(list, at), &edit)) {
            return false;
        }
        insert(room->edits, room->count++, edit);
    }
    return true;
}

PyObject *writer_splice(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyList_CheckExact(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "splice takes bytes and a list of edits");
        return NULL;
    }
    struct room room;
    if (!is_bytes(arguments[0]) || !enter(&room, (size_t)PyList_GET_SIZE(arguments[1]))) {
        return NULL;
    }
    PyObject *whole =
        add_all(&room, arguments[1]) ? spliced(arguments[0], room.edits, room.count, room.pieces) : NULL;
    leave(&room);
    return whole;
}

/* Whether it is a message of that class, which `learn` told of, whole; sets an error otherwise. */
static bool is_message(PyObject *message, PyTypeObject *type, const char *wanted)
{
    if (type == NULL || !Py_IS_TYPE(message, type)) {
        PyErr_Format(PyExc_TypeError, "a %s is wanted, not %.100s", wanted, Py_TYPE(message)->tp_name);
        return false;
    }
    PyObject *data = peek(message, slot.data), *via = peek(message, slot.via);
    if (data == NULL || !PyBytes_Check(data) || via == NULL || !Py_IS_TYPE(via, via_type)) {
        PyErr_Format(PyExc_TypeError, "a %s without its bytes or its Via", wanted);
        return false;
    }
    return true;
}

static bool is_request(PyObject *request)
{
    return is_message(request, request_type, "request");
}

/* The index of a message that `is_message` passed; NULL with an error set where it has none of its own. */
static const HeaderIndex *index_within(PyObject *message)
{
    PyObject *index = peek(message, slot.index);
    if (index == NULL || !Py_IS_TYPE(index, &header_index_type) ||
        ((HeaderIndex *)index)->head_end > PyBytes_GET_SIZE(peek(message, slot.data))) {
        PyErr_SetString(PyExc_TypeError, "a message without an index of its own");
        return NULL;
    }
    return (HeaderIndex *)index;
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
    static const unsigned char copied[] = {FROM, TO, CALL_ID, CSEQ};
    for (size_t at = 0; at < sizeof copied; at++) {
        put_line(&pieces, bytes, index, index->first[copied[at]]);
        if (copied[at] == TO && status != 100 && PyBytes_GET_SIZE(own_tag) == 0) {
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

/* The top Via line of a response, and in it the place of its first value and of the one behind that. */
struct top_via {
    const byte *bytes;
    size_t size;
    size_t first, last; /* of the line */
    size_t start;       /* of its first value */
    size_t following;   /* of the second one, `last` if there is none */
    bool more_lines;
};

static bool is_white(byte letter)
{
    return letter == ' ' || letter == '\t' || letter == '\r' || letter == '\n';
}

static bool read_top_via(PyObject *response, struct top_via *top)
{
    if (!is_message(response, response_type, "response")) {
        return false;
    }
    const HeaderIndex *index = index_within(response);
    if (index == NULL) {
        return false;
    }
    if (!(index->present >> VIA & 1)) {
        PyErr_SetString(PyExc_ValueError, "a response without its fields");
        return false;
    }
    PyObject *data = peek(response, slot.data), *via = peek(response, slot.via);
    top->bytes = (const byte *)PyBytes_AS_STRING(data);
    top->size = (size_t)PyBytes_GET_SIZE(data);
    top->first = index->lines[index->first[VIA]].start;
    top->last = line_stop(index, index->first[VIA]);
    top->more_lines = index->repeated >> VIA & 1;
    Py_ssize_t start = offset_within(peek(via, slot.start), top->last);
    Py_ssize_t end = start < 0 ? -1 : offset_within(peek(via, slot.end), top->last);
    if (end < 0) {
        return false;
    }
    if ((size_t)start < top->first || end < start) {
        PyErr_SetString(PyExc_ValueError, "the Via is not of this message");
        return false;
    }
    top->start = (size_t)start;
    size_t at = (size_t)end;
    while (at < top->last && is_white(top->bytes[at])) {
        at++;
    }
    if (at < top->last && top->bytes[at] == ',') {
        do {
            at++;
        } while (at < top->last && is_white(top->bytes[at]));
        top->following = at;
    } else {
        top->following = top->last;
    }
    return true;
}

PyObject *writer_has_second_via(PyObject *Py_UNUSED(module), PyObject *response)
{
    struct top_via top;
    if (!read_top_via(response, &top)) {
        return NULL;
    }
    return PyBool_FromLong(top.more_lines || top.following < top.last);
}

PyObject *writer_without_top_via(PyObject *Py_UNUSED(module), PyObject *response)
{
    struct top_via top;
    if (!read_top_via(response, &top)) {
        return NULL;
    }
    bool shared = top.following < top.last;
    size_t before = shared ? top.start : top.first, behind = shared ? top.following : top.last;
    const struct piece pieces[] = {{top.bytes, before}, {top.bytes + behind, top.size - behind}};
    return joined(pieces, 2);
}

/* CRC-32 as of ISO 3309, four bytes a step: `crc_table[n][b]` is that of byte b with n zero bytes behind it. */
static uint32_t crc_table[4][256];

void writer_prepare(void)
{
    for (uint32_t number = 0; number < 256; number++) {
        uint32_t crc = number;
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xEDB88320) : 0);
        }
        crc_table[0][number] = crc;
    }
    for (uint32_t number = 0; number < 256; number++) {
        for (unsigned zeros = 1; zeros < 4; zeros++) {
            uint32_t crc = crc_table[zeros - 1][number];
            crc_table[zeros][number] = crc >> 8 ^ crc_table[0][crc & 0xFF];
        }
    }
}

static uint32_t crc_on(uint32_t crc, struct piece piece)
{
    const byte *at = piece.at, *end = at + piece.size;
    for (; end - at >= 4; at += 4) {
        crc = crc_table[3][(crc ^ at[0]) & 0xFF] ^ crc_table[2][(crc >> 8 ^ at[1]) & 0xFF] ^
              crc_table[1][(crc >> 16 ^ at[2]) & 0xFF] ^ crc_table[0][crc >> 24 ^ at[3]];
    }
    for (; at < end; at++) {
        crc = crc >> 8 ^ crc_table[0][(crc ^ *at) & 0xFF];
    }
    return crc;
}

PyObject *writer_loop_mark(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "loop_mark takes a request and a peer");
        return NULL;
    }
    PyObject *request = arguments[0];
    Py_ssize_t peer_size;
    const char *peer = PyUnicode_AsUTF8AndSize(arguments[1], &peer_size);
    const HeaderIndex *index = peer == NULL || !is_request(request) ? NULL : index_within(request);
    if (index == NULL) {
        return NULL;
    }
    uint32_t crc = UINT32_MAX;
    const struct piece zero = {(const byte *)"", 1};
    PyObject *fields[] = {peek(request, slot.uri), peek(request, slot.call_id), peek(request, slot.from_tag),
                          peek(request, slot.to_tag)};
    for (size_t at = 0; at < sizeof fields / sizeof fields[0]; at++) {
        if (fields[at] == NULL || !is_bytes(fields[at])) {
            return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "a request without its fields");
        }
        crc = crc_on(crc_on(crc, piece_of(fields[at])), zero);
    }
    PyObject *cseq = peek(request, slot.cseq_number);
    long long number = cseq == NULL ? -1 : PyLong_AsLongLong(cseq);
    if (number < 0) {
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "a request without its CSeq");
    }
    char digits[DIGITS];
    crc = crc_on(crc, decimal(number, digits));
    for (size_t place = 0; place < (size_t)Py_SIZE(index); place++) {
        if (index->lines[place].number == ROUTE) {
            PyObject *value = value_at(index, place);
            if (value == NULL) {
                return NULL;
            }
            crc = crc_on(crc_on(crc, zero), piece_of(value));
            Py_DECREF(value);
        }
    }
    crc = crc_on(crc_on(crc, zero), (struct piece){(const byte *)peer, (size_t)peer_size});
    crc ^= UINT32_MAX;
    char mark[8];
    for (unsigned at = 0; at < sizeof mark; at++) {
        mark[at] = "0123456789abcdef"[crc >> (28 - 4 * at) & 0xF];
    }
    return PyBytes_FromStringAndSize(mark, sizeof mark);
}

/* What `writer_copied` was asked for, looked at. */
struct copy {
    PyObject *request;
    const HeaderIndex *index;
    PyObject *uri; /* NULL: that and the Route values stay */
    PyObject *routes;
    PyObject *via_line, *via, *lines;
    bool framed;
};

static bool read_copy(PyObject *const *arguments, Py_ssize_t count, struct copy *copy)
{
    if (count != 8 || !PyList_CheckExact(arguments[2]) || !PyList_CheckExact(arguments[6])) {
        PyErr_SetString(PyExc_TypeError, "copied takes a request, a URI, routes, a Via line, a Via, lines, edits, framed");
        return false;
    }
    *copy = (struct copy){arguments[0], NULL, NULL, arguments[2], arguments[3], arguments[4], arguments[5], false};
    copy->uri = arguments[1] == Py_None ? NULL : arguments[1];
    copy->framed = arguments[7] == Py_True;
    if ((copy->uri != NULL && !is_bytes(copy->uri)) || !is_bytes(copy->via_line) || !is_bytes(copy->via) ||
        !is_bytes(copy->lines) || !is_request(copy->request)) {
        return false;
    }
    copy->index = index_within(copy->request);
    for (Py_ssize_t at = 0; at < PyList_GET_SIZE(copy->routes); at++) {
        if (!is_bytes(PyList_GET_ITEM(copy->routes, at))) {
            return false;
        }
    }
    PyObject *method = peek(copy->request, slot.method);
    if (copy->index == NULL || method == NULL) {
        return PyErr_Occurred() ? false : (PyErr_SetString(PyExc_TypeError, "a request without its method"), false);
    }
    return is_bytes(method);
}

/* Our lines above the original's first, with the request line where that changes. digits: room for a number. */
static void add_top(struct room *room, const struct copy *copy, bool via_on_top, char *digits)
{
    const HeaderIndex *index = copy->index;
    size_t first = (size_t)index->line_end + 2;
    /* Insertions at one place, in order; where the request line goes, the last one takes its place. */
    size_t at = copy->uri == NULL ? first : 0;
    if (copy->uri != NULL) {
        add(room, 0, 0, piece_of(peek(copy->request, slot.method)));
        add(room, 0, 0, text_of(" "));
        add(room, 0, 0, piece_of(copy->uri));
        add(room, 0, 0, text_of(" SIP/2.0\r\n"));
    }
    add(room, at, at, piece_of(copy->lines));
    if (!(index->present >> MAX_FORWARDS & 1)) {
        add(room, at, at, text_of("Max-Forwards: 70\r\n")); /* RFC 3261 §16.6 item 3 */
    }
    if (copy->framed && !(index->present >> CONTENT_LENGTH & 1)) {
        Py_ssize_t size = PyBytes_GET_SIZE(peek(copy->request, slot.data));
        add(room, at, at, text_of("Content-Length: "));
        add(room, at, at, decimal(size - index->head_end, digits));
        add(room, at, at, text_of("\r\n"));
    }
    Py_ssize_t routes = copy->uri == NULL ? 0 : PyList_GET_SIZE(copy->routes);
    for (Py_ssize_t number = 0; number < routes; number++) {
        add(room, at, at, text_of(number ? ", " : "Route: "));
        add(room, at, at, piece_of(PyList_GET_ITEM(copy->routes, number)));
    }
    if (routes) {
        add(room, at, at, text_of("\r\n"));
    }
    if (via_on_top) {
        add(room, at, at, piece_of(copy->via_line));
    }
    if (copy->uri != NULL) {
        add(room, 0, first, text_of(""));
    }
}

/* What changes within the original's lines; false with an error set. digits: room for a number. */
static bool add_within(struct room *room, const struct copy *copy, bool via_on_top, char *digits)
{
    const HeaderIndex *index = copy->index;
    PyObject *via = peek(copy->request, slot.via);
    struct piece data = piece_of(peek(copy->request, slot.data)), stamped = piece_of(copy->via);
    Py_ssize_t start = offset_within(peek(via, slot.start), data.size);
    Py_ssize_t end = start < 0 ? -1 : offset_within(peek(via, slot.end), data.size);
    if (end < start) {
        return PyErr_Occurred() ? false : (PyErr_SetString(PyExc_ValueError, "a Via ends before it begins"), false);
    }
    if (index->present >> MAX_FORWARDS & 1) {
        PyObject *hops = peek(copy->request, slot.max_forwards);
        long left = hops == NULL || !PyLong_Check(hops) ? -1 : PyLong_AsLong(hops);
        if (left < 1) {
            PyErr_Clear();
            PyErr_SetString(PyExc_ValueError, "a request that may not be forwarded");
            return false;
        }
        size_t place = index->first[MAX_FORWARDS], first = index->lines[place].start, last = line_stop(index, place);
        add(room, first, first, text_of("Max-Forwards: "));
        add(room, first, first, decimal(left - 1, digits));
        add(room, first, last, text_of("\r\n"));
    }
    if ((size_t)(end - start) != stamped.size || memcmp(data.at + start, stamped.at, stamped.size) != 0) {
        add(room, (size_t)start, (size_t)end, stamped);
    }
    for (size_t place = 0; copy->uri != NULL && place < (size_t)Py_SIZE(index); place++) {
        if (index->lines[place].number == ROUTE) {
            add(room, index->lines[place].start, line_stop(index, place), text_of(""));
        }
    }
    if (!via_on_top) {
        size_t above = index->lines[index->first[VIA]].start;
        add(room, above, above, piece_of(copy->via_line));
    }
    return true;
}

PyObject *writer_copied(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    struct copy copy;
    if (!read_copy(arguments, count, &copy)) {
        return NULL;
    }
    const HeaderIndex *index = copy.index;
    bool via_on_top = !(index->present >> VIA & 1) || index->first[VIA] == 0;
    size_t size = (size_t)PyList_GET_SIZE(arguments[6]) + (size_t)Py_SIZE(index) + 20;
    if (copy.uri != NULL) {
        size += 2 * (size_t)PyList_GET_SIZE(copy.routes);
    }
    struct room room;
    if (!enter(&room, size)) {
        return NULL;
    }
    char length[DIGITS], hops[DIGITS];
    PyObject *whole = NULL;
    if (add_all(&room, arguments[6])) {
        add_top(&room, &copy, via_on_top, length);
        if (add_within(&room, &copy, via_on_top, hops)) {
            whole = spliced(peek(copy.request, slot.data), room.edits, room.count, room.pieces);
        }
    }
    leave(&room);
    return whole;
}
