/* The patterns are those of ringfence.sip.grammar, via, party, uri and message, by the same names. */
#include "grammar.h"

enum {
    DIGIT = 1,
    TOKEN = 2,
    VALUE = 4,
    USER = 8,
    PASSWORD = 16,
    HOST = 32,
    URI_PARAMETER = 64,
    SCHEME = 128,
    IN_BRACKETS = 256, /* of an address between < and > */
    BARE = 512,        /* of an address without them */
    NAME = 1024,       /* of a display name without quotes, blanks too */
    CALL_ID_BYTE = 2048,
    ALPHA = 4096,
    UPPER = 8192,
    REFERENCE = 16384, /* of an IPv6 reference */
};

static uint16_t classes[256];

static void add(unsigned class, const char *bytes)
{
    for (; *bytes; bytes++) {
        classes[(byte)*bytes] |= (uint16_t)class;
    }
}

static void add_range(unsigned class, unsigned first, unsigned last)
{
    for (unsigned at = first; at <= last; at++) {
        classes[at] |= (uint16_t)class;
    }
}

void grammar_prepare(void)
{
    const unsigned words = TOKEN | USER | PASSWORD | HOST | URI_PARAMETER | SCHEME | NAME;
    add_range(words | ALPHA, 'a', 'z');
    add_range(words | ALPHA | UPPER, 'A', 'Z');
    add_range(words | DIGIT, '0', '9');
    add(TOKEN | NAME, "-.!%*_+`'~");
    add(NAME, " \t");
    add_range(NAME, 0x80, 0xFF);
    add(HOST, "._-");
    add(SCHEME, "+.-");
    add(USER, "-_.!~*'()&=+$,;?/%");
    add(PASSWORD, "-_.!~*'()&=+$,%");
    add(URI_PARAMETER, "-_.!~*'()[]/:&+$%");
    add(REFERENCE, "0123456789abcdefABCDEF.:");
    add_range(VALUE, '!', '~');
    add_range(IN_BRACKETS, '!', '~');
    add_range(BARE, '!', '~');
    add_range(CALL_ID_BYTE, '!', '~');
    static const struct {
        unsigned class;
        const char *without;
    } lacking[] = {{VALUE, "\",;<>"}, {IN_BRACKETS, "\"<>"}, {BARE, "\",;<>?"}, {CALL_ID_BYTE, ","}};
    for (size_t at = 0; at < sizeof lacking / sizeof lacking[0]; at++) {
        for (const char *gone = lacking[at].without; *gone; gone++) {
            classes[(byte)*gone] &= (uint16_t)~lacking[at].class;
        }
    }
}

static const byte *skip(const byte *at, const byte *end, unsigned class)
{
    while (at < end && classes[*at] & class) {
        at++;
    }
    return at;
}

static bool begins(const byte *at, const byte *end, const char *text, size_t size)
{
    return (size_t)(end - at) >= size && memcmp(at, text, size) == 0;
}

static bool same_name(struct part one, struct part two)
{
    if (part_size(one) != part_size(two)) {
        return false;
    }
    for (size_t at = 0; at < part_size(one); at++) {
        if (token_lower[one.at[at]] != token_lower[two.at[at]]) {
            return false;
        }
    }
    return true;
}

/* `;name` and `;name=value` up to the end, no name twice. */
static bool read_parameters(const byte *at, const byte *end, struct parameters *parameters)
{
    parameters->count = 0;
    while (at < end) {
        if (*at != ';' || parameters->count == MAX_PARAMETERS) {
            return false;
        }
        struct parameter *one = &parameters->found[parameters->count];
        one->name.at = at + 1;
        one->name.end = at = skip(at + 1, end, TOKEN);
        one->value.at = one->value.end = NULL;
        if (one->name.at == at) {
            return false;
        }
        if (at < end && *at == '=') {
            one->value.at = at + 1;
            one->value.end = at = skip(at + 1, end, VALUE);
            if (one->value.at == at) {
                return false;
            }
        }
        for (unsigned before = 0; before < parameters->count; before++) {
            if (same_name(parameters->found[before].name, one->name)) {
                return false;
            }
        }
        parameters->count++;
    }
    return true;
}

const struct parameter *parameter_named(const struct parameters *parameters, const char *name)
{
    struct part wanted = {(const byte *)name, (const byte *)name + strlen(name)};
    for (unsigned at = 0; at < parameters->count; at++) {
        if (same_name(parameters->found[at].name, wanted)) {
            return &parameters->found[at];
        }
    }
    return NULL;
}

/* A host with or without a port; NULL where there is none. host: without brackets. */
static const byte *read_host_port(const byte *at, const byte *end, struct part *host, long *port)
{
    if (at < end && *at == '[') {
        host->at = at + 1;
        host->end = at = skip(at + 1, end, REFERENCE);
        if (at == end || *at != ']' || memchr(host->at, ':', part_size(*host)) == NULL) {
            return NULL;
        }
        at++;
    } else {
        host->at = at;
        host->end = at = skip(at, end, HOST);
        if (host->at == at) {
            return NULL;
        }
    }
    *port = -1;
    if (at < end && *at == ':') {
        const byte *digits = at + 1;
        at = skip(digits, end, DIGIT);
        *port = (long)read_number((struct part){digits, at}, 65535);
        if (*port < 1) {
            return NULL;
        }
    }
    return at;
}

bool read_via(struct part value, struct plain_via *via)
{
    const byte *at = value.at, *end = value.end;
    if (!begins(at, end, "SIP/2.0/", 8)) {
        return false;
    }
    via->value = value;
    via->transport.at = at + 8;
    via->transport.end = at = skip(at + 8, end, UPPER);
    if (via->transport.at == at || at == end || *at != ' ') {
        return false;
    }
    via->sent_by.at = at + 1;
    at = read_host_port(at + 1, end, &via->host, &via->port);
    struct parameters parameters;
    if (at == NULL || !read_parameters(at, end, &parameters)) {
        return false;
    }
    via->sent_by.end = at;
    const struct parameter *branch = parameter_named(&parameters, "branch");
    if (branch != NULL && branch->value.at == NULL) {
        return false;
    }
    via->branch = branch == NULL ? (struct part){at, at} : branch->value;
    const struct parameter *rport = parameter_named(&parameters, "rport");
    via->rport_end = rport != NULL && rport->value.at == NULL ? rport->name.end : NULL;
    const struct parameter *received = parameter_named(&parameters, "received");
    via->received = (struct part){NULL, NULL};
    if (received != NULL) {
        via->received.at = received->name.end;
        via->received.end = received->value.at == NULL ? received->name.end : received->value.end;
    }
    return true;
}

/* `scheme:` and at least one byte of the class behind it; NULL where that is not so. */
static const byte *read_address(const byte *at, const byte *end, unsigned class)
{
    if (at == end || !(classes[*at] & ALPHA)) {
        return NULL;
    }
    at = skip(at, end, SCHEME);
    if (at == end || *at != ':') {
        return NULL;
    }
    const byte *rest = skip(at + 1, end, class);
    return rest == at + 1 ? NULL : rest;
}

/* The end of the quoted string at `at`; NULL where it is not closed. */
static const byte *skip_quoted(const byte *at, const byte *end)
{
    for (at++; at < end; at++) {
        if (*at == '"') {
            return at + 1;
        }
        if (*at == '\\' && ++at == end) {
            return NULL;
        }
    }
    return NULL;
}

bool read_party(struct part value, struct plain_party *party)
{
    const byte *at = value.at, *end = value.end;
    if (at < end && *at == '"') {
        at = skip_quoted(at, end);
        if (at == NULL) {
            return false;
        }
        party->display = (struct part){value.at, at};
        while (at < end && (*at == ' ' || *at == '\t')) {
            at++;
        }
    } else {
        at = skip(at, end, NAME);
        party->display = (struct part){value.at, at};
    }
    if (at < end && *at == '<') {
        party->uri.at = at + 1;
        party->uri.end = at = read_address(at + 1, end, IN_BRACKETS);
        if (at == NULL || at == end || *at != '>') {
            return false;
        }
        at++;
    } else {
        party->display = (struct part){NULL, NULL};
        party->uri.at = value.at;
        party->uri.end = at = read_address(value.at, end, BARE);
        if (at == NULL) {
            return false;
        }
    }
    struct parameters parameters;
    if (!read_parameters(at, end, &parameters)) {
        return false;
    }
    const struct parameter *tag = parameter_named(&parameters, "tag");
    if (tag != NULL && tag->value.at == NULL) {
        return false;
    }
    party->tag = tag == NULL ? (struct part){at, at} : tag->value;
    return true;
}

bool read_call_id(struct part value)
{
    return value.at < value.end && skip(value.at, value.end, CALL_ID_BYTE) == value.end;
}

bool read_cseq(struct part value, struct part *number, struct part *method)
{
    const byte *at = skip(value.at, value.end, DIGIT);
    *number = (struct part){value.at, at};
    while (at < value.end && (*at == ' ' || *at == '\t')) {
        at++;
    }
    *method = (struct part){at, value.end};
    return number->at < number->end && number->end < at && at < value.end &&
           skip(at, value.end, TOKEN) == value.end;
}

int64_t read_number(struct part value, int64_t limit)
{
    if (part_size(value) < 1 || part_size(value) > 10) {
        return -1;
    }
    int64_t number = 0;
    for (const byte *at = value.at; at < value.end; at++) {
        if (!(classes[*at] & DIGIT)) {
            return -1;
        }
        number = number * 10 + (*at - '0');
    }
    return number <= limit ? number : -1;
}

static bool is_hexadecimal(byte letter)
{
    return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'f') || (letter >= 'A' && letter <= 'F');
}

static bool escapes_are_whole(const byte *at, const byte *end)
{
    for (; at < end; at++) {
        if (*at == '%' && (end - at < 3 || !is_hexadecimal(at[1]) || !is_hexadecimal(at[2]))) {
            return false;
        }
    }
    return true;
}

/* A byte of a URI parameter's name in lower case. */
static byte lower(byte letter)
{
    return letter >= 'A' && letter <= 'Z' ? (byte)(letter - 'A' + 'a') : letter;
}

static bool same_uri_name(struct part one, struct part two)
{
    if (part_size(one) != part_size(two)) {
        return false;
    }
    for (size_t at = 0; at < part_size(one); at++) {
        if (lower(one.at[at]) != lower(two.at[at])) {
            return false;
        }
    }
    return true;
}

/* The parameters of a URI up to the end of them; NULL for a name twice, or escaped so that one cannot tell. */
static const byte *read_uri_parameters(const byte *at, const byte *end)
{
    struct part names[MAX_PARAMETERS];
    unsigned count = 0;
    bool escaped = false;
    while (at < end && *at == ';') {
        struct part name = {at + 1, skip(at + 1, end, URI_PARAMETER)};
        if (name.at == name.end || count == MAX_PARAMETERS) {
            return NULL;
        }
        escaped |= memchr(name.at, '%', part_size(name)) != NULL;
        for (unsigned before = 0; before < count; before++) {
            if (same_uri_name(names[before], name)) {
                return NULL;
            }
        }
        names[count++] = name;
        at = name.end;
        if (at < end && *at == '=') {
            at = skip(at + 1, end, URI_PARAMETER);
        }
    }
    return escaped && count > 1 ? NULL : at;
}

/* A sip: or sips: URI without header fields, whole. */
static bool read_sip_uri(struct part uri)
{
    const byte *at = uri.at, *end = uri.end;
    static const char sip[] = "sip";
    for (unsigned letter = 0; letter < 3; letter++, at++) {
        if (at == end || lower(*at) != (byte)sip[letter]) {
            return false;
        }
    }
    at += at < end && lower(*at) == 's';
    if (at == end || *at != ':') {
        return false;
    }
    at++;
    const byte *user = skip(at, end, USER);
    if (user > at && user < end && *user == ':') {
        user = skip(user + 1, end, PASSWORD);
    }
    if (user > at && user < end && *user == '@') {
        at = user + 1;
    }
    struct part host;
    long port;
    at = read_host_port(at, end, &host, &port);
    at = at == NULL ? NULL : read_uri_parameters(at, end);
    return at == end && escapes_are_whole(uri.at, end);
}

bool read_request_line(struct part line, struct part *method, struct part *uri)
{
    static const char version[] = " SIP/2.0";
    const byte *at = skip(line.at, line.end, TOKEN);
    *method = (struct part){line.at, at};
    if (method->at == at || line.end - at < 9 || *at != ' ' || memcmp(line.end - 8, version, 8) != 0) {
        return false;
    }
    *uri = (struct part){at + 1, line.end - 8};
    return read_sip_uri(*uri);
}

long read_status_line(struct part line, struct part *reason)
{
    if (part_size(line) < 12 || memcmp(line.at, "SIP/2.0 ", 8) != 0 || line.at[11] != ' ') {
        return -1;
    }
    long status = (long)read_number((struct part){line.at + 8, line.at + 11}, 699);
    *reason = (struct part){line.at + 12, line.end};
    return status >= 100 ? status : -1;
}
