/* The mark by which a request that comes back is known: the twin is ringfence.sip.writer. */
#include "message.h"
#include "pieces.h"

/* CRC-32 as of ISO 3309, four bytes a step: `crc_table[n][b]` is that of byte b with n zero bytes behind it. */
static uint32_t crc_table[4][256];

void loop_mark_prepare(void)
{
    for (uint32_t number = 0; number < 256; number++) {
        uint32_t crc = number;
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xEDB88320) : 0);
        }
        crc_table[0][number] = crc;
    }
    for (uint32_t number = 0; number < 256; number++) {
        for (unsigned zeros = 1; zeros < 4; zeros++) {
            uint32_t crc = crc_table[zeros - 1][number];
            crc_table[zeros][number] = crc >> 8 ^ crc_table[0][crc & 0xFF];
        }
    }
}

static uint32_t crc_on(uint32_t crc, struct piece piece)
{
    const byte *at = piece.at, *end = at + piece.size;
    for (; end - at >= 4; at += 4) {
        crc = crc_table[3][(crc ^ at[0]) & 0xFF] ^ crc_table[2][(crc >> 8 ^ at[1]) & 0xFF] ^
              crc_table[1][(crc >> 16 ^ at[2]) & 0xFF] ^ crc_table[0][crc >> 24 ^ at[3]];
    }
    for (; at < end; at++) {
        crc = crc >> 8 ^ crc_table[0][(crc ^ *at) & 0xFF];
    }
    return crc;
}

PyObject *loop_mark(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "loop_mark takes a request and a peer");
        return NULL;
    }
    PyObject *request = arguments[0];
    Py_ssize_t peer_size;
    const char *peer = PyUnicode_AsUTF8AndSize(arguments[1], &peer_size);
    const HeaderIndex *index = peer == NULL || !is_request(request) ? NULL : index_within(request);
    if (index == NULL) {
        return NULL;
    }
    uint32_t crc = UINT32_MAX;
    const struct piece zero = {(const byte *)"", 1};
    PyObject *fields[] = {peek(request, slot.uri), peek(request, slot.call_id), peek(request, slot.from_tag),
                          peek(request, slot.to_tag)};
    for (size_t at = 0; at < sizeof fields / sizeof fields[0]; at++) {
        if (fields[at] == NULL || !is_bytes(fields[at])) {
            return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "a request without its fields");
        }
        crc = crc_on(crc_on(crc, piece_of(fields[at])), zero);
    }
    PyObject *cseq = peek(request, slot.cseq_number);
    long long number = cseq == NULL ? -1 : PyLong_AsLongLong(cseq);
    if (number < 0) {
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "a request without its CSeq");
    }
    char digits[DIGITS];
    crc = crc_on(crc, decimal(number, digits));
    for (size_t place = 0; place < (size_t)Py_SIZE(index); place++) {
        if (index->lines[place].number == ROUTE) {
            PyObject *value = value_at(index, place);
            if (value == NULL) {
                return NULL;
            }
            crc = crc_on(crc_on(crc, zero), piece_of(value));
            Py_DECREF(value);
        }
    }
    crc = crc_on(crc_on(crc, zero), (struct piece){(const byte *)peer, (size_t)peer_size});
    crc ^= UINT32_MAX;
    char mark[8];
    for (unsigned at = 0; at < sizeof mark; at++) {
        mark[at] = "0123456789abcdef"[crc >> (28 - 4 * at) & 0xF];
    }
    return PyBytes_FromStringAndSize(mark, sizeof mark);
}
