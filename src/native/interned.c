/* Interned byte strings: a table by open addressing over texts in one buffer. */
#include "ledger.h"

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

int64_t
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

void
forget(Interned *all)
{
    free(all->texts.data);
    free(all->ends.data);
    free(all->slots);
    memset(all, 0, sizeof *all);
}

PyObject *
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
