/* The plain forms of what stands in a message: RFC 3261 §25.1 without white space, folds and quoted parameters.
 *
 * Each reader takes a value's bytes from `at` to `end` and says whether the whole of it is plain. What is not may be
 * legal all the same: the pure-Python twin decides, and what is plain here it reads just so.
 */
#ifndef RINGFENCE_GRAMMAR_H
#define RINGFENCE_GRAMMAR_H

#include "native.h"

typedef unsigned char byte;

/* From `at` up to `end`; `at` NULL: absent. */
struct part {
    const byte *at;
    const byte *end;
};

static inline size_t part_size(struct part part)
{
    return (size_t)(part.end - part.at);
}

static inline bool part_equals(struct part part, const char *text, size_t size)
{
    return part_size(part) == size && memcmp(part.at, text, size) == 0;
}

enum { MAX_PARAMETERS = 12 };

/* value.at NULL: a parameter without a value. */
struct parameter {
    struct part name;
    struct part value;
};

struct parameters {
    unsigned count;
    struct parameter found[MAX_PARAMETERS];
};

/* The parameter of that lower-case name, NULL without one. */
const struct parameter *parameter_named(const struct parameters *parameters, const char *name);

struct plain_via {
    struct part value;
    struct part transport; /* upper case */
    struct part sent_by;
    struct part host; /* without brackets */
    struct part branch;
    struct part received; /* from the end of the parameter's name to the end of its value */
    const byte *rport_end; /* NULL without an rport that has no value */
    long port; /* -1: none */
};

struct plain_party {
    struct part display; /* absent: a bare URI */
    struct part uri;
    struct part tag;
};

void grammar_prepare(void);
bool read_via(struct part value, struct plain_via *via);
bool read_party(struct part value, struct plain_party *party);
bool read_call_id(struct part value);
bool read_cseq(struct part value, struct part *number, struct part *method);

/* Up to ten digits; the number, -1 for anything else or one above the limit. */
int64_t read_number(struct part value, int64_t limit);

/* `METHOD sip:… SIP/2.0`, whose URI holds together: whole escapes, no parameter twice. */
bool read_request_line(struct part line, struct part *method, struct part *uri);

/* `SIP/2.0 nnn …`; the status, -1 for anything else. */
long read_status_line(struct part line, struct part *reason);

#endif
