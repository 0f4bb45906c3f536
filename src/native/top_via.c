/* The top Via of a response, which its way back takes off: the twin is ringfence.sip.writer. */
#include "message.h"
#include "pieces.h"

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

PyObject *has_second_via(PyObject *Py_UNUSED(module), PyObject *response)
{
    struct top_via top;
    if (!read_top_via(response, &top)) {
        return NULL;
    }
    return PyBool_FromLong(top.more_lines || top.following < top.last);
}

PyObject *without_top_via(PyObject *Py_UNUSED(module), PyObject *response)
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
