/* Where the header fields of a message stand: the twin is ringfence.sip.index, which says what everything means.
 *
 * One walk over the head, eight bytes at a time, and one allocation. The lines' places are kept as offsets into the
 * message's own bytes object, whose terminating NUL may be read like any other byte.
 */
#include "native.h"
#include <structmember.h>

enum fault { NOT_CRLF = 1, NUL = 2, FOLD_FIRST = 4, NO_NAME = 8 };

struct walk {
    const unsigned char *bytes;
    size_t size;
    unsigned faults;
    size_t count;  /* lines as they stand, folds too */
    size_t stored; /* header fields in `lines` */
    size_t line_end;
    size_t head_end; /* 0: none */
    struct line lines[MAX_HEADERS];
};

/* The offset of the first byte from `at` on that may be CR, LF or NUL; `size` if there is none. */
static size_t next_control(const unsigned char *bytes, size_t at, size_t size)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    const uint64_t ones = UINT64_C(0x0101010101010101);
    while (size - at >= 8) {
        uint64_t word;
        memcpy(&word, bytes + at, 8);
        /* The lowest marked byte is below 14; only the ones above it may be marked by its borrow. */
        uint64_t marked = (word - ones * 14) & ~word & (ones << 7);
        if (marked) {
            return at + (size_t)__builtin_ctzll(marked) / 8;
        }
        at += 8;
    }
#endif
    while (at < size && bytes[at] >= 14) {
        at++;
    }
    return at;
}

/* The offset of the next CRLF, `size` if there is none; notes what may not stand before it. */
static size_t next_line_end(struct walk *walk, size_t at)
{
    const unsigned char *bytes = walk->bytes;
    size_t size = walk->size;
    while ((at = next_control(bytes, at, size)) < size) {
        unsigned char byte = bytes[at];
        if (byte == '\r' && bytes[at + 1] == '\n') { /* behind the last byte stands the NUL */
            return at;
        }
        if (byte == '\r' || byte == '\n') {
            walk->faults |= NOT_CRLF;
        } else if (byte == '\0' && (at == 0 || bytes[at - 1] != '\\')) {
            walk->faults |= NUL;
        }
        at++;
    }
    return size;
}

/* Reads the name of the line at `at`; gives an offset from which the line's end can be looked for. */
static size_t take_name(struct walk *walk, size_t at)
{
    const unsigned char *bytes = walk->bytes;
    size_t end = at;
    while (token_lower[bytes[end]]) { /* the terminating NUL is no token */
        end++;
    }
    size_t colon = end;
    while (bytes[colon] == ' ' || bytes[colon] == '\t') {
        colon++;
    }
    unsigned number = OTHER;
    if (end == at || bytes[colon] != ':') {
        walk->faults |= NO_NAME;
    } else {
        number = name_number(bytes + at, end - at);
    }
    if (walk->count <= MAX_HEADERS) {
        walk->lines[walk->stored++] = (struct line){(uint32_t)at, (uint32_t)colon, (unsigned char)number, false};
    }
    return colon;
}

static void walk_head(struct walk *walk)
{
    const unsigned char *bytes = walk->bytes;
    size_t end = walk->line_end = next_line_end(walk, 0);
    while (end < walk->size) {
        size_t at = end + 2;
        if (bytes[at] == '\r' && bytes[at + 1] == '\n') { /* as above: at most the NUL is read */
            walk->head_end = at + 2;
            return;
        }
        walk->count++;
        if (bytes[at] != ' ' && bytes[at] != '\t') {
            at = take_name(walk, at);
        } else if (walk->count == 1) {
            walk->faults |= FOLD_FIRST;
        } else if (walk->stored) {
            walk->lines[walk->stored - 1].folded = true;
        }
        end = next_line_end(walk, at);
    }
}

static bool contains(const unsigned char *bytes, size_t size, const char *text, size_t length)
{
    for (size_t at = 0; at + length <= size; at++) {
        if (memcmp(bytes + at, text, length) == 0) {
            return true;
        }
    }
    return false;
}

/* No empty line: bytes that begin like a message deserve an answer, noise does not. */
static void refuse_headless(const unsigned char *bytes, size_t size)
{
    size_t line = 0;
    while (line < size && !(bytes[line] == '\r' && bytes[line + 1] == '\n')) {
        line++;
    }
    size_t seen = line < size ? line + 1 : 0;
    if (contains(bytes, seen, " SIP/", 5) || (size >= 4 && memcmp(bytes, "SIP/", 4) == 0)) {
        refuse("no empty line ends the head");
    } else {
        PyErr_SetString(undecodable, "not a SIP message");
    }
}

static void refuse_with(const char *text, int status)
{
    PyObject *error = PyObject_CallFunction(bad_syntax, "si", text, status);
    if (error != NULL) {
        PyErr_SetObject(bad_syntax, error);
        Py_DECREF(error);
    }
}

/* Raises what the walk found wrong, in the twin's order; false if nothing. */
static bool refuse_walked(const struct walk *walk)
{
    if (walk->head_end == 0 || walk->head_end == 4) {
        refuse_headless(walk->bytes, walk->size);
    } else if (walk->faults & NOT_CRLF) {
        refuse("a CR or LF in the head is not part of a line end");
    } else if (walk->faults & NUL) {
        refuse("a NUL in the head");
    } else if (walk->count == 0) {
        PyErr_SetString(undecodable, "a start line and no header");
    } else if (walk->count > MAX_HEADERS) {
        refuse_with("too many header lines", 513);
    } else if (walk->faults & FOLD_FIRST) {
        refuse("the first header line continues nothing");
    } else if (walk->faults & NO_NAME) {
        refuse("a header line has no valid name");
    } else {
        return false;
    }
    return true;
}

HeaderIndex *index_of(PyObject *data)
{
    if (!PyBytes_Check(data)) {
        PyErr_Format(PyExc_TypeError, "a message is bytes, not %.100s", Py_TYPE(data)->tp_name);
        return NULL;
    }
    struct walk walk;
    walk.bytes = (const unsigned char *)PyBytes_AS_STRING(data);
    walk.size = (size_t)PyBytes_GET_SIZE(data);
    walk.faults = 0;
    walk.count = walk.stored = walk.head_end = 0;
    if (walk.size > UINT32_MAX) {
        refuse_with("a message is too long", 513);
        return NULL;
    }
    walk_head(&walk);
    if (refuse_walked(&walk)) {
        return NULL;
    }
    HeaderIndex *self = PyObject_NewVar(HeaderIndex, &header_index_type, (Py_ssize_t)walk.stored);
    if (self == NULL) {
        return NULL;
    }
    self->data = Py_NewRef(data);
    self->line_end = (Py_ssize_t)walk.line_end;
    self->head_end = (Py_ssize_t)walk.head_end;
    uint64_t present = 0, repeated = 0;
    for (size_t at = 0; at < walk.stored; at++) {
        unsigned number = walk.lines[at].number;
        uint64_t bit = UINT64_C(1) << number;
        if (present & bit) {
            repeated |= bit;
        } else {
            present |= bit;
            self->first[number] = (unsigned char)at;
        }
    }
    self->present = present;
    self->repeated = repeated;
    memcpy(self->lines, walk.lines, walk.stored * sizeof walk.lines[0]);
    return self;
}

static PyObject *index_new(PyTypeObject *Py_UNUSED(type), PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"data", NULL};
    PyObject *data;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O:HeaderIndex", names, &data)) {
        return NULL;
    }
    return (PyObject *)index_of(data);
}

static PyObject *index_vectorcall(PyObject *Py_UNUSED(type), PyObject *const *arguments, size_t count, PyObject *keywords)
{
    if (PyVectorcall_NARGS(count) != 1 || (keywords != NULL && PyTuple_GET_SIZE(keywords))) {
        PyErr_SetString(PyExc_TypeError, "HeaderIndex takes one message");
        return NULL;
    }
    return (PyObject *)index_of(arguments[0]);
}

static void index_dealloc(PyObject *object)
{
    Py_DECREF(((HeaderIndex *)object)->data);
    PyObject_Free(object);
}

static const unsigned char *bytes_of(const HeaderIndex *self)
{
    return (const unsigned char *)PyBytes_AS_STRING(self->data);
}

static bool is_blank(unsigned char byte)
{
    return byte == ' ' || byte == '\t';
}

static bool is_white(unsigned char byte)
{
    return is_blank(byte) || byte == '\r' || byte == '\n';
}

/* Each fold with the blanks around it as one space (RFC 3261 §7.3.1); CR stands nowhere else. */
static PyObject *unfolded(const unsigned char *at, const unsigned char *end)
{
    PyObject *value = PyBytes_FromStringAndSize(NULL, end - at);
    if (value == NULL) {
        return NULL;
    }
    unsigned char *begin = (unsigned char *)PyBytes_AS_STRING(value);
    unsigned char *out = begin;
    for (;;) {
        const unsigned char *stop = memchr(at, '\r', (size_t)(end - at));
        const unsigned char *last = stop == NULL ? end : stop;
        while (at < last && is_blank(*at)) {
            at++;
        }
        while (last > at && is_blank(last[-1])) {
            last--;
        }
        memcpy(out, at, (size_t)(last - at));
        out += last - at;
        if (stop == NULL) {
            break;
        }
        *out++ = ' ';
        at = stop + 2;
    }
    if (_PyBytes_Resize(&value, out - begin) < 0) {
        return NULL;
    }
    return value;
}

PyObject *value_at(const HeaderIndex *self, size_t place)
{
    const struct line *line = &self->lines[place];
    const unsigned char *at = bytes_of(self) + line->colon + 1;
    const unsigned char *end = bytes_of(self) + line_stop(self, place) - 2;
    while (at < end && is_white(*at)) {
        at++;
    }
    while (end > at && is_white(end[-1])) {
        end--;
    }
    if (line->folded && memchr(at, '\r', (size_t)(end - at)) != NULL) {
        return unfolded(at, end);
    }
    return PyBytes_FromStringAndSize((const char *)at, end - at);
}

static PyObject *span_at(const HeaderIndex *self, size_t place)
{
    PyObject *start = PyLong_FromSize_t(self->lines[place].start);
    PyObject *stop = PyLong_FromSize_t(line_stop(self, place));
    PyObject *span = start == NULL || stop == NULL ? NULL : PyTuple_New(2);
    if (span == NULL) {
        Py_XDECREF(start);
        Py_XDECREF(stop);
        return NULL;
    }
    PyTuple_SET_ITEM(span, 0, start);
    PyTuple_SET_ITEM(span, 1, stop);
    return span;
}

/* The number asked for, NUMBERS for one that no line has, -1 with an error set for what is no number. */
static int asked(const HeaderIndex *self, PyObject *object)
{
    long number = PyLong_AsLong(object);
    if (number == -1 && PyErr_Occurred()) {
        return -1;
    }
    return number >= 0 && number < NUMBERS && (self->present >> number & 1) ? (int)number : NUMBERS;
}

static PyObject *index_first(PyObject *object, PyObject *wanted)
{
    HeaderIndex *self = (HeaderIndex *)object;
    int number = asked(self, wanted);
    if (number < 0) {
        return NULL;
    }
    return number == NUMBERS ? Py_NewRef(Py_None) : value_at(self, self->first[number]);
}

static PyObject *index_span(PyObject *object, PyObject *wanted)
{
    HeaderIndex *self = (HeaderIndex *)object;
    int number = asked(self, wanted);
    if (number < 0) {
        return NULL;
    }
    return number == NUMBERS ? Py_NewRef(Py_None) : span_at(self, self->first[number]);
}

static PyObject *index_singles(PyObject *object, PyObject *wanted)
{
    HeaderIndex *self = (HeaderIndex *)object;
    if (!PyTuple_Check(wanted)) {
        PyErr_SetString(PyExc_TypeError, "singles takes a tuple of numbers");
        return NULL;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(wanted);
    PyObject *values = PyList_New(count);
    if (values == NULL) {
        return NULL;
    }
    for (Py_ssize_t at = 0; at < count; at++) {
        int number = asked(self, PyTuple_GET_ITEM(wanted, at));
        PyObject *value = NULL;
        if (number == NUMBERS) {
            value = Py_NewRef(Py_None);
        } else if (number >= 0 && self->repeated >> number & 1) {
            refuse("a header field that may stand only once is repeated");
        } else if (number >= 0) {
            value = value_at(self, self->first[number]);
        }
        if (value == NULL) {
            Py_DECREF(values);
            return NULL;
        }
        PyList_SET_ITEM(values, at, value);
    }
    return values;
}

typedef PyObject *(*describe)(const HeaderIndex *self, size_t place);

static bool append(PyObject *list, const HeaderIndex *self, size_t place, describe what)
{
    PyObject *item = what(self, place);
    if (item == NULL) {
        return false;
    }
    int failed = PyList_Append(list, item);
    Py_DECREF(item);
    return failed == 0;
}

/* A list of what `what` makes of each line of that number. */
static PyObject *each(const HeaderIndex *self, int number, describe what)
{
    PyObject *list = PyList_New(0);
    if (list == NULL || number == NUMBERS) {
        return list;
    }
    for (size_t at = self->first[number]; at < (size_t)Py_SIZE(self); at++) {
        if (self->lines[at].number == number && !append(list, self, at, what)) {
            Py_DECREF(list);
            return NULL;
        }
        if (!(self->repeated >> number & 1)) {
            break;
        }
    }
    return list;
}

static PyObject *index_values(PyObject *object, PyObject *wanted)
{
    int number = asked((HeaderIndex *)object, wanted);
    return number < 0 ? NULL : each((HeaderIndex *)object, number, value_at);
}

static PyObject *index_spans(PyObject *object, PyObject *wanted)
{
    int number = asked((HeaderIndex *)object, wanted);
    return number < 0 ? NULL : each((HeaderIndex *)object, number, span_at);
}

static PyObject *index_count(PyObject *object, PyObject *wanted)
{
    HeaderIndex *self = (HeaderIndex *)object;
    int number = asked(self, wanted);
    if (number < 0) {
        return NULL;
    }
    long count = number != NUMBERS;
    if (count && self->repeated >> number & 1) {
        for (size_t at = self->first[number] + 1u; at < (size_t)Py_SIZE(self); at++) {
            count += self->lines[at].number == number;
        }
    }
    return PyLong_FromLong(count);
}

/* How many bytes of the line's own name equal `text` in lower case, blanks behind it not counted. */
static bool spelled(const HeaderIndex *self, size_t place, const unsigned char *text, size_t length, bool whole)
{
    const unsigned char *name = bytes_of(self) + self->lines[place].start;
    for (size_t at = 0; at < length; at++) {
        unsigned char byte = token_lower[name[at]]; /* 0 at the name's end: nothing beyond it is read */
        if (byte == 0 || byte != text[at]) {
            return false;
        }
    }
    return !whole || token_lower[name[length]] == 0;
}

static bool is_bytes(PyObject *text)
{
    if (!PyBytes_Check(text)) {
        PyErr_Format(PyExc_TypeError, "a name is bytes, not %.100s", Py_TYPE(text)->tp_name);
        return false;
    }
    return true;
}

static PyObject *index_named(PyObject *object, PyObject *lower_name)
{
    HeaderIndex *self = (HeaderIndex *)object;
    if (!is_bytes(lower_name)) {
        return NULL;
    }
    const unsigned char *name = (const unsigned char *)PyBytes_AS_STRING(lower_name);
    size_t length = (size_t)PyBytes_GET_SIZE(lower_name);
    bool lower = true;
    for (size_t at = 0; at < length; at++) {
        lower &= token_lower[name[at]] == name[at] && name[at] != 0;
    }
    unsigned number = lower ? name_number(name, length) : OTHER;
    if (number != OTHER) {
        return each(self, self->present >> number & 1 ? (int)number : NUMBERS, value_at);
    }
    PyObject *list = PyList_New(0);
    for (size_t at = 0; list != NULL && at < (size_t)Py_SIZE(self); at++) {
        if (self->lines[at].number == OTHER && lower && length && spelled(self, at, name, length, true) &&
            !append(list, self, at, value_at)) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *index_spans_with_prefix(PyObject *object, PyObject *lower_prefix)
{
    HeaderIndex *self = (HeaderIndex *)object;
    if (!is_bytes(lower_prefix)) {
        return NULL;
    }
    const unsigned char *prefix = (const unsigned char *)PyBytes_AS_STRING(lower_prefix);
    size_t length = (size_t)PyBytes_GET_SIZE(lower_prefix);
    PyObject *list = PyList_New(0);
    for (size_t at = 0; list != NULL && at < (size_t)Py_SIZE(self); at++) {
        unsigned number = self->lines[at].number;
        bool begins = number == OTHER ? spelled(self, at, prefix, length, false) : name_begins(number, prefix, length);
        if (begins && !append(list, self, at, span_at)) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyMethodDef index_methods[] = {
    {"first", index_first, METH_O, NULL},
    {"singles", index_singles, METH_O, NULL},
    {"values", index_values, METH_O, NULL},
    {"count", index_count, METH_O, NULL},
    {"span", index_span, METH_O, NULL},
    {"spans", index_spans, METH_O, NULL},
    {"named", index_named, METH_O, NULL},
    {"spans_with_prefix", index_spans_with_prefix, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef index_members[] = {
    {"line_end", T_PYSSIZET, offsetof(HeaderIndex, line_end), READONLY, NULL},
    {"head_end", T_PYSSIZET, offsetof(HeaderIndex, head_end), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

/* It holds nothing but a bytes object, so the garbage collector has nothing to find in it. */
PyTypeObject header_index_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "ringfence._native.HeaderIndex",
    .tp_doc = "As ringfence.sip.index.HeaderIndex.",
    .tp_basicsize = offsetof(HeaderIndex, lines),
    .tp_itemsize = sizeof(struct line),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = index_new,
    .tp_vectorcall = index_vectorcall,
    .tp_dealloc = index_dealloc,
    .tp_methods = index_methods,
    .tp_members = index_members,
};
