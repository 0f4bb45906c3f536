/* sipload: a caller and a callee in one process, with the proxy under test between them.
 *
 * Each call is INVITE, 100 (the proxy's), 180, 200, ACK, BYE, 200 over UDP: 13 datagrams through a proxy. Calls are
 * started at a fixed rate, or as fast as a window of calls in flight allows. With --proxy set to the callee's own
 * address the two sides talk directly, which shows what the generator itself costs.
 */
#include "wire.h"

#include <arpa/inet.h>
#include <err.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "report.h"

static const double T1 = 0.5, T2 = 4.0, SWEEP = 0.05; /* seconds; RFC 3261 §17.1.1.1, and how often timers are looked at */
static const int RELEASES_A_SECOND = 2000; /* parked calls let go, so that the burst does not overrun the proxy's socket */

enum caller { IDLE, INVITING, PROCEEDING, HELD, ENDING };
enum callee { WAITING, RINGING, ANSWERED, CONFIRMED };
enum park { PARK_NOT, PARK_RINGING, PARK_ANSWERED };

struct call {
    unsigned serial; /* of the call that has this slot; part of its Call-ID */
    unsigned char caller, callee;
    double invited, give_up;          /* when the INVITE left; when the call counts as failed */
    double resend_at, resend_wait;    /* caller's request: Timers A and E */
    double answer_at, answer_wait;    /* callee's 200: RFC 3261 §13.3.1.4 */
    double hold_until;
    struct sockaddr_in hop, answer_to; /* where `request` and `answer` go */
    size_t request_length, answer_length;
    char request[MAX_DATAGRAM]; /* the caller's INVITE, then its BYE */
    char answer[MAX_DATAGRAM];  /* the callee's 200; its INVITE while ringing */
};

static struct options {
    struct sockaddr_in proxy, caller, callee;
    char proxy_text[32], caller_text[32], callee_text[32];
    unsigned long calls;
    double seconds, rate, hold, timeout;
    int window, show;
    enum park park;
    long long first_caller, callers, first_callee, callees;
} options = {.seconds = 5, .timeout = 10, .window = 64, .first_caller = 8613800000000LL, .callers = 1000,
             .first_callee = 8613900000000LL, .callees = 1000};

static struct wire caller_wire, callee_wire;
static struct call *calls;
static int *idle, idles, in_flight, parked;
static unsigned run;   /* keeps Call-IDs and branches of several runs apart */
static double now;          /* monotonic seconds, read once a turn */
static double release_from; /* when parked calls began to be let go; 0 before */
static double last_ending;  /* when the newest call to end did so */
static unsigned long released;
static struct tally tally;

static const char SDP[] = "v=0\r\no=- 20518 0 IN IP4 127.0.0.1\r\ns=call\r\nc=IN IP4 127.0.0.1\r\nb=AS:80\r\nt=0 0\r\n"
                          "m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
                          "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=maxptime:40\r\n"
                          "a=rtcp:40001 IN IP4 127.0.0.1\r\na=sendrecv\r\n";

static double clock_now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec * 1e-9;
}

static void put(struct wire *wire, const struct sockaddr_in *to, const struct text *text)
{
    if (text->full)
        errx(70, "a message outgrew its %d bytes", MAX_TEXT);
    wire_send(wire, to, text->at, text->length);
}

static void write_via(char *via, size_t room, const struct call *call, int slot, const char *method)
{
    snprintf(via, room, "SIP/2.0/UDP %s;branch=z9hG4bK%08x.%x.%x%.1s;rport", options.caller_text, run, slot,
             call->serial, method);
}

/* 18 header fields and SDP, about 1 KB: what an IMS-facing trunk sends. */
static void write_invite(struct text *text, const struct call *call, int slot)
{
    char via[128];
    long long caller = options.first_caller + (long long)call->serial % options.callers;
    long long callee = options.first_callee + (long long)call->serial % options.callees;
    write_via(via, sizeof via, call, slot, "INVITE");
    text_add(text, "INVITE sip:+%lld@%s SIP/2.0\r\nVia: %s\r\n", callee, options.proxy_text, via);
    text_add(text, "Max-Forwards: 70\r\nFrom: \"Caller\" <sip:+%lld@%s>;tag=c%x.%x\r\n", caller, options.caller_text,
             slot, call->serial);
    text_add(text, "To: <sip:+%lld@%s>\r\n", callee, options.proxy_text);
    text_add(text, "Call-ID: %08x-%x-%x@sipload\r\nCSeq: 1 INVITE\r\n", run, slot, call->serial);
    text_add(text, "Contact: <sip:+%lld@%s>\r\n", caller, options.caller_text);
    text_add(text, "P-Asserted-Identity: <sip:+%lld@%s>\r\n", caller, options.caller_text);
    text_add(text, "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO\r\nSupported: timer, replaces\r\n"
                   "Session-Expires: 1800\r\nMin-SE: 90\r\n"
                   "User-Agent: sipload trunk gateway\r\nOrganization: Example Call Centre\r\n"
                   "Date: Mon, 02 Mar 2026 08:00:00 GMT\r\nContent-Disposition: session\r\n"
                   "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s", sizeof SDP - 1, SDP);
}

static void start_call(void)
{
    struct text text = {.length = 0};
    int slot = idle[--idles];
    struct call *call = &calls[slot];
    call->serial = (unsigned)tally.started++;
    call->caller = INVITING;
    call->callee = WAITING;
    call->invited = now;
    call->give_up = now + options.timeout;
    call->resend_wait = T1;
    call->resend_at = now + T1;
    call->hop = options.proxy;
    in_flight++;
    write_invite(&text, call, slot);
    put(&caller_wire, &call->hop, &text);
    memcpy(call->request, text.at, text.length);
    call->request_length = text.length;
    if (text.length > tally.invite_bytes)
        tally.invite_bytes = text.length;
}

static void end_call(struct call *call, unsigned long *counter)
{
    (*counter)++;
    last_ending = now;
    call->caller = IDLE;
    call->callee = WAITING;
    idle[idles++] = (int)(call - calls);
    in_flight--;
}

static struct call *find_call(const struct message *message)
{
    unsigned its_run, slot, serial;
    char id[64];
    if (message->call_id.length >= sizeof id)
        return NULL;
    memcpy(id, message->call_id.at, message->call_id.length);
    id[message->call_id.length] = 0;
    if (sscanf(id, "%x-%x-%x@sipload", &its_run, &slot, &serial) != 3 || its_run != run ||
        slot >= (unsigned)options.window || calls[slot].serial != serial || calls[slot].caller == IDLE)
        return NULL;
    return &calls[slot];
}

static void send_ack(struct call *call, const struct message *answer)
{
    struct text text = {.length = 0};
    struct sockaddr_in hop = {0};
    char via[128];
    write_via(via, sizeof via, call, (int)(call - calls), "ACK");
    if (write_in_dialog(&text, &hop, answer, "ACK", 1, via) == 0)
        put(&caller_wire, &hop, &text);
}

static void send_bye(struct call *call)
{
    call->caller = ENDING;
    call->give_up = now + options.timeout;
    call->resend_wait = T1;
    call->resend_at = now + T1;
    wire_send(&caller_wire, &call->hop, call->request, call->request_length);
}

static void take_answer(struct call *call, const struct message *answer)
{
    struct text bye = {.length = 0};
    char via[128];
    if (call->caller == INVITING || call->caller == PROCEEDING) {
        sample(&tally.to_final, now - call->invited);
        write_via(via, sizeof via, call, (int)(call - calls), "BYE");
        if (write_in_dialog(&bye, &call->hop, answer, "BYE", 2, via) < 0 || bye.full) {
            warnx("a 200 to INVITE without a usable Contact or Record-Route");
            end_call(call, &tally.failed);
            return;
        }
        memcpy(call->request, bye.at, bye.length);
        call->request_length = bye.length;
        send_ack(call, answer);
        call->caller = HELD;
        call->hold_until = now + options.hold;
        if (options.park == PARK_ANSWERED)
            parked++;
        else if (options.hold <= 0)
            send_bye(call);
    } else {
        tally.repeated++;
        send_ack(call, answer); /* a 2xx again: the ACK again (RFC 3261 §13.2.2.4) */
    }
}

static void take_refusal(struct call *call, const struct message *refusal)
{
    struct text ack = {.length = 0};
    write_refusal_ack(&ack, refusal);
    put(&caller_wire, &options.proxy, &ack);
    if (!call || (call->caller != INVITING && call->caller != PROCEEDING)) {
        tally.repeated++; /* the call ended, or went on, with the first copy */
        return;
    }
    sample(&tally.to_final, now - call->invited);
    end_call(call, &tally.rejected[refusal->status]);
}

static void caller_gets(const struct message *message)
{
    struct call *call = find_call(message);
    if (message_is(message, "INVITE") && message->status >= 300)
        take_refusal(call, message);
    else if (!call || !message->status)
        tally.stray++;
    else if (message_is(message, "INVITE") && message->status < 200)
        call->caller = call->caller == INVITING ? PROCEEDING : call->caller;
    else if (message_is(message, "INVITE"))
        take_answer(call, message);
    else if (message_is(message, "BYE") && message->status >= 200 && call->caller == ENDING)
        end_call(call, message->status < 300 ? &tally.completed : &tally.failed);
}

static void respond(const struct message *request, const struct sockaddr_in *to, int status, const char *phrase,
                    struct call *keep)
{
    struct text text = {.length = 0};
    char contact[64] = "", tag[24];
    int is_invite = message_is(request, "INVITE");
    if (is_invite)
        snprintf(contact, sizeof contact, "sip:callee@%s", options.callee_text);
    snprintf(tag, sizeof tag, "s%x", keep ? keep->serial : 0);
    write_response(&text, request, status, phrase, tag, is_invite ? contact : NULL,
                   is_invite && status == 200 ? SDP : NULL);
    put(&callee_wire, to, &text);
    if (keep && is_invite && status == 200) {
        memcpy(keep->answer, text.at, text.length);
        keep->answer_length = text.length;
        keep->answer_to = *to;
    }
}

static void pick_up(struct call *call, const struct message *invite, const struct sockaddr_in *from)
{
    respond(invite, from, 200, "OK", call);
    call->callee = ANSWERED;
    call->answer_wait = T1;
    call->answer_at = now + T1;
}

static void ring(struct call *call, const struct message *invite, const struct sockaddr_in *from, const char *data,
                 size_t length)
{
    sample(&tally.to_callee, now - call->invited);
    if (length > tally.forwarded_bytes)
        tally.forwarded_bytes = length;
    respond(invite, from, 180, "Ringing", call);
    if (options.park != PARK_RINGING) {
        pick_up(call, invite, from);
        return;
    }
    memcpy(call->answer, data, length);
    call->answer_length = length;
    call->answer_to = *from;
    call->callee = RINGING;
    parked++;
}

static void callee_gets(const struct message *message, const struct sockaddr_in *from, const char *data, size_t length)
{
    struct call *call = find_call(message);
    if (message->status) {
        tally.stray++;
    } else if (message_is(message, "INVITE")) {
        if (!call)
            tally.stray++;
        else if (call->callee == WAITING)
            ring(call, message, from, data, length);
        else {
            tally.repeated++;
            if (call->callee == ANSWERED)
                wire_send(&callee_wire, &call->answer_to, call->answer, call->answer_length);
        }
    } else if (message_is(message, "ACK")) {
        if (call && call->callee == ANSWERED)
            call->callee = CONFIRMED;
        else
            tally.stray++;
    } else {
        if (call && message_is(message, "BYE")) {
            tally.unacknowledged += call->callee == ANSWERED;
            tally.repeated += call->callee == WAITING;
            call->callee = WAITING;
        }
        respond(message, from, 200, "OK", call); /* BYE of this call or an old one, and a proxy's OPTIONS probe */
    }
}

static void drain(struct wire *wire)
{
    struct message message;
    int count = wire_receive(wire);
    now = clock_now();
    for (int i = 0; i < count; i++) {
        const char *data = wire->in_data[i];
        size_t length = wire->in[i].msg_len;
        if (message_scan(data, length, &message) < 0)
            tally.stray++;
        else if (wire == &caller_wire)
            caller_gets(&message);
        else
            callee_gets(&message, &wire->in_from[i], data, length);
    }
}

static void resend_request(struct call *call)
{
    if (call->caller != INVITING && call->caller != ENDING)
        return;
    if (now < call->resend_at)
        return;
    if (call->caller == INVITING)
        tally.resent_invite++;
    else
        tally.resent_bye++;
    call->resend_wait *= 2;
    if (call->caller == ENDING && call->resend_wait > T2)
        call->resend_wait = T2;
    call->resend_at = now + call->resend_wait;
    wire_send(&caller_wire, &call->hop, call->request, call->request_length);
}

static void resend_answer(struct call *call)
{
    if (call->callee != ANSWERED || now < call->answer_at)
        return;
    tally.resent_answer++;
    call->answer_wait = call->answer_wait * 2 > T2 ? T2 : call->answer_wait * 2;
    call->answer_at = now + call->answer_wait;
    wire_send(&callee_wire, &call->answer_to, call->answer, call->answer_length);
}

static int may_release(void)
{
    return release_from > 0 && (double)released < (now - release_from) * RELEASES_A_SECOND;
}

static void let_go(struct call *call)
{
    struct message invite;
    if (options.park == PARK_RINGING && call->callee == RINGING && may_release()) {
        if (message_scan(call->answer, call->answer_length, &invite) < 0)
            errx(70, "a parked INVITE cannot be read again");
        struct sockaddr_in to = call->answer_to;
        pick_up(call, &invite, &to); /* reads all of `invite` before the 200 takes its place in `answer` */
        call->give_up = now + options.timeout;
        released++;
    } else if (call->caller == HELD && options.park == PARK_ANSWERED && may_release()) {
        send_bye(call);
        released++;
    } else if (call->caller == HELD && options.park != PARK_ANSWERED && now >= call->hold_until) {
        send_bye(call);
    }
}

static void sweep(void)
{
    for (int slot = 0; slot < options.window; slot++) {
        struct call *call = &calls[slot];
        if (call->caller == IDLE)
            continue;
        resend_request(call);
        resend_answer(call);
        let_go(call);
        if (now >= call->give_up && call->caller != HELD && call->callee != RINGING)
            end_call(call, &tally.failed);
    }
}

static void wait_for_datagrams(double seconds)
{
    struct pollfd files[2] = {{.fd = caller_wire.socket, .events = POLLIN}, {.fd = callee_wire.socket, .events = POLLIN}};
    struct timespec wait = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    ppoll(files, 2, &wait, NULL);
}

/* Once all calls are parked: say so, and go on at the first byte (or the end) of standard input. */
static void park_or_release(void)
{
    static int said;
    if (options.park == PARK_NOT || release_from > 0)
        return;
    if (!said && (unsigned long)parked + tally.failed >= options.calls) {
        printf("{\"parked\":%d}\n", parked);
        fflush(stdout);
        said = 1;
    }
    struct pollfd input = {.fd = 0, .events = POLLIN};
    if (said && poll(&input, 1, 0) > 0)
        release_from = now;
}

/* Start what is due; returns how long nothing more will be (seconds). */
static double start_due_calls(double began)
{
    double wait = SWEEP;
    for (int burst = 0; burst < BATCH; burst++) {
        double due = began + (double)tally.started / options.rate;
        if (options.calls ? tally.started >= options.calls : now - began >= options.seconds)
            return wait;
        if (options.rate > 0 && due > now)
            return due - now < wait ? due - now : wait;
        if (!idles)
            return wait;
        start_call();
    }
    return 0;
}

static double play(void)
{
    double began = clock_now(), swept = began;
    now = began;
    for (;;) {
        double wait = start_due_calls(began);
        wire_flush(&caller_wire);
        wire_flush(&callee_wire);
        int finished = options.calls ? tally.started >= options.calls : now - began >= options.seconds;
        if (finished && !in_flight)
            return last_ending - began;
        wait_for_datagrams(wait);
        drain(&callee_wire);
        drain(&caller_wire);
        if (now - swept >= SWEEP) {
            swept = now;
            sweep();
            park_or_release();
        }
    }
}

static void usage(void)
{
    fprintf(stderr, "usage: sipload --proxy H:P --caller H:P --callee H:P [--calls N | --seconds S] [--rate R]\n"
                    "  [--window N] [--hold S] [--timeout S] [--park ringing|answered]\n"
                    "  [--first-caller N] [--callers N] [--first-callee N] [--callees N]\n"
                    "  --show: print the first INVITE instead of sending it\n");
    exit(64);
}

static void keep_address(struct sockaddr_in *address, char *text, size_t room)
{
    *address = address_or_die(optarg);
    snprintf(text, room, "%s", optarg);
}

static void read_options(int count, char **words)
{
    static const struct option names[] = {
        {"proxy", 1, 0, 'p'}, {"caller", 1, 0, 'a'}, {"callee", 1, 0, 'b'}, {"calls", 1, 0, 'n'},
        {"seconds", 1, 0, 's'}, {"rate", 1, 0, 'r'}, {"window", 1, 0, 'w'}, {"hold", 1, 0, 'h'},
        {"timeout", 1, 0, 't'}, {"park", 1, 0, 'k'}, {"first-caller", 1, 0, 'c'}, {"callers", 1, 0, 'C'},
        {"first-callee", 1, 0, 'd'}, {"callees", 1, 0, 'D'}, {"show", 0, 0, 'v'}, {0, 0, 0, 0}};
    for (int name; (name = getopt_long(count, words, "", names, NULL)) != -1;)
        switch (name) {
        case 'p': keep_address(&options.proxy, options.proxy_text, sizeof options.proxy_text); break;
        case 'a': keep_address(&options.caller, options.caller_text, sizeof options.caller_text); break;
        case 'b': keep_address(&options.callee, options.callee_text, sizeof options.callee_text); break;
        case 'n': options.calls = strtoul(optarg, NULL, 10); break;
        case 's': options.seconds = atof(optarg); break;
        case 'r': options.rate = atof(optarg); break;
        case 'w': options.window = atoi(optarg); break;
        case 'h': options.hold = atof(optarg); break;
        case 't': options.timeout = atof(optarg); break;
        case 'k': options.park = strcmp(optarg, "ringing") == 0 ? PARK_RINGING : PARK_ANSWERED; break;
        case 'c': options.first_caller = atoll(optarg); break;
        case 'C': options.callers = atoll(optarg); break;
        case 'd': options.first_callee = atoll(optarg); break;
        case 'D': options.callees = atoll(optarg); break;
        case 'v': options.show = 1; break;
        default: usage();
        }
    if (!*options.proxy_text || !*options.caller_text || !*options.callee_text || options.window < 1 ||
        options.callers < 1 || options.callees < 1)
        usage();
    if (options.park != PARK_NOT && (!options.calls || options.calls > (unsigned long)options.window))
        errx(64, "--park needs --calls, and a --window that holds them all");
}

int main(int count, char **words)
{
    struct timespec at;
    read_options(count, words);
    clock_gettime(CLOCK_REALTIME, &at);
    run = (unsigned)(at.tv_sec * 1000003L + at.tv_nsec) ^ (unsigned)getpid();
    calls = calloc((size_t)options.window, sizeof *calls);
    idle = calloc((size_t)options.window, sizeof *idle);
    if (!calls || !idle)
        err(71, "no memory for calls");
    while (idles < options.window) {
        idle[idles] = options.window - 1 - idles;
        idles++;
    }
    if (options.show) {
        struct text text = {.length = 0};
        write_invite(&text, calls, 0);
        return fwrite(text.at, 1, text.length, stdout) == text.length ? 0 : 74;
    }
    wire_open(&caller_wire, &options.caller);
    wire_open(&callee_wire, &options.callee);
    double wall = play();
    tally.dropped = caller_wire.dropped + callee_wire.dropped;
    report(&tally, wall);
    return 0;
}
