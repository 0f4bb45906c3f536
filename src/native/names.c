/* The names of header fields and their numbers: the twin is ringfence.sip.headers. */
#include "native.h"

struct name {
    const char *text; /* in lower case */
    unsigned char number;
};

static const struct name names[] = {
    {"via", 1},
    {"from", 2},
    {"to", 3},
    {"call-id", 4},
    {"cseq", 5},
    {"max-forwards", 6},
    {"route", 7},
    {"record-route", 8},
    {"contact", 9},
    {"content-length", 10},
    {"content-type", 11},
    {"require", 12},
    {"proxy-require", 13},
    {"supported", 14},
    {"unsupported", 15},
    {"p-asserted-identity", 16},
    {"p-preferred-identity", 17},
    {"remote-party-id", 18},
    {"privacy", 19},
    {"diversion", 20},
    {"history-info", 21},
    {"identity", 22},
    {"reason", 23},
    {"call-info", 24},
    {"retry-after", 25},
    {"proxy-authenticate", 26},
    {"www-authenticate", 27},
    {"timestamp", 28},
    {"max-breadth", 29},
    {"date", 30},
    {"expires", 31},
    {"session-expires", 32},
    {"min-se", 33},
    {"allow", 34},
    {"accept", 35},
    {"user-agent", 36},
    {"server", 37},
    {"warning", 38},
    {"subject", 39},
    {"content-encoding", 40},
    {"refer-to", 41},
    {"referred-by", 42},
    {"event", 43},
    {"allow-events", 44},
    {"accept-contact", 45},
    {"reject-contact", 46},
    {"request-disposition", 47},
    {"identity-info", 48},
    {"authorization", 49},
    {"proxy-authorization", 50},
    {"path", 51},
    {"service-route", 52},
    {"replaces", 53},
    {"rseq", 54},
    {"rack", 55},
    {"content-disposition", 56},
    {"p-charging-vector", 57},
    {"p-access-network-info", 58},
    {"p-early-media", 59},
    {"geolocation", 60},
    /* the compact forms of IANA's registry */
    {"v", 1},
    {"f", 2},
    {"t", 3},
    {"i", 4},
    {"m", 9},
    {"l", 10},
    {"c", 11},
    {"e", 40},
    {"k", 14},
    {"s", 39},
    {"y", 22},
    {"n", 48},
    {"x", 32},
    {"r", 41},
    {"b", 42},
    {"o", 43},
    {"u", 44},
    {"a", 45},
    {"j", 46},
    {"d", 47},
};

enum { SLOTS = 512, LONGEST = 21 };
_Static_assert(sizeof names / sizeof names[0] == NUMBERS - 1 + 20, "each number has a name, and 20 a compact form");

static struct slot {
    const char *text;
    unsigned char length; /* 0: free */
    unsigned char number;
} slots[SLOTS];

unsigned char token_lower[256];

static unsigned slot_of(unsigned char first, unsigned char middle, unsigned char last, size_t length)
{
    return (unsigned)(first * 5u + middle * 23u + last * 113u + length * 67u) % SLOTS;
}

void names_prepare(void)
{
    static const char others[] = "-.!%*_+`'~0123456789";
    for (unsigned byte = 'a'; byte <= 'z'; byte++) {
        token_lower[byte] = (unsigned char)byte;
        token_lower[byte - 'a' + 'A'] = (unsigned char)byte;
    }
    for (const char *other = others; *other; other++) {
        token_lower[(unsigned char)*other] = (unsigned char)*other;
    }
    memset(slots, 0, sizeof slots);
    for (size_t at = 0; at < sizeof names / sizeof names[0]; at++) {
        const unsigned char *text = (const unsigned char *)names[at].text;
        size_t length = strlen(names[at].text);
        unsigned slot = slot_of(text[0], text[length / 2], text[length - 1], length);
        while (slots[slot].length) {
            slot = (slot + 1) % SLOTS;
        }
        slots[slot] = (struct slot){names[at].text, (unsigned char)length, names[at].number};
    }
}

unsigned name_number(const unsigned char *name, size_t length)
{
    if (length == 0 || length > LONGEST) {
        return OTHER;
    }
    unsigned slot =
        slot_of(token_lower[name[0]], token_lower[name[length / 2]], token_lower[name[length - 1]], length);
    for (; slots[slot].length; slot = (slot + 1) % SLOTS) {
        if (slots[slot].length != length) {
            continue;
        }
        size_t at = 0;
        while (at < length && token_lower[name[at]] == (unsigned char)slots[slot].text[at]) {
            at++;
        }
        if (at == length) {
            return slots[slot].number;
        }
    }
    return OTHER;
}

bool name_begins(unsigned number, const unsigned char *lower_prefix, size_t length)
{
    if (number == OTHER || number >= NUMBERS) {
        return false;
    }
    const char *text = names[number - 1].text;
    return length <= strlen(text) && memcmp(text, lower_prefix, length) == 0;
}
