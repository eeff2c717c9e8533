/* How much memory an allocator needs where some threads only allocate and others only free, at full speed: with
 * ROOST_TEST_API_ONLY on the roost_ names. Blocks go through bounded rings; what is live is what was made and not yet freed, known
 * at any time. The peak of resident memory must stay within 1.5 times the peak of that, and 32 MiB. Each shape runs in a process
 * of its own, one after the other.
 *
 *   --shape 1:1|1:8|8:1   this one only; else the time is shared out      --size N   of all blocks, else mixed
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "transport.h"

#include <sys/wait.h>

enum { CAPACITY = 4096, RINGS_MOST = 8, THREADS_MOST = 16, ALLOWED_MIB = 32 };

struct shape {
    const char *name;
    unsigned makers, enders;
};

static const struct shape shapes[] = {{"1:1", 1, 1}, {"1:8", 1, 8}, {"8:1", 8, 1}};

enum { SHAPES = sizeof shapes / sizeof *shapes };

/* One of a thread; aligned, so that tallies are apart. */
struct worker {
    _Alignas(128) struct tally tally;
    struct channel *channel[RINGS_MOST]; /* makers use the first alone */
    unsigned channels;
    uint64_t random;
    pthread_t thread;
};

static struct worker worker[THREADS_MOST];
static _Atomic unsigned making;

static void *make_on(void *argument_of_it)
{
    struct worker *w = argument_of_it;
    struct message *m = NULL;
    while (!time_is_up()) {
        for (int i = 0; i < 64; i++) {
            if (m == NULL)
                m = message_make(&w->tally, &w->random, size_of_profile(SIZES_MIXED, 0, &w->random));
            if (!channel_send(w->channel[0], m)) {
                sched_yield();
                break;
            }
            m = NULL;
        }
    }
    if (m != NULL)
        message_end(&w->tally, &w->random, m);
    atomic_fetch_sub_explicit(&making, 1, memory_order_release);
    return NULL;
}

/* Take in some of each ring. */
static bool end_some(struct worker *w, struct limbo *limbo)
{
    void *got;
    bool any = false;
    for (unsigned c = 0; c < w->channels; c++) {
        for (int i = 0; i < 64 && channel_receive(w->channel[c], &got, limbo); i++) {
            message_end(&w->tally, &w->random, got);
            any = true;
        }
    }
    return any;
}

static void *end_on(void *argument_of_it)
{
    struct limbo limbo = {NULL};
    for (;;) {
        bool last = atomic_load_explicit(&making, memory_order_acquire) == 0;
        if (end_some(argument_of_it, &limbo))
            continue;
        if (last)
            return NULL;
        sched_yield();
    }
}

/* A ring for each maker: of many makers on one ring each would wait for the one before it, which may have lost its core. */
static void wire(const struct shape *shape)
{
    for (unsigned m = 0; m < shape->makers; m++) {
        struct channel *c = channel_make(TRANSPORT_RING, false, shape->enders > 1, CAPACITY / shape->makers);
        worker[m].channel[0] = c;
        for (unsigned i = shape->makers; i < shape->makers + shape->enders; i++)
            worker[i].channel[worker[i].channels++] = c;
    }
}

static uint64_t sum(size_t offset, unsigned threads)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < threads; i++)
        total += atomic_load_explicit((_Atomic uint64_t *)((char *)&worker[i].tally + offset), memory_order_relaxed);
    return total;
}

/* Made and not freed. What is freed is looked at first: so it is at least this. */
static uint64_t live_bytes(unsigned threads)
{
    uint64_t freed = sum(offsetof(struct tally, freed_bytes), threads);
    return sum(offsetof(struct tally, made_bytes), threads) - freed;
}

static bool report(const struct shape *shape, uint64_t begin, uint64_t peak_live, uint64_t live)
{
    unsigned threads = shape->makers + shape->enders;
    double seconds = (double)(now_ns() - begin) / 1e9;
    size_t peak = status_bytes("VmHWM");
    size_t allowed = peak_live + peak_live / 2 + ALLOWED_MIB * (size_t)1024 * 1024;
    uint64_t made = sum(offsetof(struct tally, made), threads);
    printf(
        "asymmetric %s: %.1f s, %llu blocks, %.2f million a second; live at most %.1f MiB, peak RSS %.1f MiB, allowed "
        "%.1f MiB; live at end %llu\n",
        shape->name, seconds, (unsigned long long)made, (double)made / seconds / 1e6, mib(peak_live), mib(peak),
        mib(allowed), (unsigned long long)live);
    fflush(stdout);
    return made != 0 && live == 0 && (TEST_SANITIZED || peak <= allowed);
}

static bool measure(const struct shape *shape, double seconds)
{
    unsigned threads = shape->makers + shape->enders;
    uint64_t begin = now_ns(), peak_live = 0;
    run.end = begin + (uint64_t)(seconds * 1e9);
    making = shape->makers;
    wire(shape);
    for (unsigned i = 0; i < threads; i++) {
        worker[i].random = mix(run.seed + i);
        worker[i].thread = thread_start(i < shape->makers ? make_on : end_on, &worker[i]);
    }
    while (atomic_load_explicit(&making, memory_order_relaxed) != 0) {
        uint64_t live = live_bytes(threads);
        peak_live = live > peak_live ? live : peak_live;
        pause_us(500);
    }
    for (unsigned i = 0; i < threads; i++)
        thread_finish(worker[i].thread);
    for (unsigned m = 0; m < shape->makers; m++)
        channel_end(worker[m].channel[0]);
    return report(shape, begin, peak_live, live_bytes(threads));
}

int main(int argc, char **argv)
{
    bool good = true;
    unsigned chosen = 0;
    run_begin("asymmetric", argc, argv, 9);
    api_is_roost();
    for (int i = 0; i < SHAPES; i++)
        chosen += run.shape == NULL || strcmp(run.shape, shapes[i].name) == 0;
    CHECK(chosen != 0);
    for (int i = 0; i < SHAPES; i++) {
        int status = -1;
        if (run.shape != NULL && strcmp(run.shape, shapes[i].name) != 0)
            continue;
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            _exit(!measure(&shapes[i], run.seconds / chosen));
        CHECK(waitpid(child, &status, 0) == child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            fprintf(stderr, "asymmetric %s: failed, status %d\n", shapes[i].name, status);
            good = false;
        }
    }
    return good ? 0 : 1;
}
