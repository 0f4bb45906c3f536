/* What the parts of ringfence._ledger share: numbers in packed form, arrays that grow, and interned byte strings.
 *
 * The twins in ringfence.ledger say what each part has to give; tests/ledger hold both to it. Scanning and flattening
 * let go of the interpreter's lock, so nothing here but `taken` and `texts_of` makes an object or sets an error.
 */
#ifndef RINGFENCE_LEDGER_H
#define RINGFENCE_LEDGER_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The packed form of a number's value: digits behind a leading 1 (E.164) or 2 (a code); -1 when it is none. */
static inline int64_t
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

typedef struct {
    char *data;
    size_t size, room;
} Bytes;

/* Makes more room than there is, for `more` bytes; -1 without memory. */
int
grow(Bytes *to, size_t more);

/* Puts bytes behind those there are; -1 without memory. Inline: most are few, and of a size known beforehand. */
static inline int
put(Bytes *to, const void *from, size_t size)
{
    if (size == 0)
        return 0;
    if (size > to->room - to->size && grow(to, size) < 0)
        return -1;
    memcpy(to->data + to->size, from, size);
    to->size += size;
    return 0;
}

/* What was put there as a bytes object, and the array empty again; NULL with an error set. */
PyObject *
taken(Bytes *from);

/* Byte strings, each with its number: they lie in one buffer. */
typedef struct {
    Bytes texts, ends;  /* ends: uint64 behind each text */
    uint32_t *slots;    /* number + 1, 0: free */
    size_t mask, count;
} Interned;

/* The number of a text, a new one for a text not seen before; -1 without memory. */
int64_t
intern(Interned *all, const char *text, size_t size);

/* All texts as bytes objects in the order of their numbers, a list; NULL with an error set. */
PyObject *
texts_of(const Interned *all);

void
forget(Interned *all);

extern PyType_Spec intervals_spec;

PyObject *
ledger_scan(PyObject *module, PyObject *arguments);

PyObject *
ledger_flatten(PyObject *module, PyObject *arguments);

#endif
