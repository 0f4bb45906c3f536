/* ringfence._ledger: what the trunk ledger does five million times over, in C. */
#include "ledger.h"

static PyMethodDef methods[] = {
    {"scan", ledger_scan, METH_VARARGS, NULL},
    {"flatten", ledger_flatten, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int
add_types(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&intervals_spec);
    int done = type == NULL ? -1 : PyModule_AddObjectRef(module, "Intervals", type);

    Py_XDECREF(type);
    return done;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)add_types},
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_ledger", NULL, 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC
PyInit__ledger(void)
{
    return PyModuleDef_Init(&definition);
}
