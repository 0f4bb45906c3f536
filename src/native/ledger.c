/* ringfence._ledger: what the trunk ledger does five million times over, beside its pure-Python twins.
 *
 * Intervals  one number among sorted, disjoint ranges            (twin: ledger/intervals.py)
 * scan       the regular lines of a table of numbers             (twin: ledger/scan.py)
 * flatten    overlapping rows to disjoint ranges, with checks    (twin: ledger/flatten.py)
 *
 * The twins say what each has to give; tests/ledger hold both to it.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* -- growing arrays --------------------------------------------------------------------------------------------- */

typedef struct {
    char *data;
    size_t size, room;
} Bytes;

static int
grow(Bytes *to, size_t more)
{
    size_t room;
    char *data;

    if (more <= to->room - to->size)
        return 0;
    room = to->room ? to->room : 4096;
    while (room - to->size < more) {
        if (room > SIZE_MAX / 2)
            return -1;
        room *= 2;
    }
    data = realloc(to->data, room);
    if (data == NULL)
        return -1;
    to->data = data;
    to->room = room;
    return 0;
}

static int
put(Bytes *to, const void *from, size_t size)
{
    if (size == 0)
        return 0;
    if (grow(to, size) < 0)
        return -1;
    memcpy(to->data + to->size, from, size);
    to->size += size;
    return 0;
}

static PyObject *
taken(Bytes *from)
{
    PyObject *made = PyBytes_FromStringAndSize(from->data, (Py_ssize_t)from->size);

    free(from->data);
    memset(from, 0, sizeof *from);
    return made;
}

/* -- interning of byte strings: texts lie in one buffer, each with its number ------------------------------------ */

typedef struct {
    Bytes texts, ends;  /* ends: uint64 behind each text */
    uint32_t *slots;    /* number + 1, 0: free */
    size_t mask, count;
} Interned;

static uint64_t
digest(const char *text, size_t size)
{
    uint64_t hash = 14695981039346656037u;

    for (size_t at = 0; at < size; at++)
        hash = (hash ^ (unsigned char)text[at]) * 1099511628211u;
    return hash ^ (hash >> 29);
}

static size_t
text_of(const Interned *all, uint32_t number, const char **text)
{
    const uint64_t *ends = (const uint64_t *)(const void *)all->ends.data;
    uint64_t start = number ? ends[number - 1] : 0;

    *text = all->texts.data + start;
    return (size_t)(ends[number] - start);
}

static int
rehash(Interned *all)
{
    size_t room = all->slots == NULL ? 1024 : (all->mask + 1) * 2;
    uint32_t *slots = calloc(room, sizeof *slots);

    if (slots == NULL)
        return -1;
    for (uint32_t number = 0; number < all->count; number++) {
        const char *text;
        size_t size = text_of(all, number, &text);
        size_t at = digest(text, size) & (room - 1);

        while (slots[at])
            at = (at + 1) & (room - 1);
        slots[at] = number + 1;
    }
    free(all->slots);
    all->slots = slots;
    all->mask = room - 1;
    return 0;
}

/* The number of a text, a new one for a text not seen before; -1 without memory. */
static int64_t
intern(Interned *all, const char *text, size_t size)
{
    size_t at;
    uint64_t end;

    if (all->slots == NULL || all->count * 2 > all->mask) {
        if (all->count >= UINT32_MAX - 1 || rehash(all) < 0)
            return -1;
    }
    for (at = digest(text, size) & all->mask; all->slots[at]; at = (at + 1) & all->mask) {
        const char *other;

        if (text_of(all, all->slots[at] - 1, &other) == size && memcmp(other, text, size) == 0)
            return all->slots[at] - 1;
    }
    end = all->texts.size + size;
    if (put(&all->texts, text, size) < 0 || put(&all->ends, &end, sizeof end) < 0)
        return -1;
    all->slots[at] = (uint32_t)++all->count;
    return (int64_t)all->count - 1;
}

static void
forget(Interned *all)
{
    free(all->texts.data);
    free(all->ends.data);
    free(all->slots);
    memset(all, 0, sizeof *all);
}

/* -- Intervals --------------------------------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    Py_buffer view;
    const int64_t *bounds;
    const uint32_t *covers;
    int64_t *firsts;  /* every STEPth bound, side by side: a search begins in memory that stays in the cache */
    Py_ssize_t count;
} Intervals;

enum { STEP = 64 };

static PyObject *
intervals_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    Intervals *self;
    PyObject *buffer;
    Py_ssize_t offset, count;

    if (keywords != NULL && PyDict_GET_SIZE(keywords)) {
        PyErr_SetString(PyExc_TypeError, "Intervals takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(arguments, "Onn:Intervals", &buffer, &offset, &count))
        return NULL;
    self = (Intervals *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    if (PyObject_GetBuffer(buffer, &self->view, PyBUF_SIMPLE) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    if (offset < 0 || offset % 8 || count < 0 || offset > self->view.len || count > (self->view.len - offset) / 12
        || (uintptr_t)self->view.buf % 8) {
        PyErr_SetString(PyExc_ValueError, "the buffer does not hold so many bounds there");
        Py_DECREF(self);
        return NULL;
    }
    self->bounds = (const int64_t *)(const void *)((const char *)self->view.buf + offset);
    self->covers = (const uint32_t *)(const void *)(self->bounds + count);
    self->count = count;
    self->firsts = PyMem_Malloc((size_t)(count / STEP + 1) * sizeof *self->firsts);
    if (self->firsts == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    for (Py_ssize_t at = 0; at < count; at += STEP)
        self->firsts[at / STEP] = self->bounds[at];
    return (PyObject *)self;
}

/* How many of the sorted values are at most `number`. */
static Py_ssize_t
at_most(const int64_t *values, Py_ssize_t high, int64_t number)
{
    Py_ssize_t low = 0;

    while (low < high) {
        Py_ssize_t middle = low + (high - low) / 2;

        if (values[middle] <= number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void
intervals_dealloc(Intervals *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyMem_Free(self->firsts);
    if (self->view.obj != NULL)
        PyBuffer_Release(&self->view);
    type->tp_free(self);
    Py_DECREF(type);
}

/* The packed form of a number's value: digits behind a leading 1 (E.164) or 2 (a code); -1 when it is none. */
static int64_t
packed(const char *text, Py_ssize_t size)
{
    int64_t value = 2;
    Py_ssize_t at = 0;

    if (size > 0 && text[0] == '+') {
        value = 1;
        at = 1;
    }
    if (size - at < 1 || size - at > 15)
        return -1;
    for (; at < size; at++) {
        unsigned next = (unsigned char)text[at] - (unsigned)'0';

        if (next > 9)
            return -1;
        value = value * 10 + next;
    }
    return value;
}

static PyObject *
intervals_find(Intervals *self, PyObject *value)
{
    const char *text;
    Py_ssize_t size, block, start, left;
    int64_t number;

    if (!PyUnicode_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "a number's value is text");
        return NULL;
    }
    if (!PyUnicode_IS_COMPACT_ASCII(value))
        return PyLong_FromLong(0);
    text = PyUnicode_AsUTF8AndSize(value, &size);
    if (text == NULL)
        return NULL;
    number = packed(text, size);
    if (number < 0)
        return PyLong_FromLong(0);
    block = at_most(self->firsts, (self->count + STEP - 1) / STEP, number);
    if (block == 0)
        return PyLong_FromLong(0);
    start = (block - 1) * STEP;
    left = self->count - start;
    start += at_most(self->bounds + start, left < STEP ? left : STEP, number);
    return PyLong_FromUnsignedLong(self->covers[start - 1]);
}

static PyMethodDef intervals_methods[] = {
    {"find", (PyCFunction)(void (*)(void))intervals_find, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot intervals_slots[] = {
    {Py_tp_new, (void *)intervals_new},
    {Py_tp_dealloc, (void *)intervals_dealloc},
    {Py_tp_methods, intervals_methods},
    {0, NULL},
};

static PyType_Spec intervals_spec = {
    "ringfence._ledger.Intervals", sizeof(Intervals), 0, Py_TPFLAGS_DEFAULT, intervals_slots,
};

/* -- scan -------------------------------------------------------------------------------------------------------- */

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

static PyObject *
texts_of(const Interned *all)
{
    PyObject *list = PyList_New((Py_ssize_t)all->count);

    for (uint32_t number = 0; list != NULL && number < all->count; number++) {
        const char *text;
        size_t size = text_of(all, number, &text);
        PyObject *made = PyBytes_FromStringAndSize(text, (Py_ssize_t)size);

        if (made == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, number, made);
    }
    return list;
}

static PyObject *
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

/* -- flatten ----------------------------------------------------------------------------------------------------- */

/* Rows lie where their line stood, and are visited in the order of numbers: what is needed soon is fetched early. */
#if defined(__GNUC__)
#define prefetch(place) __builtin_prefetch(place)
#else
#define prefetch(place) ((void)(place))
#endif

enum { AHEAD = 24, DEPTH = 64, MAX_REPORTS = 1000, TITLE = 0, LEDGER = 1 };
#define NOBODY UINT32_MAX

typedef struct {
    int64_t low;
    uint32_t row;
} Key;

typedef struct {
    const int64_t *lows, *highs;
    const uint32_t *bags, *holders;
    const unsigned char *noted, *families;
    size_t rows, count;                         /* count: of bags */
    uint32_t active[DEPTH];
    int depth;
    uint32_t *single;                           /* cover of one bag alone, 0: none yet */
    unsigned char *told;
    Interned covers;
    Bytes bounds, out_covers, clashes, outside;
    int64_t end;                                /* behind the last range that was put out */
    uint32_t last;                              /* and its cover */
    uint32_t too_deep;                          /* row + 1 */
} Flat;

/* Keys in the order of their lowest numbers, by 16 bits at a time; `spare` has as much room. Where the result lies. */
static Key *
sorted_keys(Key *keys, Key *spare, size_t count)
{
    static const int64_t low_bits = 0xffff;
    int64_t ones = 0, common = -1;
    size_t *places = malloc(65536 * sizeof *places);

    if (places == NULL)
        return NULL;
    for (size_t at = 0; at < count; at++) {
        ones |= keys[at].low;
        common &= keys[at].low;
    }
    for (int shift = 0; shift < 64; shift += 16) {
        size_t sum = 0;
        Key *other = spare;

        if (((ones ^ common) >> shift & low_bits) == 0)
            continue;  /* all the same here */
        memset(places, 0, 65536 * sizeof *places);
        for (size_t at = 0; at < count; at++)
            places[keys[at].low >> shift & low_bits]++;
        for (size_t bucket = 0; bucket < 65536; bucket++) {
            size_t here = places[bucket];

            places[bucket] = sum;
            sum += here;
        }
        for (size_t at = 0; at < count; at++)
            spare[places[keys[at].low >> shift & low_bits]++] = keys[at];
        spare = keys;
        keys = other;
    }
    free(places);
    return keys;
}

/* The number of the set of bags that the active rows have, from 1 on; 0 without memory. */
static uint32_t
cover_of(Flat *flat)
{
    uint32_t bags[DEPTH] = {0};
    int count = 0;
    int64_t known;

    if (flat->depth == 1 && flat->single[flat->bags[flat->active[0]]])
        return flat->single[flat->bags[flat->active[0]]];
    for (int at = 0; at < flat->depth; at++) {
        uint32_t bag = flat->bags[flat->active[at]];
        int place = count;

        while (place > 0 && bags[place - 1] > bag)
            place--;
        if (place > 0 && bags[place - 1] == bag)
            continue;
        memmove(bags + place + 1, bags + place, (size_t)(count - place) * sizeof *bags);
        bags[place] = bag;
        count++;
    }
    known = intern(&flat->covers, (const char *)bags, (size_t)count * sizeof *bags);
    if (known < 0 || known >= UINT32_MAX - 1)
        return 0;
    if (count == 1)
        flat->single[bags[0]] = (uint32_t)known + 1;
    return (uint32_t)known + 1;
}

static int
emit(Flat *flat, int64_t low, int64_t high)
{
    uint32_t cover = cover_of(flat);
    const uint32_t none = 0;

    if (cover == 0)
        return -1;
    for (int at = 0; at < flat->depth; at++) {
        uint32_t row = flat->active[at], bag = flat->bags[row];
        int held = 0;

        if (flat->families[bag] == TITLE || flat->holders[bag] == NOBODY || flat->told[row])
            continue;
        for (int other = 0; other < flat->depth && !held; other++) {
            uint32_t title = flat->bags[flat->active[other]];

            held = flat->families[title] == TITLE && flat->holders[title] == flat->holders[bag];
        }
        if (held)
            continue;
        flat->told[row] = 1;
        if (flat->outside.size / 4 < MAX_REPORTS && put(&flat->outside, &row, 4) < 0)
            return -1;
    }
    if (flat->last && flat->end != low
        && (put(&flat->bounds, &flat->end, 8) < 0 || put(&flat->out_covers, &none, 4) < 0))
        return -1;
    if ((flat->end != low || flat->last != cover)
        && (put(&flat->bounds, &low, 8) < 0 || put(&flat->out_covers, &cover, 4) < 0))
        return -1;
    flat->end = high + 1;
    flat->last = cover;
    return 0;
}

/* Close what ends before `until`. */
static int
advance(Flat *flat, int64_t from, int64_t until)
{
    while (flat->depth) {
        int64_t end = flat->highs[flat->active[0]];
        int left = 0;

        for (int at = 1; at < flat->depth; at++)
            if (flat->highs[flat->active[at]] < end)
                end = flat->highs[flat->active[at]];
        if (end >= until)
            return from < until ? emit(flat, from, until - 1) : 0;
        if (from <= end && emit(flat, from, end) < 0)
            return -1;
        from = end + 1;
        for (int at = 0; at < flat->depth; at++)
            if (flat->highs[flat->active[at]] > end)
                flat->active[left++] = flat->active[at];
        flat->depth = left;
    }
    return 0;
}

static int
clash(Flat *flat, uint32_t row)
{
    uint32_t bag = flat->bags[row];
    unsigned char family = flat->families[bag];

    for (int at = 0; at < flat->depth; at++) {
        uint32_t other = flat->active[at];
        uint32_t pair[2] = {other < row ? other : row, other < row ? row : other};

        if (flat->families[flat->bags[other]] != family || (family > LEDGER && flat->bags[other] != bag))
            continue;
        if (family <= LEDGER && (flat->noted[row] || flat->noted[other]))
            continue;
        if (flat->clashes.size / 8 < MAX_REPORTS && put(&flat->clashes, pair, sizeof pair) < 0)
            return -1;
    }
    return 0;
}

static int
flatten_all(Flat *flat)
{
    Key *keys = NULL, *room = NULL;
    int64_t from = 0;
    int sorted = 1, done = -1;

    for (size_t row = 1; row < flat->rows && sorted; row++)
        sorted = flat->lows[row - 1] <= flat->lows[row];
    if (!sorted) {
        room = malloc(2 * flat->rows * sizeof *room);
        if (room == NULL)
            return -1;
        for (size_t row = 0; row < flat->rows; row++) {
            room[row].low = flat->lows[row];
            room[row].row = (uint32_t)row;
        }
        keys = sorted_keys(room, room + flat->rows, flat->rows);
        if (keys == NULL)
            goto out;
    }
    for (size_t at = 0; at < flat->rows; at++) {
        uint32_t row = keys ? keys[at].row : (uint32_t)at;

        if (keys && at + AHEAD < flat->rows) {
            uint32_t soon = keys[at + AHEAD].row;

            prefetch(flat->highs + soon);
            prefetch(flat->bags + soon);
            prefetch(flat->noted + soon);
            prefetch(flat->told + soon);
        }
        if (advance(flat, from, flat->lows[row]) < 0)
            goto out;
        from = flat->lows[row];
        if (clash(flat, row) < 0)
            goto out;
        if (flat->depth == DEPTH) {
            flat->too_deep = row + 1;
            break;
        }
        flat->active[flat->depth++] = row;
    }
    done = flat->too_deep ? 0 : advance(flat, from, INT64_MAX);
    if (done == 0 && flat->last) {
        const uint32_t none = 0;

        done = put(&flat->bounds, &flat->end, 8) | put(&flat->out_covers, &none, 4);
    }
out:
    free(room);
    return done;
}

static PyObject *
flat_result(Flat *flat)
{
    PyObject *parts[6] = {
        taken(&flat->bounds), taken(&flat->out_covers), texts_of(&flat->covers), taken(&flat->clashes),
        taken(&flat->outside), PyLong_FromLongLong((long long)flat->too_deep - 1),
    };
    PyObject *result = NULL;
    int whole = 1;

    for (int at = 0; at < 6; at++)
        whole = whole && parts[at] != NULL;
    if (whole)
        result = PyTuple_Pack(6, parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]);
    for (int at = 0; at < 6; at++)
        Py_XDECREF(parts[at]);
    return result;
}

static PyObject *
ledger_flatten(PyObject *module, PyObject *arguments)
{
    Py_buffer views[6];
    Flat flat;
    PyObject *result = NULL;
    int done = 0, fits;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*y*y*:flatten", &views[0], &views[1], &views[2], &views[3], &views[4],
                          &views[5]))
        return NULL;
    memset(&flat, 0, sizeof flat);
    flat.lows = views[0].buf, flat.highs = views[1].buf, flat.bags = views[2].buf, flat.noted = views[3].buf;
    flat.families = views[4].buf, flat.holders = views[5].buf;
    flat.rows = (size_t)views[0].len / 8;
    flat.count = (size_t)views[4].len;
    fits = (size_t)views[1].len / 8 == flat.rows && (size_t)views[2].len / 4 == flat.rows
        && (size_t)views[3].len == flat.rows && (size_t)views[5].len / 4 == flat.count && flat.rows < UINT32_MAX;
    for (size_t row = 0; fits && row < flat.rows; row++)
        fits = flat.bags[row] < flat.count && flat.lows[row] <= flat.highs[row] && flat.lows[row] >= 0;
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "the columns do not fit together");
        goto out;
    }
    flat.single = calloc(flat.count + 1, sizeof *flat.single);
    flat.told = calloc(flat.rows + 1, 1);
    if (flat.single != NULL && flat.told != NULL) {
        Py_BEGIN_ALLOW_THREADS
        done = flatten_all(&flat);
        Py_END_ALLOW_THREADS
    } else {
        done = -1;
    }
    result = done < 0 ? PyErr_NoMemory() : flat_result(&flat);
out:
    free(flat.single), free(flat.told), free(flat.bounds.data), free(flat.out_covers.data);
    free(flat.clashes.data), free(flat.outside.data);
    forget(&flat.covers);
    for (int at = 0; at < 6; at++)
        PyBuffer_Release(&views[at]);
    return result;
}

/* -- module ------------------------------------------------------------------------------------------------------ */

static PyMethodDef methods[] = {
    {"scan", ledger_scan, METH_VARARGS, NULL},
    {"flatten", ledger_flatten, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int
add_types(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&intervals_spec);
    int done = type == NULL ? -1 : PyModule_AddObjectRef(module, "Intervals", type);

    Py_XDECREF(type);
    return done;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)add_types},
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_ledger", NULL, 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC
PyInit__ledger(void)
{
    return PyModuleDef_Init(&definition);
}
