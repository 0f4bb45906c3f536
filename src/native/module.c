/* ringfence._native: what is hot on the call path, in C. */
#include "native.h"

PyObject *bad_syntax;
PyObject *undecodable;

void refuse(const char *text)
{
    PyErr_SetString(bad_syntax, text);
}

static PyMethodDef methods[] = {
    {"receive_batch", (PyCFunction)(void (*)(void))receive_batch, METH_FASTCALL,
     "receive_batch(sock, limit)\n--\n\nAs ringfence.transport.datagrams.receive_batch, by recvmmsg(2)."},
    {"send_batch", (PyCFunction)(void (*)(void))send_batch, METH_FASTCALL,
     "send_batch(sock, batch, start=0, /)\n--\n\nAs ringfence.transport.datagrams.send_batch, by sendmmsg(2)."},
    {"relay_batch", (PyCFunction)(void (*)(void))relay_batch, METH_FASTCALL,
     "relay_batch(sock, outlets, longest, limit, /)\n--\n\nAs ringfence.transport.relay.relay_batch."},
    {"receive_relayed", (PyCFunction)(void (*)(void))receive_relayed, METH_FASTCALL,
     "receive_relayed(sock, limit, /)\n--\n\nAs ringfence.transport.relay.receive_relayed."},
    {"learn", message_learn, METH_VARARGS,
     "learn(request, response, via, pure, /)\n--\n\nThe classes that `parse` makes, and its twin."},
    {"parse", message_parse, METH_O, "parse(data, /)\n--\n\nAs ringfence.sip.message.parse_pure."},
    {"splice", (PyCFunction)(void (*)(void))writer_splice, METH_FASTCALL,
     "splice(data, edits, /)\n--\n\nAs ringfence.sip.writer.splice_pure."},
    {"stamped_via", (PyCFunction)(void (*)(void))writer_stamped_via, METH_FASTCALL,
     "stamped_via(request, host, port, /)\n--\n\nAs ringfence.sip.writer.stamped_via_pure."},
    {"response", (PyCFunction)(void (*)(void))writer_response, METH_FASTCALL,
     "response(request, status, phrase, via, to_tag, headers=b'', /)\n--\n\nAs ringfence.sip.writer.response_pure."},
    {"copied", (PyCFunction)(void (*)(void))copied, METH_FASTCALL,
     "copied(request, uri, routes, via_line, via, lines, edits, framed, /)\n--\n\n"
     "As ringfence.forwarding.copy.copied_pure."},
    {"has_second_via", has_second_via, METH_O,
     "has_second_via(response, /)\n--\n\nAs ringfence.sip.writer.has_second_via_pure."},
    {"without_top_via", without_top_via, METH_O,
     "without_top_via(response, /)\n--\n\nAs ringfence.sip.writer.without_top_via_pure."},
    {"loop_mark", (PyCFunction)(void (*)(void))loop_mark, METH_FASTCALL,
     "loop_mark(request, peer, /)\n--\n\nAs ringfence.sip.writer.loop_mark_pure."},
    {"number_of_uri", plain_number_of_uri, METH_O,
     "number_of_uri(uri, /)\n--\n\nAs ringfence.sip.plain.number_of_uri_pure."},
    {"number_of_address", plain_number_of_address, METH_O,
     "number_of_address(value, /)\n--\n\nAs ringfence.sip.plain.number_of_address_pure."},
    {"digest", machines_digest, METH_O, "digest(key, /)\n--\n\nAs ringfence.transaction.machines.digest_pure."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "ringfence._native",
    .m_doc = "Compiled twins of parts of ringfence.sip, transport, forwarding and transaction.",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit__native(void)
{
    PyObject *errors = PyImport_ImportModule("ringfence.sip.errors");
    if (errors == NULL) {
        return NULL;
    }
    bad_syntax = PyObject_GetAttrString(errors, "BadSyntax");
    undecodable = PyObject_GetAttrString(errors, "Undecodable");
    Py_DECREF(errors);
    if (bad_syntax == NULL || undecodable == NULL || !datagrams_prepare()) {
        return NULL;
    }
    names_prepare();
    relay_prepare();
    loop_mark_prepare();
    if (!message_prepare()) {
        return NULL;
    }
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL) {
        return NULL;
    }
    if (PyModule_AddType(module, &header_index_type) < 0 || PyModule_AddType(module, &machines_type) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
