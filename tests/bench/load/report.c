#include "report.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

void sample(struct samples *samples, double seconds)
{
    if (samples->count == samples->room) {
        samples->room = samples->room ? samples->room * 2 : 4096;
        samples->at = realloc(samples->at, samples->room * sizeof *samples->at);
        if (!samples->at)
            err(71, "no memory for samples");
    }
    samples->at[samples->count++] = (float)(seconds * 1e6);
}

static int by_size(const void *left, const void *right)
{
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

static void print_samples(const char *name, struct samples *samples)
{
    size_t last = samples->count - 1;
    if (!samples->count)
        return;
    qsort(samples->at, samples->count, sizeof *samples->at, by_size);
    printf(",\"%s\":{\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}", name, samples->at[last / 2],
           samples->at[(size_t)((double)last * 0.99)], samples->at[last]);
}

void report(struct tally *t, double wall)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    double cpu = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                 (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6;
    const char *comma = "";
    printf("{\"started\":%lu,\"completed\":%lu,\"failed\":%lu,\"rejected\":{", t->started, t->completed, t->failed);
    for (int status = 300; status < 700; status++)
        if (t->rejected[status]) {
            printf("%s\"%d\":%lu", comma, status, t->rejected[status]);
            comma = ",";
        }
    printf("},\"resent\":{\"invite\":%lu,\"bye\":%lu,\"answer\":%lu},\"repeated\":%lu,\"stray\":%lu,"
           "\"unacknowledged\":%lu,\"dropped\":%lu,\"wall_seconds\":%.6f,\"generator_cpu_seconds\":%.6f,"
           "\"invite_bytes\":%zu,\"forwarded_bytes\":%zu",
           t->resent_invite, t->resent_bye, t->resent_answer, t->repeated, t->stray, t->unacknowledged, t->dropped,
           wall, cpu, t->invite_bytes, t->forwarded_bytes);
    print_samples("to_callee_us", &t->to_callee);
    print_samples("to_final_us", &t->to_final);
    printf("}\n");
}
