/* The regular lines of a table of numbers: the twin is ringfence.ledger.scan. */
#include "ledger.h"

enum { MAX_COLUMNS = 32, MAX_LINE = 4096, MAX_FIELD = 256, SHAPE = 7, LEAST = 9, MOST = 15 };

typedef struct {
    Bytes lows, highs, contexts, lines, noted, odd, shapes;
    Interned known;
    uint64_t *slots;  /* shapes seen, 0: free */
    size_t mask, seen;
    const int64_t *refused;
    Py_ssize_t refusals;
    Py_ssize_t header;
} Scan;

/* Whether bytes are UTF-8 (RFC 3629) without control characters. */
static int
is_text(const unsigned char *at, const unsigned char *end)
{
    while (at < end) {
        unsigned lead = *at++;
        unsigned more, least;
        unsigned long value;

        if (lead < 0x80) {
            if (lead < 0x20 || lead == 0x7f)
                return 0;
            continue;
        }
        if (lead >= 0xc2 && lead <= 0xdf) {
            more = 1, least = 0x80, value = lead & 0x1f;
        } else if ((lead & 0xf0) == 0xe0) {
            more = 2, least = 0x800, value = lead & 0x0f;
        } else if (lead >= 0xf0 && lead <= 0xf4) {
            more = 3, least = 0x10000, value = lead & 0x07;
        } else {
            return 0;
        }
        if ((size_t)(end - at) < more)
            return 0;
        while (more--) {
            if ((*at & 0xc0) != 0x80)
                return 0;
            value = value << 6 | (*at++ & 0x3f);
        }
        if (value < least || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
            return 0;
    }
    return 1;
}

/* A number of LEAST to MOST digits behind a plus, no zero in front; -1 for anything else. */
static int64_t
regular(const char *text, size_t size)
{
    if (size < 1 + LEAST || size > 1 + MOST || text[0] != '+' || text[1] == '0')
        return -1;
    return packed(text, (Py_ssize_t)size);
}

/* A number's first SHAPE digits and how many it has. */
static int64_t
shape_of(const char *text, size_t size)
{
    int64_t value = 0;

    for (int at = 1; at <= SHAPE; at++)
        value = value * 10 + (text[at] - '0');
    return value * 16 + (int64_t)(size - 1);
}

static int
is_refused(const Scan *scan, int64_t shape)
{
    Py_ssize_t low = 0, high = scan->refusals;

    while (low < high) {
        Py_ssize_t middle = low + (high - low) / 2;

        if (scan->refused[middle] < shape)
            low = middle + 1;
        else
            high = middle;
    }
    return low < scan->refusals && scan->refused[low] == shape;
}

static int
note_shape(Scan *scan, int64_t shape)
{
    size_t at;

    if (scan->slots == NULL || scan->seen * 2 > scan->mask) {
        size_t room = scan->slots == NULL ? 1024 : (scan->mask + 1) * 2;
        uint64_t *slots = calloc(room, sizeof *slots);

        if (slots == NULL)
            return -1;
        for (size_t old = 0; scan->slots != NULL && old <= scan->mask; old++) {
            if (scan->slots[old] == 0)
                continue;
            at = (scan->slots[old] * 11400714819323198485u >> 32) & (room - 1);
            while (slots[at])
                at = (at + 1) & (room - 1);
            slots[at] = scan->slots[old];
        }
        free(scan->slots);
        scan->slots = slots;
        scan->mask = room - 1;
    }
    at = ((uint64_t)shape * 11400714819323198485u >> 32) & scan->mask;
    for (; scan->slots[at]; at = (at + 1) & scan->mask)
        if (scan->slots[at] == (uint64_t)shape)
            return 0;
    scan->slots[at] = (uint64_t)shape;
    scan->seen++;
    return put(&scan->shapes, &shape, sizeof shape);
}

/* 1: taken, 0: odd, -1: no memory. */
static int
scan_line(Scan *scan, const char *line, size_t size, uint32_t number, const char *roles, int columns)
{
    const char *texts[3] = {NULL, NULL, NULL};  /* number, from, to */
    size_t sizes[3] = {0, 0, 0};
    char context[MAX_LINE + MAX_COLUMNS];
    size_t filled = 0, start = 0;
    unsigned char noted = 0;
    int column = 0, form, last;
    int64_t low, high, shape, known;

    if (size > MAX_LINE || !is_text((const unsigned char *)line, (const unsigned char *)line + size))
        return 0;
    for (size_t at = 0; at <= size; at++) {
        size_t length;

        if (at < size && line[at] == '"')
            return 0;
        if (at < size && line[at] != ',')
            continue;
        length = at - start;
        if (column == columns || length > MAX_FIELD)
            return 0;
        switch (roles[column]) {
        case 'n': case 'f': case 't':
            form = roles[column] == 'n' ? 0 : roles[column] == 'f' ? 1 : 2;
            texts[form] = line + start;
            sizes[form] = length;
            break;
        case 'k':
            memcpy(context + filled, line + start, length);
            filled += length;
            context[filled++] = '\x1f';
            break;
        case 'o':
            for (size_t place = start; place < at; place++)
                noted |= line[place] != ' ';
            break;
        default:  /* a prefix or a set: not for here */
            if (length)
                return 0;
        }
        column++;
        start = at + 1;
    }
    if (column != columns)
        return 0;
    form = sizes[0] ? 0 : 1;
    last = form ? 2 : 0;
    if ((form == 0 && (sizes[1] || sizes[2])) || sizes[form] != sizes[last])
        return 0;
    low = regular(texts[form], sizes[form]);
    high = form ? regular(texts[last], sizes[last]) : low;
    if (low < 0 || high < low)
        return 0;
    shape = shape_of(texts[form], sizes[form]);
    if (shape_of(texts[last], sizes[last]) != shape || (scan->refusals && is_refused(scan, shape)))
        return 0;
    known = intern(&scan->known, context, filled);
    if (known < 0 || note_shape(scan, shape) < 0)
        return -1;
    {
        uint32_t id = (uint32_t)known;

        if (put(&scan->lows, &low, 8) < 0 || put(&scan->highs, &high, 8) < 0 || put(&scan->contexts, &id, 4) < 0
            || put(&scan->lines, &number, 4) < 0 || put(&scan->noted, &noted, 1) < 0)
            return -1;
    }
    return 1;
}

static int
scan_all(Scan *scan, const char *data, size_t size, size_t start, uint32_t number, const char *roles, int columns)
{
    while (start <= size) {
        const char *end = start < size ? memchr(data + start, '\n', size - start) : NULL;
        size_t stop = end == NULL ? size : (size_t)(end - data);
        size_t length = stop - start;
        size_t blank = 0;
        int done;

        while (length && data[start + length - 1] == '\r')
            length--;
        while (blank < length && (data[start + blank] == ' ' || data[start + blank] == '\t'))
            blank++;
        if (blank < length && data[start] != '#') {
            done = scan_line(scan, data + start, length, number, roles, columns);
            if (done < 0)
                return -1;
            if (done == 0) {
                uint64_t place[3] = {number, start, start + length};

                if (put(&scan->odd, place, sizeof place) < 0)
                    return -1;
            }
        }
        start = stop + 1;
        number++;
    }
    return 0;
}

PyObject *
ledger_scan(PyObject *module, PyObject *arguments)
{
    Py_buffer data, refused;
    const char *roles;
    Py_ssize_t columns, start;
    unsigned int number;
    Scan scan;
    PyObject *result = NULL;
    int done;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "y*nIs#y*:scan", &data, &start, &number, &roles, &columns, &refused))
        return NULL;
    memset(&scan, 0, sizeof scan);
    if (columns < 1 || columns > MAX_COLUMNS || start < 0 || start > data.len) {
        PyErr_SetString(PyExc_ValueError, "no such columns or place");
        goto out;
    }
    scan.refused = refused.buf;
    scan.refusals = refused.len / 8;
    Py_BEGIN_ALLOW_THREADS
    done = scan_all(&scan, data.buf, (size_t)data.len, (size_t)start, number, roles, (int)columns);
    Py_END_ALLOW_THREADS
    if (done < 0) {
        PyErr_NoMemory();
    } else {
        PyObject *parts[8] = {
            taken(&scan.lows), taken(&scan.highs), taken(&scan.contexts), taken(&scan.lines), taken(&scan.noted),
            texts_of(&scan.known), taken(&scan.shapes), taken(&scan.odd),
        };
        int whole = 1;

        for (int at = 0; at < 8; at++)
            whole = whole && parts[at] != NULL;
        if (whole)
            result = PyTuple_Pack(
                8, parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], parts[6], parts[7]);
        for (int at = 0; at < 8; at++)
            Py_XDECREF(parts[at]);
    }
    free(scan.lows.data), free(scan.highs.data), free(scan.contexts.data), free(scan.lines.data);
    free(scan.noted.data), free(scan.odd.data), free(scan.shapes.data), free(scan.slots);
    forget(&scan.known);
out:
    PyBuffer_Release(&data);
    PyBuffer_Release(&refused);
    return result;
}
