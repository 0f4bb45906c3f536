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
#include <limits.h>
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
    ROUTE = 7,
    CONTENT_LENGTH = 10,
    TIMESTAMP = 28,
    NUMBERS = 61,
};

/* A byte of a token (RFC 3261 §25.1) in lower case; 0 for every other byte. */
extern unsigned char token_lower[256];

void names_prepare(void);

/* The number of a full or compact name in any case, OTHER for one without a number. */
unsigned name_number(const unsigned char *name, size_t length);

/* Whether the full name of that number begins so. */
bool name_begins(unsigned number, const unsigned char *lower_prefix, size_t length);

enum { MAX_HEADERS = 256 };

struct line {
    uint32_t start; /* of the name; a line ends where the next one starts */
    uint32_t colon;
    unsigned char number;
    bool folded;
};

typedef struct {
    PyObject_VAR_HEAD
    PyObject *data;
    Py_ssize_t line_end;
    Py_ssize_t head_end;
    uint64_t present;  /* a bit a number */
    uint64_t repeated; /* numbers with two lines and more */
    unsigned char first[NUMBERS]; /* the place of a present number's first line */
    struct line lines[];
} HeaderIndex;

_Static_assert(NUMBERS <= 64, "a bit for each number");
_Static_assert(MAX_HEADERS - 1 <= UCHAR_MAX, "places fit into a byte");

extern PyTypeObject header_index_type;
extern PyTypeObject machines_type;

PyObject *machines_digest(PyObject *module, PyObject *key);

/* A new index over a bytes object; NULL with a SipError set for what is no message. */
HeaderIndex *index_of(PyObject *data);

/* The offset behind the CRLF of the line at that place. */
static inline size_t line_stop(const HeaderIndex *index, size_t place)
{
    return place + 1 < (size_t)Py_SIZE(index) ? index->lines[place + 1].start : (size_t)index->head_end - 2;
}

/* The value of the line at that place: without blanks around it, each fold as one space. A new reference. */
PyObject *value_at(const HeaderIndex *index, size_t place);

bool message_prepare(void); /* false with an error set */
PyObject *message_learn(PyObject *module, PyObject *arguments);
PyObject *message_parse(PyObject *module, PyObject *data);

PyObject *writer_splice(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *writer_stamped_via(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *writer_response(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

PyObject *copied(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

PyObject *has_second_via(PyObject *module, PyObject *response);
PyObject *without_top_via(PyObject *module, PyObject *response);

void loop_mark_prepare(void);
PyObject *loop_mark(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

PyObject *plain_number_of_uri(PyObject *module, PyObject *uri);
PyObject *plain_number_of_address(PyObject *module, PyObject *value);

bool datagrams_prepare(void); /* false with an error set */
PyObject *receive_batch(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *send_batch(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

void relay_prepare(void);
PyObject *relay_batch(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *receive_relayed(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

#endif
