/* What the parts of ringfence._native share.
 *
 * Every function here has a twin in pure Python that says what it does; the tests run against both. The module is
 * never without the interpreter's lock: nothing here blocks, so nothing here lets go of it.
 */
#ifndef RINGFENCE_NATIVE_H
#define RINGFENCE_NATIVE_H

#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The types of ringfence.sip.errors. */
extern PyObject *bad_syntax;
extern PyObject *undecodable;

/* Raises BadSyntax with its own status, 400. */
void refuse(const char *text);

/* The numbers of ringfence.sip.headers; a test compares them all. */
enum {
    OTHER = 0,
    VIA = 1,
    FROM = 2,
    TO = 3,
    CALL_ID = 4,
    CSEQ = 5,
    MAX_FORWARDS = 6,
    CONTENT_LENGTH = 10,
    NUMBERS = 61,
};

/* A byte of a token (RFC 3261 §25.1) in lower case; 0 for every other byte. */
extern unsigned char token_lower[256];

void names_prepare(void);

/* The number of a full or compact name in any case, OTHER for one without a number. */
unsigned name_number(const unsigned char *name, size_t length);

/* Whether the full name of that number begins so. */
bool name_begins(unsigned number, const unsigned char *lower_prefix, size_t length);

extern PyTypeObject header_index_type;

bool datagrams_prepare(void); /* false with an error set */
PyObject *receive_batch(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *send_batch(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

#endif
