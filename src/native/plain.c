/* Numbers out of plain URIs: the twin is ringfence.sip.plain. */
#include "grammar.h"

enum { LONGEST_NUMBER = 24, LONGEST_PORT = 5, FIRST_ODD_PORT = 65000 };

static bool is_digit(byte letter)
{
    return letter >= '0' && letter <= '9';
}

static bool is_host(byte letter)
{
    return is_digit(letter) || (letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z') ||
           letter == '.' || letter == '_' || letter == '-';
}

/* Behind `text`, in any case where it is a letter; NULL where something else stands. */
static const byte *behind(const byte *at, const byte *end, const char *text)
{
    for (; *text; text++, at++) {
        if (at == end || (*at | (*text >= 'a' ? 0x20 : 0)) != (byte)*text) {
            return NULL;
        }
    }
    return at;
}

/* Behind the digits of a port, 1 to 64999; NULL for anything else, which the twin's caller reads another way. */
static const byte *behind_port(const byte *at, const byte *end)
{
    const byte *begin = at;
    long port = 0;
    while (at < end && at - begin < LONGEST_PORT && is_digit(*at)) {
        port = port * 10 + (*at++ - '0');
    }
    return at > begin && *begin != '0' && port < FIRST_ODD_PORT ? at : NULL;
}

/* The number within a whole URI; false where it is not plain. */
static bool read_number_of(struct part uri, struct part *number)
{
    const byte *end = uri.end, *at = behind(uri.at, end, "sip");
    if (at == NULL) {
        return false;
    }
    at += at < end && (*at | 0x20) == 's';
    if (at == end || *at != ':') {
        return false;
    }
    number->at = ++at;
    at += at < end && *at == '+';
    const byte *digits = at;
    while (at < end && is_digit(*at)) {
        at++;
    }
    number->end = at;
    if (at == digits || at - digits > LONGEST_NUMBER || at == end || *at != '@') {
        return false;
    }
    const byte *host = ++at;
    while (at < end && is_host(*at)) {
        at++;
    }
    if (at == host) {
        return false;
    }
    if (at < end && *at == ':') {
        at = behind_port(at + 1, end);
        if (at == NULL) {
            return false;
        }
    }
    static const char phone[] = ";user=phone";
    return at == end || ((size_t)(end - at) == sizeof phone - 1 && memcmp(at, phone, sizeof phone - 1) == 0);
}

static bool part_of(PyObject *object, struct part *part)
{
    if (!PyBytes_Check(object)) {
        PyErr_Format(PyExc_TypeError, "bytes are wanted, not %.100s", Py_TYPE(object)->tp_name);
        return false;
    }
    part->at = (const byte *)PyBytes_AS_STRING(object);
    part->end = part->at + PyBytes_GET_SIZE(object);
    return true;
}

static PyObject *told(bool plain, struct part number)
{
    if (!plain) {
        Py_RETURN_NONE;
    }
    return PyUnicode_DecodeASCII((const char *)number.at, (Py_ssize_t)part_size(number), NULL);
}

PyObject *plain_number_of_uri(PyObject *Py_UNUSED(module), PyObject *uri)
{
    struct part whole, number;
    if (!part_of(uri, &whole)) {
        return NULL;
    }
    return told(read_number_of(whole, &number), number);
}

PyObject *plain_number_of_address(PyObject *Py_UNUSED(module), PyObject *value)
{
    struct part whole, number;
    if (!part_of(value, &whole)) {
        return NULL;
    }
    const byte *at = whole.at, *end = whole.end;
    if (at < end && *at == '"') {
        for (at++; at < end && *at != '"'; at++) {
            if (*at == '\\' || *at == ',' || *at == '<' || *at == '>') {
                Py_RETURN_NONE;
            }
        }
        at += at < end; /* the closing quote */
        at += at < end && *at == ' ';
    }
    bool bracketed = end - at >= 2 && *at == '<' && end[-1] == '>';
    return told(bracketed && read_number_of((struct part){at + 1, end - 1}, &number), number);
}
