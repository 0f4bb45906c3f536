/* Just enough SIP to place and take calls: one pass over a message, and the texts that answer it. */
#ifndef SIPLOAD_MESSAGE_H
#define SIPLOAD_MESSAGE_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_LINES = 8, MAX_TEXT = 2048 };

struct slice {
    const char *at;
    size_t length;
};

/* What the generator reads of a message; slices point into the datagram. */
struct message {
    int status; /* 0 for a request */
    struct slice method; /* of the request, or of the CSeq of a response */
    struct slice from, to, call_id, cseq, contact;
    struct slice via[MAX_LINES], record_route[MAX_LINES]; /* whole values, one a header line */
    int vias, record_routes;
};

/* A text under construction; `full` once something did not fit. */
struct text {
    char at[MAX_TEXT];
    size_t length;
    int full;
};

int message_scan(const char *data, size_t length, struct message *message);
int message_is(const struct message *message, const char *method);
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_append(struct text *text, const char *at, size_t length);

/* A response to `request` by the callee: Vias, Record-Routes and the rest copied (RFC 3261 §8.2.6). */
void write_response(struct text *text, const struct message *request, int status, const char *phrase,
                    const char *to_tag, const char *contact, const char *body);

/* An in-dialog request of the caller, made from the 2xx that opened the dialog (RFC 3261 §12.2.1.1).
 * `hop` gets the address of the first Route, or of the remote target when there is none.
 * Returns 0, or -1 when the response names no usable hop. */
int write_in_dialog(struct text *text, struct sockaddr_in *hop, const struct message *answer, const char *method,
                    int cseq, const char *via);

/* The ACK to a final response of 300 or more: same branch, no Route (RFC 3261 §17.1.1.3). */
void write_refusal_ack(struct text *text, const struct message *refusal);

#endif
