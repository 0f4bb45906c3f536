/* Overlapping rows to disjoint ranges, with checks: the twin is ringfence.ledger.flatten. */
#include "ledger.h"

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

PyObject *
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
