/* The copy of a request that is forwarded: the twin is ringfence.forwarding.copy. */
#include "edits.h"
#include "message.h"

/* What `copied` was asked for, looked at. */
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
static void add_top(struct edits *edits, const struct copy *copy, bool via_on_top, char *digits)
{
    const HeaderIndex *index = copy->index;
    size_t first = (size_t)index->line_end + 2;
    /* Insertions at one place, in order; where the request line goes, the last one takes its place. */
    size_t at = copy->uri == NULL ? first : 0;
    if (copy->uri != NULL) {
        add_edit(edits, 0, 0, piece_of(peek(copy->request, slot.method)));
        add_edit(edits, 0, 0, text_of(" "));
        add_edit(edits, 0, 0, piece_of(copy->uri));
        add_edit(edits, 0, 0, text_of(" SIP/2.0\r\n"));
    }
    add_edit(edits, at, at, piece_of(copy->lines));
    if (!(index->present >> MAX_FORWARDS & 1)) {
        add_edit(edits, at, at, text_of("Max-Forwards: 70\r\n")); /* RFC 3261 §16.6 item 3 */
    }
    if (copy->framed && !(index->present >> CONTENT_LENGTH & 1)) {
        Py_ssize_t size = PyBytes_GET_SIZE(peek(copy->request, slot.data));
        add_edit(edits, at, at, text_of("Content-Length: "));
        add_edit(edits, at, at, decimal(size - index->head_end, digits));
        add_edit(edits, at, at, text_of("\r\n"));
    }
    Py_ssize_t routes = copy->uri == NULL ? 0 : PyList_GET_SIZE(copy->routes);
    for (Py_ssize_t number = 0; number < routes; number++) {
        add_edit(edits, at, at, text_of(number ? ", " : "Route: "));
        add_edit(edits, at, at, piece_of(PyList_GET_ITEM(copy->routes, number)));
    }
    if (routes) {
        add_edit(edits, at, at, text_of("\r\n"));
    }
    if (via_on_top) {
        add_edit(edits, at, at, piece_of(copy->via_line));
    }
    if (copy->uri != NULL) {
        add_edit(edits, 0, first, text_of(""));
    }
}

/* What changes within the original's lines; false with an error set. digits: room for a number. */
static bool add_within(struct edits *edits, const struct copy *copy, bool via_on_top, char *digits)
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
        add_edit(edits, first, first, text_of("Max-Forwards: "));
        add_edit(edits, first, first, decimal(left - 1, digits));
        add_edit(edits, first, last, text_of("\r\n"));
    }
    if ((size_t)(end - start) != stamped.size || memcmp(data.at + start, stamped.at, stamped.size) != 0) {
        add_edit(edits, (size_t)start, (size_t)end, stamped);
    }
    for (size_t place = 0; copy->uri != NULL && place < (size_t)Py_SIZE(index); place++) {
        if (index->lines[place].number == ROUTE) {
            add_edit(edits, index->lines[place].start, line_stop(index, place), text_of(""));
        }
    }
    if (!via_on_top) {
        size_t above = index->lines[index->first[VIA]].start;
        add_edit(edits, above, above, piece_of(copy->via_line));
    }
    return true;
}

PyObject *copied(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
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
    struct edits edits;
    if (!open_edits(&edits, size)) {
        return NULL;
    }
    char length[DIGITS], hops[DIGITS];
    PyObject *whole = NULL;
    if (add_edits(&edits, arguments[6])) {
        add_top(&edits, &copy, via_on_top, length);
        if (add_within(&edits, &copy, via_on_top, hops)) {
            whole = spliced(peek(copy.request, slot.data), &edits);
        }
    }
    close_edits(&edits);
    return whole;
}
