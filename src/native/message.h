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

#endif
