/* What a run counted, and its JSON. */
#ifndef SIPLOAD_REPORT_H
#define SIPLOAD_REPORT_H

#include <stddef.h>

struct samples {
    float *at; /* microseconds */
    size_t count, room;
};

struct tally {
    unsigned long started, completed, failed, rejected[700];
    unsigned long resent_invite, resent_bye, resent_answer; /* by the generator's own timers */
    unsigned long repeated;     /* retransmissions that came in from the proxy */
    unsigned long stray;        /* messages of no call in progress */
    unsigned long unacknowledged; /* calls whose BYE came before their ACK */
    unsigned long dropped;
    size_t invite_bytes, forwarded_bytes; /* the largest INVITE sent by the caller, and seen by the callee */
    struct samples to_callee, to_final;   /* INVITE sent until it reaches the callee, until the final response */
};

void sample(struct samples *samples, double seconds);
void report(struct tally *tally, double wall_seconds);

#endif
