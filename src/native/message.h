/* The classes of ringfence.sip.message as C sees them: objects with slots at known places. */
#ifndef RINGFENCE_MESSAGE_H
#define RINGFENCE_MESSAGE_H

#include "native.h"

/* NULL until `learn` was told. */
extern PyTypeObject *request_type;
extern PyTypeObject *response_type;
extern PyTypeObject *via_type;

/* Where the slots are: those of every message, of a request, of a response, of a Via. */
extern struct slots {
    Py_ssize_t call_id, cseq_method, cseq_number, data, from_display, from_tag, from_uri, index, max_forwards, to_tag,
        to_uri, via, via_branch, via_host, via_port, via_rport, via_sent_by, via_span, via_transport;
    Py_ssize_t method, uri, routes;
    Py_ssize_t reason, status;
    Py_ssize_t branch, end, host, port, received, rport_end, sent_by, start, transport;
} slot;

/* What is in a slot, borrowed; NULL where nothing was put into it. */
static inline PyObject *peek(PyObject *object, Py_ssize_t offset)
{
    return *(PyObject **)((char *)object + offset);
}

/* Whether it is a message of that class, which `learn` told of, whole; sets an error otherwise. */
static inline bool is_message(PyObject *message, PyTypeObject *type, const char *wanted)
{
    if (type == NULL || !Py_IS_TYPE(message, type)) {
        PyErr_Format(PyExc_TypeError, "a %s is wanted, not %.100s", wanted, Py_TYPE(message)->tp_name);
        return false;
    }
    PyObject *data = peek(message, slot.data), *via = peek(message, slot.via);
    if (data == NULL || !PyBytes_Check(data) || via == NULL || !Py_IS_TYPE(via, via_type)) {
        PyErr_Format(PyExc_TypeError, "a %s without its bytes or its Via", wanted);
        return false;
    }
    return true;
}

static inline bool is_request(PyObject *request)
{
    return is_message(request, request_type, "request");
}

/* The index of a message that `is_message` passed; NULL with an error set where it has none of its own. */
static inline const HeaderIndex *index_within(PyObject *message)
{
    PyObject *index = peek(message, slot.index);
    if (index == NULL || !Py_IS_TYPE(index, &header_index_type) ||
        ((HeaderIndex *)index)->head_end > PyBytes_GET_SIZE(peek(message, slot.data))) {
        PyErr_SetString(PyExc_TypeError, "a message without an index of its own");
        return NULL;
    }
    return (HeaderIndex *)index;
}

#endif
