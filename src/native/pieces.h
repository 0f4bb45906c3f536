/* Pieces of other bytes, to be joined to new ones without a copy between.
 *
 * All of it is inline: most pieces are few and known where they are joined, and so are their texts and numbers.
 */
#ifndef RINGFENCE_PIECES_H
#define RINGFENCE_PIECES_H

#include "native.h"

typedef unsigned char byte;

struct piece {
    const byte *at;
    size_t size;
};

static inline struct piece piece_of(PyObject *bytes)
{
    return (struct piece){(const byte *)PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)};
}

static inline struct piece text_of(const char *text)
{
    return (struct piece){(const byte *)text, strlen(text)};
}

enum { DIGITS = 24 };

/* Writes a number in decimal; `out` has room for DIGITS. */
static inline struct piece decimal(long long number, char *out)
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

/* A new bytes object; NULL with an error set. */
static inline PyObject *joined(const struct piece *pieces, size_t count)
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

/* Whether it is bytes; sets an error otherwise. */
static inline bool is_bytes(PyObject *object)
{
    if (!PyBytes_Check(object)) {
        PyErr_Format(PyExc_TypeError, "bytes are wanted, not %.100s", Py_TYPE(object)->tp_name);
        return false;
    }
    return true;
}

/* A number within 0 and `limit`, -1 with an error set for anything else. */
static inline Py_ssize_t offset_within(PyObject *object, size_t limit)
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

#endif
