/* Arrays that grow: their room doubles. */
#include "ledger.h"

int
grow(Bytes *to, size_t more)
{
    size_t room;
    char *data;

    room = to->room ? to->room : 4096;
    while (room - to->size < more) {
        if (room > SIZE_MAX / 2)
            return -1;
        room *= 2;
    }
    data = realloc(to->data, room);
    if (data == NULL)
        return -1;
    to->data = data;
    to->room = room;
    return 0;
}

PyObject *
taken(Bytes *from)
{
    PyObject *made = PyBytes_FromStringAndSize(from->data, (Py_ssize_t)from->size);

    free(from->data);
    memset(from, 0, sizeof *from);
    return made;
}
