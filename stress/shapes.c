/* Producers and consumers in all shapes, over ConcurrencyKit's rings and fifos: with ROOST_TEST_API_ONLY on the roost_ names. Rounds
 * of one shape, one transport, some threads and some profile of sizes follow each other until the time is up. In each,
 * threads make blocks, send them, hold some back, resize some, pass some on, check each and free it. When a round is over and
 * its threads are joined, not one of its bytes may be allocated.
 *
 *   --shape 1:1|1:N|N:1|N:M|ring|mesh   this one only
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "transport.h"

#include "figures.h"

enum { THREADS_MOST = 64, CAPACITY = 256, QUOTA = 20000, QUOTA_SLOW = 2000, STASH = 48, HOPS = 12 };

enum shape { ONE_TO_ONE, ONE_TO_MANY, MANY_TO_ONE, MANY_TO_MANY, RING, MESH, SHAPES };

static const char *const shape_name[SHAPES] = {"1:1", "1:N", "N:1", "N:M", "ring", "mesh"};

struct worker {
    struct tally tally;
    struct round *round;
    uint64_t random;
    struct channel **in, **out;
    unsigned ins, outs;
    unsigned quota;       /* blocks still to be made */
    struct message *held; /* made and not sent, for want of room */
    struct message *stash[STASH];
    struct limbo limbo;
    pthread_t thread;
};

struct round {
    enum shape shape;
    enum transport transport;
    enum size_profile profile;
    size_t one_size;
    unsigned threads;
    struct worker *worker;
    struct channel **channel;
    unsigned channels;
    _Atomic unsigned making; /* threads that may still send */
    pthread_barrier_t barrier;
};

static struct {
    uint64_t messages, bytes, peak_live;
    unsigned long rounds;
} total;

/* --- what a thread does --- */

static bool send_somewhere(struct worker *w, struct message *m)
{
    return channel_send(w->out[random_below(&w->random, w->outs)], m);
}

/* Returns whether there was room. */
static bool produce(struct worker *w)
{
    struct round *round = w->round;
    if (w->held == NULL) {
        w->held = message_make(&w->tally, &w->random, size_of_profile(round->profile, round->one_size, &w->random));
        w->quota--;
    }
    if (!send_somewhere(w, w->held))
        return false;
    w->held = NULL;
    return true;
}

/* What becomes of a block that came in and was stashed for a while. */
static void dispose(struct worker *w, struct message *m, bool may_pass_on)
{
    struct round *round = w->round;
    if (one_in(&w->random, 16))
        m = message_resize(&w->tally, m, size_of_profile(round->profile, round->one_size, &w->random));
    if (may_pass_on && w->outs != 0 && m->hops < HOPS && one_in(&w->random, 2)) {
        m->hops++;
        if (send_somewhere(w, m))
            return;
    }
    message_end(&w->tally, &w->random, m);
}

/* Take in one block; it takes the place of another, which is then ended: so blocks are not freed in the order they came. */
static bool consume(struct worker *w, bool may_pass_on)
{
    void *got;
    if (!channel_receive(w->in[random_below(&w->random, w->ins)], &got, &w->limbo))
        return false;
    struct message **place = &w->stash[random_below(&w->random, STASH)];
    struct message *old = *place;
    *place = got;
    if (old != NULL)
        dispose(w, old, may_pass_on);
    return true;
}

static void end_what_is_left(struct worker *w)
{
    void *got;
    for (unsigned i = 0; i < w->ins; i++) {
        while (channel_receive(w->in[i], &got, &w->limbo))
            message_end(&w->tally, &w->random, got);
    }
    for (unsigned i = 0; i < STASH; i++) {
        if (w->stash[i] != NULL)
            message_end(&w->tally, &w->random, w->stash[i]);
    }
    if (w->held != NULL)
        message_end(&w->tally, &w->random, w->held);
}

static void *work(void *argument_of_it)
{
    struct worker *w = argument_of_it;
    struct round *round = w->round;
    pthread_barrier_wait(&round->barrier);
    bool making = w->outs != 0;
    while (making || (w->ins != 0 && atomic_load_explicit(&round->making, memory_order_relaxed) != 0)) {
        bool moved = false;
        if (making)
            moved = produce(w);
        for (size_t i = random_below(&w->random, 4); w->ins != 0 && i > 0; i--)
            moved |= consume(w, making);
        if (making && (w->quota == 0 || time_is_up())) {
            making = false;
            atomic_fetch_sub_explicit(&round->making, 1, memory_order_relaxed);
        }
        if (!moved)
            sched_yield();
    }
    pthread_barrier_wait(&round->barrier); /* nobody sends any more */
    end_what_is_left(w);
    pthread_barrier_wait(&round->barrier); /* nobody receives any more */
    limbo_empty(&w->limbo);
    return NULL;
}

/* --- who is connected with whom --- */

static struct channel *connect(struct round *round, bool many_senders, bool many_receivers)
{
    struct channel *c = channel_make(round->transport, many_senders, many_receivers, CAPACITY);
    round->channel[round->channels++] = c;
    return c;
}

static void sends_to(struct worker *w, struct channel *c)
{
    w->out[w->outs++] = c;
}

static void receives_from(struct worker *w, struct channel *c)
{
    w->in[w->ins++] = c;
}

/* `senders` threads, and all others receive, through one channel. */
static void wire_through_one(struct round *round, unsigned senders)
{
    struct channel *c = connect(round, senders > 1, round->threads - senders > 1);
    for (unsigned i = 0; i < round->threads; i++)
        (i < senders ? sends_to : receives_from)(&round->worker[i], c);
}

static void wire_two(struct round *round, unsigned from, unsigned to)
{
    struct channel *c = connect(round, false, false);
    sends_to(&round->worker[from], c);
    receives_from(&round->worker[to], c);
}

static void wire(struct round *round)
{
    unsigned threads = round->threads;
    switch (round->shape) {
    case ONE_TO_ONE:
        for (unsigned i = 0; i + 1 < threads; i += 2)
            wire_two(round, i, i + 1);
        break;
    case ONE_TO_MANY:
        wire_through_one(round, 1);
        break;
    case MANY_TO_ONE:
        if (one_in(&round->worker[0].random, 2)) {
            wire_through_one(round, threads - 1);
            break;
        }
        for (unsigned i = 1; i < threads; i++)
            wire_two(round, i, 0);
        break;
    case MANY_TO_MANY:
        wire_through_one(round, 1 + (unsigned)random_below(&round->worker[0].random, threads - 1));
        break;
    case RING:
        for (unsigned i = 0; i < threads; i++)
            wire_two(round, i, (i + 1) % threads);
        break;
    default:
        for (unsigned i = 0; i < threads; i++) {
            for (unsigned j = 0; j < threads; j++) {
                if (i != j)
                    wire_two(round, i, j);
            }
        }
        break;
    }
}

/* --- rounds --- */

static void round_prepare(struct round *round, uint64_t *random)
{
    unsigned threads = round->threads;
    round->worker = rt.aligned_alloc(64, threads * sizeof *round->worker);
    round->channel = rt.calloc(threads * threads + 1, sizeof *round->channel);
    CHECK(round->worker != NULL && round->channel != NULL);
    memset(round->worker, 0, threads * sizeof *round->worker);
    for (unsigned i = 0; i < threads; i++) {
        struct worker *w = &round->worker[i];
        w->round = round;
        w->random = random_next(random);
        w->quota = TEST_SANITIZED ? QUOTA_SLOW : QUOTA;
        w->in = rt.calloc(threads, sizeof *w->in);
        w->out = rt.calloc(threads, sizeof *w->out);
        CHECK(w->in != NULL && w->out != NULL);
    }
    wire(round);
    /* Who sends into one ring waits for the one before it, which may have lost its core: with many it takes long. */
    if (round->channel[0]->many_senders) {
        for (unsigned i = 0; i < threads; i++)
            round->worker[i].quota = QUOTA_SLOW;
    }
    for (unsigned i = 0; i < threads; i++)
        round->making += round->worker[i].outs != 0;
    CHECK(pthread_barrier_init(&round->barrier, NULL, threads) == 0);
}

static uint64_t round_live(const struct round *round)
{
    uint64_t freed = 0, made = 0;
    for (unsigned i = 0; i < round->threads; i++)
        freed += atomic_load_explicit(&round->worker[i].tally.freed_bytes, memory_order_relaxed);
    for (unsigned i = 0; i < round->threads; i++)
        made += atomic_load_explicit(&round->worker[i].tally.made_bytes, memory_order_relaxed);
    return made - freed;
}

static void round_finish(struct round *round)
{
    for (unsigned i = 0; i < round->threads; i++) {
        struct worker *w = &round->worker[i];
        total.messages += w->tally.made;
        total.bytes += w->tally.made_bytes;
        rt.free(w->in);
        rt.free(w->out);
    }
    CHECK(round_live(round) == 0);
    for (unsigned i = 0; i < round->channels; i++)
        channel_end(round->channel[i]);
    pthread_barrier_destroy(&round->barrier);
    rt.free(round->channel);
    rt.free(round->worker);
    total.rounds++;
}

static void round_run(struct round *round, uint64_t *random)
{
    round_prepare(round, random);
    for (unsigned i = 0; i < round->threads; i++)
        round->worker[i].thread = thread_start(work, &round->worker[i]);
    while (atomic_load_explicit(&round->making, memory_order_relaxed) != 0) {
        uint64_t live = round_live(round);
        total.peak_live = live > total.peak_live ? live : total.peak_live;
        pause_us(2000);
    }
    for (unsigned i = 0; i < round->threads; i++)
        thread_finish(round->worker[i].thread);
    round_finish(round);
}

static bool shape_is_wanted(enum shape shape)
{
    return run.shape == NULL || strcmp(run.shape, shape_name[shape]) == 0;
}

int main(int argc, char **argv)
{
    roost_stats before;
    api_is_roost();
    run_begin("shapes", argc, argv, 8);
    unsigned most = run.threads < 2 ? 2 : run.threads > THREADS_MOST ? THREADS_MOST : run.threads;
    uint64_t random = run.seed;
    threads_warm(most);
    figures_take(&before);
    while (!time_is_up()) {
        struct round round = {.shape = (enum shape)random_below(&random, SHAPES),
                              .transport = (enum transport)random_below(&random, TRANSPORTS),
                              .profile = (enum size_profile)random_below(&random, SIZE_PROFILES),
                              .one_size = size_mixed(&random) % 70000 + 16,
                              .threads = 2 + (unsigned)random_below(&random, most - 1)};
        if (!shape_is_wanted(round.shape))
            continue;
        char when[96];
        snprintf(when, sizeof when, "round %lu, %s by %s, %u threads", total.rounds, shape_name[round.shape],
                 transport_name[round.transport], round.threads);
        round_run(&round, &random);
        figures_must_be(&before, when);
    }
    figures_must_be_home(&before);
    printf("shapes: %llu messages, %.0f MiB, %lu rounds; live at most %.1f MiB, peak RSS %.1f MiB, live at end 0\n",
           (unsigned long long)total.messages, mib(total.bytes), total.rounds, mib(total.peak_live),
           mib(status_bytes("VmHWM")));
    CHECK(total.rounds != 0);
    return 0;
}
