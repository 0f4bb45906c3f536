/* Edits of a message's bytes, told in edits.h. */
#include "edits.h"

bool open_edits(struct edits *all, size_t size)
{
    all->edits = all->few_edits;
    all->pieces = all->few_pieces;
    all->count = 0;
    if (size > FEW) {
        all->edits = PyMem_New(struct edit, size);
        all->pieces = PyMem_New(struct piece, 2 * size + 1);
        if (all->edits == NULL || all->pieces == NULL) {
            close_edits(all);
            PyErr_NoMemory();
            return false;
        }
    }
    return true;
}

void close_edits(struct edits *all)
{
    if (all->edits != all->few_edits) {
        PyMem_Free(all->edits);
        PyMem_Free(all->pieces);
    }
}

static bool read_edit(PyObject *item, struct edit *edit)
{
    if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 3) {
        PyErr_SetString(PyExc_TypeError, "an edit is a start, an end and bytes");
        return false;
    }
    edit->start = PyLong_AsSsize_t(PyTuple_GET_ITEM(item, 0));
    edit->end = PyErr_Occurred() ? -1 : PyLong_AsSsize_t(PyTuple_GET_ITEM(item, 1));
    if (PyErr_Occurred() || !is_bytes(PyTuple_GET_ITEM(item, 2))) {
        return false;
    }
    edit->with = piece_of(PyTuple_GET_ITEM(item, 2));
    return true;
}

bool add_edits(struct edits *all, PyObject *list)
{
    struct edit edit;
    /* Nothing here runs anybody's code, so the list stays as it is and keeps what it holds. */
    for (Py_ssize_t at = 0; at < PyList_GET_SIZE(list); at++) {
        if (!read_edit(PyList_GET_ITEM(list, at), &edit)) {
            return false;
        }
        insert_edit(all, edit);
    }
    return true;
}

PyObject *spliced(PyObject *data, const struct edits *all)
{
    const struct edit *edits = all->edits;
    struct piece *pieces = all->pieces;
    size_t count = all->count;
    struct piece whole = piece_of(data);
    Py_ssize_t at = 0;
    for (size_t number = 0; number < count; number++) {
        if (edits[number].start < at || edits[number].end < edits[number].start) {
            PyErr_SetString(PyExc_ValueError, "edits overlap");
            return NULL;
        }
        at = edits[number].end;
    }
    if ((size_t)at > whole.size) {
        PyErr_SetString(PyExc_ValueError, "an edit lies outside of the message");
        return NULL;
    }
    size_t used = 0, from = 0;
    for (size_t number = 0; number < count; number++) {
        pieces[used++] = (struct piece){whole.at + from, (size_t)edits[number].start - from};
        pieces[used++] = edits[number].with;
        from = (size_t)edits[number].end;
    }
    pieces[used++] = (struct piece){whole.at + from, whole.size - from};
    return joined(pieces, used);
}
