/* Whole messages of the plain form in one call: the twin is ringfence.sip.message.parse_pure.
 *
 * It fills the slots of the twin's own classes, so nobody else sees a difference. Whatever is not plain, faults
 * included, is given to the twin: there is one place that decides what is wrong and what to say of it.
 */
#include "grammar.h"
#include "message.h"
#include <structmember.h>

PyTypeObject *request_type;
PyTypeObject *response_type;
PyTypeObject *via_type;
static PyObject *twin;

struct slots slot;

enum kind { REQUEST = 1, RESPONSE = 2, TOP_VIA = 4 };

static const struct {
    const char *name;
    unsigned kinds;
    Py_ssize_t *offset;
} places[] = {
    {"call_id", REQUEST | RESPONSE, &slot.call_id},
    {"cseq_method", REQUEST | RESPONSE, &slot.cseq_method},
    {"cseq_number", REQUEST | RESPONSE, &slot.cseq_number},
    {"data", REQUEST | RESPONSE, &slot.data},
    {"_from_display", REQUEST | RESPONSE, &slot.from_display},
    {"from_tag", REQUEST | RESPONSE, &slot.from_tag},
    {"from_uri", REQUEST | RESPONSE, &slot.from_uri},
    {"index", REQUEST | RESPONSE, &slot.index},
    {"max_forwards", REQUEST | RESPONSE, &slot.max_forwards},
    {"to_tag", REQUEST | RESPONSE, &slot.to_tag},
    {"to_uri", REQUEST | RESPONSE, &slot.to_uri},
    {"_via", REQUEST | RESPONSE, &slot.via},
    {"via_branch", REQUEST | RESPONSE, &slot.via_branch},
    {"via_host", REQUEST | RESPONSE, &slot.via_host},
    {"via_port", REQUEST | RESPONSE, &slot.via_port},
    {"via_rport", REQUEST | RESPONSE, &slot.via_rport},
    {"via_sent_by", REQUEST | RESPONSE, &slot.via_sent_by},
    {"via_span", REQUEST | RESPONSE, &slot.via_span},
    {"via_transport", REQUEST | RESPONSE, &slot.via_transport},
    {"method", REQUEST, &slot.method},
    {"uri", REQUEST, &slot.uri},
    {"_routes", REQUEST, &slot.routes},
    {"reason", RESPONSE, &slot.reason},
    {"status", RESPONSE, &slot.status},
    {"branch", TOP_VIA, &slot.branch},
    {"end", TOP_VIA, &slot.end},
    {"host", TOP_VIA, &slot.host},
    {"port", TOP_VIA, &slot.port},
    {"received", TOP_VIA, &slot.received},
    {"rport_end", TOP_VIA, &slot.rport_end},
    {"sent_by", TOP_VIA, &slot.sent_by},
    {"start", TOP_VIA, &slot.start},
    {"transport", TOP_VIA, &slot.transport},
};

/* What nearly every message names, made once. */
static const char *const usual_words[] = {"INVITE", "ACK",    "BYE",  "CANCEL", "OPTIONS", "UPDATE", "PRACK",
                                          "INFO",   "NOTIFY", "REFER", "MESSAGE", "REGISTER", "SUBSCRIBE", "UDP",
                                          "TCP",    "TLS"};
enum { USUAL = sizeof usual_words / sizeof usual_words[0] };
static PyObject *usual[USUAL];

bool message_prepare(void)
{
    grammar_prepare();
    for (size_t at = 0; at < USUAL; at++) {
        usual[at] = PyBytes_FromString(usual_words[at]);
        if (usual[at] == NULL) {
            return false;
        }
    }
    return true;
}

/* The offset of a slot in its instances, -1 with an error set when it is no plain slot. */
static Py_ssize_t offset_of(PyTypeObject *type, const char *name)
{
    PyObject *found = PyObject_GetAttrString((PyObject *)type, name);
    if (found == NULL) {
        return -1;
    }
    Py_ssize_t offset = -1;
    if (Py_IS_TYPE(found, &PyMemberDescr_Type)) {
        PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
        if (member->type == T_OBJECT_EX && member->offset >= (Py_ssize_t)sizeof(PyObject) &&
            member->offset + (Py_ssize_t)sizeof(PyObject *) <= type->tp_basicsize) {
            offset = member->offset;
        }
    }
    Py_DECREF(found);
    if (offset < 0) {
        PyErr_Format(PyExc_TypeError, "%.100s.%s is no slot", type->tp_name, name);
    }
    return offset;
}

PyObject *message_learn(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *request, *response, *via, *pure;
    if (!PyArg_ParseTuple(arguments, "O!O!O!O:learn", &PyType_Type, &request, &PyType_Type, &response, &PyType_Type,
                          &via, &pure)) {
        return NULL;
    }
    twin = NULL; /* nothing is read until all is known */
    for (size_t at = 0; at < sizeof places / sizeof places[0]; at++) {
        Py_ssize_t offset = -1;
        PyObject *types[] = {request, response, via};
        for (unsigned kind = 0; kind < 3; kind++) {
            if (!(places[at].kinds >> kind & 1)) {
                continue;
            }
            Py_ssize_t here = offset_of((PyTypeObject *)types[kind], places[at].name);
            if (here < 0) {
                return NULL;
            }
            if (offset >= 0 && here != offset) {
                PyErr_SetString(PyExc_TypeError, "requests and responses do not have one base");
                return NULL;
            }
            offset = here;
        }
        *places[at].offset = offset;
    }
    /* Kept for as long as the process lives, as the module itself is. */
    request_type = (PyTypeObject *)Py_NewRef(request);
    response_type = (PyTypeObject *)Py_NewRef(response);
    via_type = (PyTypeObject *)Py_NewRef(via);
    twin = Py_NewRef(pure);
    Py_RETURN_NONE;
}

/* Puts a new reference into an empty slot; false for NULL, with an error set. */
static bool fill(PyObject *object, Py_ssize_t offset, PyObject *value)
{
    *(PyObject **)((char *)object + offset) = value;
    return value != NULL;
}

static bool fill_again(PyObject *object, Py_ssize_t offset, PyObject *value)
{
    return fill(object, offset, Py_NewRef(value));
}

static bool fill_part(PyObject *object, Py_ssize_t offset, struct part part)
{
    return fill(object, offset, PyBytes_FromStringAndSize((const char *)part.at, part.end - part.at));
}

/* A method or transport: the same object again and again where it is a usual one. */
static bool fill_word(PyObject *object, Py_ssize_t offset, struct part part)
{
    for (size_t at = 0; at < USUAL; at++) {
        if (part_equals(part, PyBytes_AS_STRING(usual[at]), (size_t)PyBytes_GET_SIZE(usual[at]))) {
            return fill_again(object, offset, usual[at]);
        }
    }
    return fill_part(object, offset, part);
}

/* What was read of a message before any object is made of it. */
struct reading {
    const byte *bytes;
    HeaderIndex *index;
    struct part start[2]; /* method and URI, or nothing and the reason */
    struct plain_via via;
    struct plain_party from, to;
    struct part call_id, cseq_method;
    int64_t cseq_number;
    int64_t max_forwards; /* -1: none */
    long status;
    Py_ssize_t size; /* of the message, without what stands behind its end */
};

/* The value of a field that may stand once; false where it is repeated or folded. at NULL: absent. */
static bool single(const struct reading *reading, unsigned number, struct part *value)
{
    const HeaderIndex *index = reading->index;
    *value = (struct part){NULL, NULL};
    if (!(index->present >> number & 1)) {
        return true;
    }
    size_t place = index->first[number];
    const struct line *line = &index->lines[place];
    if (line->folded || (number != VIA && index->repeated >> number & 1)) {
        return false;
    }
    const byte *at = reading->bytes + line->colon + 1;
    const byte *end = reading->bytes + line_stop(index, place) - 2;
    while (at < end && (*at == ' ' || *at == '\t')) {
        at++;
    }
    while (end > at && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    *value = (struct part){at, end};
    return true;
}

static bool read_end(struct reading *reading, Py_ssize_t size)
{
    struct part length;
    if (!single(reading, CONTENT_LENGTH, &length)) {
        return false;
    }
    reading->size = size;
    if (length.at != NULL) {
        int64_t body = read_number(length, size - reading->index->head_end);
        if (body < 0) {
            return false;
        }
        reading->size = reading->index->head_end + (Py_ssize_t)body;
    }
    return true;
}

static bool read_fields(struct reading *reading)
{
    struct part value, number;
    if (!single(reading, VIA, &value) || value.at == NULL || !read_via(value, &reading->via)) {
        return false;
    }
    if (!single(reading, FROM, &value) || value.at == NULL || !read_party(value, &reading->from)) {
        return false;
    }
    if (!single(reading, TO, &value) || value.at == NULL || !read_party(value, &reading->to)) {
        return false;
    }
    if (!single(reading, CALL_ID, &reading->call_id) || reading->call_id.at == NULL ||
        !read_call_id(reading->call_id)) {
        return false;
    }
    if (!single(reading, CSEQ, &value) || value.at == NULL || !read_cseq(value, &number, &reading->cseq_method)) {
        return false;
    }
    reading->cseq_number = read_number(number, UINT32_MAX); /* RFC 3261 §8.1.1.5 */
    if (reading->cseq_number < 0 || !single(reading, MAX_FORWARDS, &value)) {
        return false;
    }
    reading->max_forwards = value.at == NULL ? -1 : read_number(value, 255); /* §20.22 */
    return value.at == NULL || reading->max_forwards >= 0;
}

static bool read_start(struct reading *reading, bool is_response)
{
    struct part line = {reading->bytes, reading->bytes + reading->index->line_end};
    if (is_response) {
        reading->status = read_status_line(line, &reading->start[1]);
        return reading->status >= 0;
    }
    struct part *method = &reading->start[0];
    return read_request_line(line, method, &reading->start[1]) &&
           part_equals(reading->cseq_method, (const char *)method->at, part_size(*method)) && /* §8.1.1.5 */
           !part_equals(reading->via.branch, "z9hG4bK", 7); /* RFC 4475 §3.2.1 */
}

static PyObject *offset_in(const struct reading *reading, const byte *at)
{
    return PyLong_FromSsize_t(at - reading->bytes);
}

static PyObject *span_in(const struct reading *reading, struct part part)
{
    PyObject *span = PyTuple_New(2);
    PyObject *start = offset_in(reading, part.at);
    PyObject *end = offset_in(reading, part.end);
    if (span == NULL || start == NULL || end == NULL) {
        Py_XDECREF(span);
        Py_XDECREF(start);
        Py_XDECREF(end);
        return NULL;
    }
    PyTuple_SET_ITEM(span, 0, start);
    PyTuple_SET_ITEM(span, 1, end);
    return span;
}

static PyObject *made_via(const struct reading *reading)
{
    const struct plain_via *read = &reading->via;
    PyObject *via = via_type->tp_alloc(via_type, 0);
    if (via == NULL) {
        return NULL;
    }
    bool bracketed = read->host.at != read->sent_by.at;
    bool good =
        fill_word(via, slot.transport, read->transport) && fill_part(via, slot.sent_by, read->sent_by) &&
        (bracketed || read->port >= 0 ? fill_part(via, slot.host, read->host)
                                      : fill_again(via, slot.host, peek(via, slot.sent_by))) &&
        (read->port >= 0 ? fill(via, slot.port, PyLong_FromLong(read->port)) : fill_again(via, slot.port, Py_None)) &&
        fill_part(via, slot.branch, read->branch) && fill(via, slot.start, offset_in(reading, read->value.at)) &&
        fill(via, slot.end, offset_in(reading, read->value.end)) &&
        (read->rport_end == NULL ? fill(via, slot.rport_end, PyLong_FromLong(-1))
                                 : fill(via, slot.rport_end, offset_in(reading, read->rport_end))) &&
        (read->received.at == NULL ? fill_again(via, slot.received, Py_None)
                                   : fill(via, slot.received, span_in(reading, read->received)));
    if (!good) {
        Py_CLEAR(via);
    }
    return via;
}

/* `_via` and the attributes that are its own, under their names in a message. */
static bool fill_via(PyObject *message, const struct reading *reading)
{
    PyObject *via = made_via(reading);
    if (!fill(message, slot.via, via)) {
        return false;
    }
    PyObject *span = PyTuple_Pack(2, peek(via, slot.start), peek(via, slot.end));
    return fill_again(message, slot.via_branch, peek(via, slot.branch)) &&
           fill_again(message, slot.via_host, peek(via, slot.host)) &&
           fill_again(message, slot.via_port, peek(via, slot.port)) &&
           fill_again(message, slot.via_sent_by, peek(via, slot.sent_by)) &&
           fill_again(message, slot.via_transport, peek(via, slot.transport)) &&
           fill_again(message, slot.via_rport, reading->via.rport_end == NULL ? Py_False : Py_True) &&
           fill(message, slot.via_span, span);
}

static bool fill_fields(PyObject *message, const struct reading *reading)
{
    const struct plain_party *from = &reading->from, *to = &reading->to;
    return (from->display.at == NULL ? fill_again(message, slot.from_display, Py_None)
                                     : fill_part(message, slot.from_display, from->display)) &&
           fill_part(message, slot.from_uri, from->uri) && fill_part(message, slot.from_tag, from->tag) &&
           fill_part(message, slot.to_uri, to->uri) && fill_part(message, slot.to_tag, to->tag) &&
           fill_part(message, slot.call_id, reading->call_id) &&
           fill_word(message, slot.cseq_method, reading->cseq_method) &&
           fill(message, slot.cseq_number, PyLong_FromLongLong(reading->cseq_number)) &&
           (reading->max_forwards < 0
                ? fill_again(message, slot.max_forwards, Py_None)
                : fill(message, slot.max_forwards, PyLong_FromLongLong(reading->max_forwards)));
}

/* The Route values where each line has one, as nearly all do; None, for who asks to split them, where a comma or a fold
 * says otherwise. A new reference. */
static PyObject *plain_routes(const struct reading *reading)
{
    const HeaderIndex *index = reading->index;
    PyObject *routes = PyList_New(0);
    if (routes == NULL || !(index->present >> ROUTE & 1)) {
        return routes;
    }
    for (size_t place = index->first[ROUTE]; place < (size_t)Py_SIZE(index); place++) {
        const struct line *line = &index->lines[place];
        if (line->number != ROUTE) {
            continue;
        }
        const byte *at = reading->bytes + line->colon + 1;
        if (line->folded || memchr(at, ',', (size_t)(reading->bytes + line_stop(index, place) - at)) != NULL) {
            Py_DECREF(routes);
            return Py_NewRef(Py_None);
        }
        PyObject *value = value_at(index, place);
        int failed = value == NULL ? -1 : PyList_Append(routes, value);
        Py_XDECREF(value);
        if (failed < 0) {
            Py_DECREF(routes);
            return NULL;
        }
    }
    return routes;
}

static bool fill_start(PyObject *message, const struct reading *reading, bool is_response)
{
    if (is_response) {
        return fill(message, slot.status, PyLong_FromLong(reading->status)) &&
               fill_part(message, slot.reason, reading->start[1]);
    }
    return fill_again(message, slot.method, peek(message, slot.cseq_method)) &&
           fill_part(message, slot.uri, reading->start[1]) && fill(message, slot.routes, plain_routes(reading));
}

static PyObject *made_message(const struct reading *reading, PyObject *data, bool is_response)
{
    PyTypeObject *type = is_response ? response_type : request_type;
    PyObject *message = type->tp_alloc(type, 0);
    if (message == NULL) {
        return NULL;
    }
    PyObject *own = reading->size == PyBytes_GET_SIZE(data)
                        ? Py_NewRef(data)
                        : PyBytes_FromStringAndSize((const char *)reading->bytes, reading->size);
    if (!fill(message, slot.data, own) || !fill_again(message, slot.index, (PyObject *)reading->index) ||
        !fill_via(message, reading) || !fill_fields(message, reading) || !fill_start(message, reading, is_response)) {
        Py_CLEAR(message);
    }
    return message;
}

PyObject *message_parse(PyObject *Py_UNUSED(module), PyObject *data)
{
    if (twin == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the classes of messages are not known yet");
        return NULL;
    }
    if (!PyBytes_CheckExact(data)) {
        return PyObject_CallOneArg(twin, data);
    }
    struct reading reading;
    reading.bytes = (const byte *)PyBytes_AS_STRING(data);
    reading.index = index_of(data);
    if (reading.index == NULL) {
        PyErr_Clear(); /* the twin says it again, with the status that is owed */
        return PyObject_CallOneArg(twin, data);
    }
    bool is_response = PyBytes_GET_SIZE(data) >= 4 && memcmp(reading.bytes, "SIP/", 4) == 0;
    bool plain = read_fields(&reading) && read_start(&reading, is_response) &&
                 read_end(&reading, PyBytes_GET_SIZE(data));
    PyObject *message = plain ? made_message(&reading, data, is_response) : PyObject_CallOneArg(twin, data);
    Py_DECREF(reading.index);
    return message;
}
