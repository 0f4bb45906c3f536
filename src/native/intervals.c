/* One number among sorted, disjoint ranges: the twin is ringfence.ledger.intervals. */
#include "ledger.h"

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

PyType_Spec intervals_spec = {
    "ringfence._ledger.Intervals", sizeof(Intervals), 0, Py_TPFLAGS_DEFAULT, intervals_slots,
};
