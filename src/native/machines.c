/* Machines by digest: open addressing with linear probing, so that a look at cold memory is a look at one cache line.
 *
 * Digests are taken to be evenly spread, as they come of a keyed hash: their high bits are the part, their low bits the
 * home slot in it. A machine that is taken out leaves no mark: those behind it that are not at home move up, and a part
 * is never swept. It is copied when it grows, which is why there are parts: a large table's copy would be a pause.
 */
#include "native.h"

typedef struct {
    uint64_t digest;
    PyObject *machine; /* NULL: nobody here */
} slot;

typedef struct {
    slot *slots;
    size_t mask; /* number of slots less one; that number is a power of two */
    size_t used;
} part;

enum { DIGEST_BITS = 62, PART_BITS = 6, PARTS = 1 << PART_BITS, FIRST_SLOTS = 8 };

typedef struct {
    PyObject_HEAD
    size_t used;
    part parts[PARTS];
} machines;

static part *part_of(machines *self, uint64_t digest)
{
    return &self->parts[digest >> (DIGEST_BITS - PART_BITS)];
}

/* The slot of that digest, or the empty one where it would stand. There always is an empty one. */
static size_t place_of(const part *self, uint64_t digest)
{
    size_t at = digest & self->mask;
    while (self->slots[at].machine != NULL && self->slots[at].digest != digest) {
        at = (at + 1) & self->mask;
    }
    return at;
}

static bool digest_of(PyObject *number, uint64_t *digest)
{
    long long value = PyLong_AsLongLong(number);
    if (value == -1 && PyErr_Occurred()) {
        return false;
    }
    if (value < 0 || (uint64_t)value >> DIGEST_BITS != 0) {
        PyErr_SetString(PyExc_ValueError, "a digest is a number of 62 bits");
        return false;
    }
    *digest = (uint64_t)value;
    return true;
}

static bool grown(part *self)
{
    size_t count = (self->mask + 1) * 2;
    slot *slots = PyMem_Calloc(count, sizeof *slots);
    if (slots == NULL) {
        PyErr_NoMemory();
        return false;
    }
    part larger = {.slots = slots, .mask = count - 1};
    for (size_t at = 0; at <= self->mask; at++) {
        if (self->slots[at].machine != NULL) {
            slots[place_of(&larger, self->slots[at].digest)] = self->slots[at];
        }
    }
    PyMem_Free(self->slots);
    self->slots = slots;
    self->mask = count - 1;
    return true;
}

static PyObject *machines_get(machines *self, PyObject *number)
{
    uint64_t digest;
    if (!digest_of(number, &digest)) {
        return NULL;
    }
    const part *in = part_of(self, digest);
    PyObject *machine = in->slots[place_of(in, digest)].machine;
    return Py_NewRef(machine == NULL ? Py_None : machine);
}

static PyObject *machines_add(machines *self, PyObject *const *args, Py_ssize_t count)
{
    uint64_t digest;
    if (count != 2) {
        PyErr_Format(PyExc_TypeError, "add takes a digest and a machine, not %zd arguments", count);
        return NULL;
    }
    if (!digest_of(args[0], &digest)) {
        return NULL;
    }
    part *in = part_of(self, digest);
    size_t at = place_of(in, digest);
    if (in->slots[at].machine != NULL) {
        Py_SETREF(in->slots[at].machine, Py_NewRef(args[1]));
        Py_RETURN_NONE;
    }
    if ((in->used + 1) * 8 > (in->mask + 1) * 5) {
        if (!grown(in)) {
            return NULL;
        }
        at = place_of(in, digest);
    }
    in->slots[at] = (slot){digest, Py_NewRef(args[1])};
    in->used++;
    self->used++;
    Py_RETURN_NONE;
}

/* Empties a slot and closes the chain behind it; the caller owns what was there. */
static PyObject *taken(machines *self, part *in, size_t hole)
{
    PyObject *gone = in->slots[hole].machine;
    for (size_t at = (hole + 1) & in->mask; in->slots[at].machine != NULL; at = (at + 1) & in->mask) {
        size_t home = in->slots[at].digest & in->mask;
        if (((at - home) & in->mask) >= ((at - hole) & in->mask)) {
            in->slots[hole] = in->slots[at];
            hole = at;
        }
    }
    in->slots[hole].machine = NULL;
    in->used--;
    self->used--;
    return gone;
}

static PyObject *machines_remove(machines *self, PyObject *number)
{
    uint64_t digest;
    if (!digest_of(number, &digest)) {
        return NULL;
    }
    part *in = part_of(self, digest);
    size_t at = place_of(in, digest);
    if (in->slots[at].machine != NULL) {
        Py_DECREF(taken(self, in, at));
    }
    Py_RETURN_NONE;
}

static PyObject *machines_values(machines *self, PyObject *Py_UNUSED(none))
{
    PyObject *all = PyList_New(0);
    for (const part *in = self->parts; all != NULL && in < self->parts + PARTS; in++) {
        for (size_t at = 0; all != NULL && at <= in->mask; at++) {
            if (in->slots[at].machine != NULL && PyList_Append(all, in->slots[at].machine) < 0) {
                Py_CLEAR(all);
            }
        }
    }
    return all;
}

static Py_ssize_t machines_length(PyObject *self)
{
    return (Py_ssize_t)((machines *)self)->used;
}

static int machines_traverse(machines *self, visitproc visit, void *arg)
{
    for (const part *in = self->parts; in < self->parts + PARTS; in++) {
        for (size_t at = 0; in->slots != NULL && at <= in->mask; at++) {
            Py_VISIT(in->slots[at].machine);
        }
    }
    return 0;
}

/* One by one and whole after each: what dies may come back to ask. */
static int machines_clear(machines *self)
{
    for (part *in = self->parts; in < self->parts + PARTS; in++) {
        for (size_t at = 0; in->slots != NULL && at <= in->mask; at++) {
            while (in->slots[at].machine != NULL) {
                Py_DECREF(taken(self, in, at));
            }
        }
    }
    return 0;
}

static void machines_dealloc(machines *self)
{
    PyObject_GC_UnTrack(self);
    machines_clear(self);
    for (part *in = self->parts; in < self->parts + PARTS; in++) {
        PyMem_Free(in->slots);
    }
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *machines_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(named))
{
    machines *self = (machines *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    for (part *in = self->parts; in < self->parts + PARTS; in++) {
        in->mask = FIRST_SLOTS - 1;
        in->slots = PyMem_Calloc(FIRST_SLOTS, sizeof *in->slots);
        if (in->slots == NULL) {
            Py_DECREF(self);
            return PyErr_NoMemory();
        }
    }
    return (PyObject *)self;
}

static PyMethodDef machines_methods[] = {
    {"get", (PyCFunction)machines_get, METH_O, "get(digest, /)\n--\n\nAs MachinesPure.get."},
    {"add", (PyCFunction)(void (*)(void))machines_add, METH_FASTCALL,
     "add(digest, machine, /)\n--\n\nAs MachinesPure.add."},
    {"remove", (PyCFunction)machines_remove, METH_O, "remove(digest, /)\n--\n\nAs MachinesPure.remove."},
    {"values", (PyCFunction)machines_values, METH_NOARGS, "values(/)\n--\n\nAs MachinesPure.values."},
    {NULL, NULL, 0, NULL},
};

static PySequenceMethods machines_sequence = {.sq_length = machines_length};

PyTypeObject machines_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "ringfence._native.Machines",
    .tp_doc = "As ringfence.transaction.machines.MachinesPure.",
    .tp_basicsize = sizeof(machines),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = machines_new,
    .tp_dealloc = (destructor)machines_dealloc,
    .tp_traverse = (traverseproc)machines_traverse,
    .tp_clear = (inquiry)machines_clear,
    .tp_methods = machines_methods,
    .tp_as_sequence = &machines_sequence,
};

/* As ringfence.transaction.machines.digest_pure: Python's own hash is keyed anew in every process. */
PyObject *machines_digest(PyObject *Py_UNUSED(module), PyObject *key)
{
    if (!PyBytes_CheckExact(key)) {
        PyErr_SetString(PyExc_TypeError, "a digest is of bytes");
        return NULL;
    }
    Py_hash_t hash = PyObject_Hash(key);
    return PyLong_FromLongLong((long long)((uint64_t)hash & (((uint64_t)1 << DIGEST_BITS) - 1)));
}
