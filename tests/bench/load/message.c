#include "message.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct slice trimmed(const char *from, const char *end)
{
    while (from < end && (*from == ' ' || *from == '\t'))
        from++;
    while (end > from && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (struct slice){from, (size_t)(end - from)};
}

static int named(struct slice name, const char *full, const char *compact)
{
    return (name.length == strlen(full) && strncasecmp(name.at, full, name.length) == 0) ||
           (compact && name.length == 1 && strncasecmp(name.at, compact, 1) == 0);
}

static int read_start_line(struct message *m, const char *line, const char *end)
{
    const char *space = memchr(line, ' ', (size_t)(end - line));
    if (!space)
        return -1;
    if (strncmp(line, "SIP/2.0 ", 8) == 0) {
        m->status = atoi(line + 8);
        return m->status >= 100 && m->status < 700 ? 0 : -1;
    }
    m->method = (struct slice){line, (size_t)(space - line)};
    return 0;
}

static int keep_line(struct slice *lines, int *count, struct slice value)
{
    if (*count == MAX_LINES)
        return -1;
    lines[(*count)++] = value;
    return 0;
}

static int keep_field(struct message *m, struct slice name, struct slice value)
{
    if (named(name, "Via", "v"))
        return keep_line(m->via, &m->vias, value);
    if (named(name, "Record-Route", NULL))
        return keep_line(m->record_route, &m->record_routes, value);
    if (named(name, "From", "f"))
        m->from = value;
    else if (named(name, "To", "t"))
        m->to = value;
    else if (named(name, "Call-ID", "i"))
        m->call_id = value;
    else if (named(name, "CSeq", NULL))
        m->cseq = value;
    else if (named(name, "Contact", "m"))
        m->contact = value;
    return 0;
}

/* Returns 0, or -1 for anything a call cannot be played with. Folded lines are not understood: neither side here
 * writes them, and a proxy has no reason to. */
int message_scan(const char *data, size_t length, struct message *m)
{
    memset(m, 0, sizeof *m);
    const char *at = data, *end = data + length;
    for (int first = 1; at < end; first = 0) {
        const char *stop = memchr(at, '\r', (size_t)(end - at));
        if (!stop || stop + 1 == end || stop[1] != '\n')
            return -1;
        if (stop == at)
            break;
        if (first) {
            if (read_start_line(m, at, stop) < 0)
                return -1;
        } else {
            const char *colon = memchr(at, ':', (size_t)(stop - at));
            if (!colon || keep_field(m, trimmed(at, colon), trimmed(colon + 1, stop)) < 0)
                return -1;
        }
        at = stop + 2;
    }
    if (!m->vias || !m->from.at || !m->to.at || !m->call_id.at || !m->cseq.at)
        return -1;
    if (m->status) {
        const char *space = memchr(m->cseq.at, ' ', m->cseq.length);
        if (!space)
            return -1;
        m->method = trimmed(space, m->cseq.at + m->cseq.length);
    }
    return 0;
}

int message_is(const struct message *m, const char *method)
{
    return m->method.length == strlen(method) && memcmp(m->method.at, method, m->method.length) == 0;
}

void text_append(struct text *text, const char *at, size_t length)
{
    if (text->length + length > sizeof text->at) {
        text->full = 1;
        return;
    }
    memcpy(text->at + text->length, at, length);
    text->length += length;
}

void text_add(struct text *text, const char *format, ...)
{
    va_list arguments;
    size_t room = sizeof text->at - text->length;
    va_start(arguments, format);
    int wrote = vsnprintf(text->at + text->length, room, format, arguments);
    va_end(arguments);
    if (wrote < 0 || (size_t)wrote >= room)
        text->full = 1;
    else
        text->length += (size_t)wrote;
}

static void add_field(struct text *text, const char *name, struct slice value)
{
    text_append(text, name, strlen(name));
    text_append(text, ": ", 2);
    text_append(text, value.at, value.length);
    text_append(text, "\r\n", 2);
}

static int has_tag(struct slice value)
{
    const char *close = memchr(value.at, '>', value.length);
    const char *from = close ? close : value.at;
    return memmem(from, (size_t)(value.at + value.length - from), ";tag=", 5) != NULL;
}

void write_response(struct text *text, const struct message *request, int status, const char *phrase,
                    const char *to_tag, const char *contact, const char *body)
{
    text_add(text, "SIP/2.0 %d %s\r\n", status, phrase);
    for (int i = 0; i < request->vias; i++)
        add_field(text, "Via", request->via[i]);
    for (int i = 0; i < request->record_routes; i++)
        add_field(text, "Record-Route", request->record_route[i]);
    add_field(text, "From", request->from);
    text_add(text, "To: %.*s%s%s\r\n", (int)request->to.length, request->to.at, has_tag(request->to) ? "" : ";tag=",
             has_tag(request->to) ? "" : to_tag);
    add_field(text, "Call-ID", request->call_id);
    add_field(text, "CSeq", request->cseq);
    if (contact)
        text_add(text, "Contact: <%s>\r\n", contact);
    if (body)
        text_add(text, "Content-Type: application/sdp\r\n");
    text_add(text, "Content-Length: %zu\r\n\r\n%s", body ? strlen(body) : 0, body ? body : "");
}

/* The URI inside <>, or the bare value up to its first parameter. */
static struct slice uri_of(struct slice value)
{
    const char *end = value.at + value.length;
    const char *open = memchr(value.at, '<', value.length);
    if (open) {
        const char *close = memchr(open, '>', (size_t)(end - open));
        return (struct slice){open + 1, close ? (size_t)(close - open - 1) : 0};
    }
    const char *stop = memchr(value.at, ';', value.length);
    return (struct slice){value.at, (size_t)((stop ? stop : end) - value.at)};
}

/* sip:[user@]a.b.c.d[:port][;parameters] to an address; names are not looked up. */
static int address_of(struct slice uri, struct sockaddr_in *address)
{
    char host[64];
    if (uri.length < 5 || strncasecmp(uri.at, "sip:", 4) != 0)
        return -1;
    const char *end = uri.at + uri.length, *at = uri.at + 4, *user = memchr(at, '@', uri.length - 4);
    if (user)
        at = user + 1;
    size_t length = 0;
    while (at + length < end && !strchr(":;?", at[length]))
        length++;
    if (length == 0 || length >= sizeof host)
        return -1;
    memcpy(host, at, length);
    host[length] = 0;
    address->sin_family = AF_INET;
    address->sin_port = htons(at + length < end && at[length] == ':' ? (uint16_t)atoi(at + length + 1) : 5060);
    return inet_pton(AF_INET, host, &address->sin_addr) == 1 ? 0 : -1;
}

/* Record-Route values in the order a caller walks them: last one first (RFC 3261 §12.1.2). */
static int route_set(const struct message *answer, struct slice *routes)
{
    int count = 0;
    for (int line = answer->record_routes - 1; line >= 0; line--) {
        struct slice value = answer->record_route[line];
        int first = count, inside = 0;
        const char *from = value.at, *end = value.at + value.length;
        for (const char *at = from; at <= end; at++) {
            if (at < end && *at == '<')
                inside = 1;
            if (at < end && *at == '>')
                inside = 0;
            if (at == end || (*at == ',' && !inside)) {
                if (count == MAX_LINES)
                    return -1;
                routes[count++] = trimmed(from, at);
                from = at + 1;
            }
        }
        for (int low = first, high = count - 1; low < high; low++, high--) {
            struct slice swap = routes[low];
            routes[low] = routes[high];
            routes[high] = swap;
        }
    }
    return count;
}

int write_in_dialog(struct text *text, struct sockaddr_in *hop, const struct message *answer, const char *method,
                    int cseq, const char *via)
{
    struct slice routes[MAX_LINES];
    int count = route_set(answer, routes);
    if (count < 0 || !answer->contact.at)
        return -1;
    struct slice target = uri_of(answer->contact), next = count ? uri_of(routes[0]) : target;
    /* A first Route without ;lr asks for strict routing, which nothing under test here may do. */
    if (address_of(next, hop) < 0 || (count && !memmem(next.at, next.length, ";lr", 3)))
        return -1;
    text_add(text, "%s %.*s SIP/2.0\r\nVia: %s\r\nMax-Forwards: 70\r\n", method, (int)target.length, target.at, via);
    for (int i = 0; i < count; i++)
        add_field(text, "Route", routes[i]);
    add_field(text, "From", answer->from);
    add_field(text, "To", answer->to);
    add_field(text, "Call-ID", answer->call_id);
    text_add(text, "CSeq: %d %s\r\nContent-Length: 0\r\n\r\n", cseq, method);
    return 0;
}

void write_refusal_ack(struct text *text, const struct message *refusal)
{
    struct slice target = uri_of(refusal->to);
    text_add(text, "ACK %.*s SIP/2.0\r\n", (int)target.length, target.at);
    add_field(text, "Via", refusal->via[0]);
    text_add(text, "Max-Forwards: 70\r\n");
    add_field(text, "From", refusal->from);
    add_field(text, "To", refusal->to);
    add_field(text, "Call-ID", refusal->call_id);
    text_add(text, "CSeq: %d ACK\r\nContent-Length: 0\r\n\r\n", atoi(refusal->cseq.at));
}
