/* Edits of a message's bytes, gathered in order and made all at once. */
#ifndef RINGFENCE_EDITS_H
#define RINGFENCE_EDITS_H

#include "pieces.h"

struct edit {
    Py_ssize_t start;
    Py_ssize_t end;
    struct piece with;
};

enum { FEW = 64 };

/* Edits and room for the pieces that they make: on the stack where they are few. */
struct edits {
    struct edit few_edits[FEW];
    struct piece few_pieces[2 * FEW + 1];
    struct edit *edits;
    struct piece *pieces;
    size_t count;
};

/* Takes room for `size` edits, none of them there yet; false with an error set, and then there is nothing to close. */
bool open_edits(struct edits *all, size_t size);
void close_edits(struct edits *all);

/* Adds an edit to those in order; one of an equal place comes behind. There must be room. */
static inline void insert_edit(struct edits *all, struct edit edit)
{
    struct edit *edits = all->edits;
    size_t place = all->count++;
    while (place && (edits[place - 1].start > edit.start ||
                     (edits[place - 1].start == edit.start && edits[place - 1].end > edit.end))) {
        edits[place] = edits[place - 1];
        place--;
    }
    edits[place] = edit;
}

static inline void add_edit(struct edits *all, size_t start, size_t end, struct piece with)
{
    insert_edit(all, (struct edit){(Py_ssize_t)start, (Py_ssize_t)end, with});
}

/* Adds the edits of a list of (start, end, bytes); false with an error set. There must be room. */
bool add_edits(struct edits *all, PyObject *list);

/* A new bytes object: `data` with the edits made. NULL with an error set where they overlap or lie outside of it. */
PyObject *spliced(PyObject *data, const struct edits *all);

#endif
