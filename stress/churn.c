/* Threads that come and go all the time while blocks travel between them: with ROOST_TEST_API_ONLY on the roost_ names. Blocks lie on a
 * board where any thread takes and puts them, so they outlive the threads that made them, many times over. A pool of threads
 * grows and shrinks; chains of threads each start their successor, hand it blocks and end; crowds start at once and end at
 * once; destructors of thread-specific values allocate and free after the thread's own end. At last everything is freed, and
 * not a byte may be allocated, nor may there be more heaps than threads have been alive.
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "figures.h"
#include "message.h"

#include <semaphore.h>

enum { BOARD = 1024, LIVES = TEST_SANITIZED ? 100 : 1000, HANDED = 24, CHAINS = 2, DESTRUCTIONS = 3 };

/* One thread's life. Made by who starts the thread, freed by the thread. */
struct life {
    uint64_t random;
    struct chain *chain; /* NULL: not of a chain */
    _Atomic bool *ended; /* of a pool: set at the end */
    pthread_barrier_t *crowd;
    pthread_t predecessor; /* of a chain, when... */
    bool has_predecessor;
    unsigned handed;
    struct message *hand[HANDED];
};

struct chain {
    sem_t over;
    pthread_t last; /* when over */
};

/* What a destructor of thread-specific values finds. */
struct remains {
    unsigned destructions;
    uint64_t random;
    struct message *message;
};

static struct message *_Atomic board[BOARD];
static _Atomic bool stop;
static _Atomic uint64_t made, made_bytes, freed_bytes, threads_lived;
static _Atomic unsigned alive, alive_most;
static pthread_key_t key;

/* Each thread counts for itself and adds up at its end; live bytes are known when nobody lives. */
static void tally_close(const struct tally *tally)
{
    atomic_fetch_add_explicit(&made, tally->made, memory_order_relaxed);
    atomic_fetch_add_explicit(&made_bytes, tally->made_bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&freed_bytes, tally->freed_bytes, memory_order_relaxed);
}

/* Put a block, or NULL, on the board; what lay there is the caller's. */
static struct message *board_swap(uint64_t *random, struct message *m)
{
    return atomic_exchange_explicit(&board[random_below(random, BOARD)], m, memory_order_acq_rel);
}

static struct message *make(struct tally *tally, uint64_t *random)
{
    return message_make(tally, random, size_of_profile(SIZES_MIXED, 0, random));
}

/* --- one life --- */

static void live(struct tally *tally, uint64_t *random)
{
    for (size_t i = random_below(random, LIVES); i > 0; i--) {
        struct message *m = one_in(random, 8) ? NULL : make(tally, random);
        m = board_swap(random, m);
        if (m != NULL && one_in(random, 16))
            m = board_swap(random, message_resize(tally, m, size_of_profile(SIZES_MIXED, 0, random)));
        if (m != NULL)
            message_end(tally, random, m);
    }
}

/* Runs up to three times after the thread has ended, and so after roost's own hook at least once. */
static void destroy(void *value)
{
    struct remains *remains = value;
    struct tally tally = {.made = 0};
    struct message *m = board_swap(&remains->random, make(&tally, &remains->random));
    if (m != NULL)
        message_end(&tally, &remains->random, m);
    message_end(&tally, &remains->random, remains->message);
    remains->message = NULL;
    if (++remains->destructions < DESTRUCTIONS) {
        remains->message = make(&tally, &remains->random);
        CHECK(pthread_setspecific(key, remains) == 0);
    } else {
        rt.free(remains);
    }
    tally_close(&tally);
}

static void leave_remains(struct tally *tally, uint64_t *random)
{
    struct remains *remains = rt.malloc(sizeof *remains);
    CHECK(remains != NULL);
    *remains = (struct remains){.random = random_next(random), .message = make(tally, random)};
    CHECK(pthread_setspecific(key, remains) == 0);
}

static struct life *life_make(uint64_t *random)
{
    struct life *life = rt.calloc(1, sizeof *life);
    CHECK(life != NULL);
    life->random = random_next(random);
    return life;
}

static void *lead_life(void *argument_of_it);

static void succeed(struct life *life, struct tally *tally)
{
    if (atomic_load_explicit(&stop, memory_order_relaxed)) {
        life->chain->last = pthread_self();
        sem_post(&life->chain->over);
        return;
    }
    struct life *next = life_make(&life->random);
    next->chain = life->chain;
    next->predecessor = pthread_self();
    next->has_predecessor = true;
    next->handed = (unsigned)random_below(&life->random, HANDED + 1);
    for (unsigned i = 0; i < next->handed; i++)
        next->hand[i] = make(tally, &life->random);
    thread_start(lead_life, next); /* joined by its successor, or at the end */
}

static void count_alive(void)
{
    unsigned now = atomic_fetch_add_explicit(&alive, 1, memory_order_relaxed) + 1;
    unsigned most = atomic_load_explicit(&alive_most, memory_order_relaxed);
    while (now > most && !atomic_compare_exchange_weak_explicit(&alive_most, &most, now, memory_order_relaxed,
                                                                memory_order_relaxed)) {
    }
    atomic_fetch_add_explicit(&threads_lived, 1, memory_order_relaxed);
}

static void *lead_life(void *argument_of_it)
{
    struct life *life = argument_of_it;
    struct tally tally = {.made = 0};
    count_alive();
    if (life->has_predecessor)
        thread_finish(life->predecessor); /* what it handed over is of an ended thread from here on */
    if (life->crowd != NULL)
        pthread_barrier_wait(life->crowd);
    for (unsigned i = 0; i < life->handed; i++)
        message_end(&tally, &life->random, life->hand[i]);
    live(&tally, &life->random);
    if (one_in(&life->random, 3))
        leave_remains(&tally, &life->random);
    if (life->crowd != NULL)
        pthread_barrier_wait(life->crowd);
    atomic_fetch_sub_explicit(&alive, 1, memory_order_relaxed);
    if (life->chain != NULL)
        succeed(life, &tally);
    tally_close(&tally);
    if (life->ended != NULL)
        atomic_store_explicit(life->ended, true, memory_order_release);
    rt.free(life);
    return NULL;
}

/* --- pools, chains, crowds --- */

struct place {
    pthread_t thread;
    bool taken;
    _Atomic bool ended;
};

static void place_fill(struct place *place, uint64_t *random)
{
    struct life *life = life_make(random);
    atomic_store(&place->ended, false);
    life->ended = &place->ended;
    place->taken = true;
    place->thread = thread_start(lead_life, life);
}

/* For a while, keep a number of threads alive that changes now and then. */
static void pool_run(struct place *place, unsigned most, uint64_t *random)
{
    unsigned wanted = 1;
    for (int turn = 0; turn < 200 && !time_is_up(); turn++) {
        if (turn % 25 == 0)
            wanted = (unsigned)random_below(random, most + 1);
        for (unsigned i = 0; i < most; i++) {
            if (place[i].taken && atomic_load_explicit(&place[i].ended, memory_order_acquire)) {
                thread_finish(place[i].thread);
                place[i].taken = false;
            }
            if (!place[i].taken && i < wanted)
                place_fill(&place[i], random);
        }
        pause_us(200);
    }
    for (unsigned i = 0; i < most; i++) {
        if (place[i].taken)
            thread_finish(place[i].thread);
        place[i].taken = false;
    }
}

static void crowd_run(struct place *place, unsigned most, uint64_t *random)
{
    pthread_barrier_t barrier;
    CHECK(pthread_barrier_init(&barrier, NULL, most) == 0);
    for (unsigned i = 0; i < most; i++) {
        struct life *life = life_make(random);
        life->crowd = &barrier;
        place[i].thread = thread_start(lead_life, life);
    }
    for (unsigned i = 0; i < most; i++)
        thread_finish(place[i].thread);
    pthread_barrier_destroy(&barrier);
}

static void chain_begin(struct chain *chain, uint64_t *random)
{
    struct life *life = life_make(random);
    CHECK(sem_init(&chain->over, 0, 0) == 0);
    life->chain = chain;
    thread_start(lead_life, life);
}

static void chain_end(struct chain *chain)
{
    while (sem_wait(&chain->over) != 0) {
    }
    thread_finish(chain->last);
    sem_destroy(&chain->over);
}

static void board_clear(uint64_t *random)
{
    struct tally tally = {.made = 0};
    for (unsigned i = 0; i < BOARD; i++) {
        struct message *m = atomic_exchange(&board[i], NULL);
        if (m != NULL)
            message_end(&tally, random, m);
    }
    tally_close(&tally);
}

/* Chains, pools and crowds until the time is up; then all threads end. */
static void churn(unsigned most, uint64_t *random)
{
    struct chain chain[CHAINS];
    struct place *place = calloc(most, sizeof *place);
    CHECK(place != NULL);
    for (int i = 0; i < CHAINS; i++)
        chain_begin(&chain[i], random);
    while (!time_is_up()) {
        pool_run(place, most, random);
        crowd_run(place, most, random);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < CHAINS; i++)
        chain_end(&chain[i]);
    free(place);
}

int main(int argc, char **argv)
{
    roost_stats before, after;
    api_is_roost();
    run_begin("churn", argc, argv, 16);
    uint64_t random = run.seed;
    CHECK(pthread_key_create(&key, destroy) == 0);
    /* A chain's thread and its predecessor live for a moment at the same time, and the next one beside them. */
    unsigned at_once = run.threads + 3 * CHAINS;
    threads_warm(at_once);
    figures_take(&before);
    churn(run.threads, &random);
    board_clear(&random);
    figures_must_be_home(&before);
    if (figures_take(&after) && after.heaps > 2 * at_once + 8) {
        fprintf(stderr, "churn: %llu heaps for %u threads at once\n", (unsigned long long)after.heaps, at_once);
        return 1;
    }
    printf("churn: %llu threads, at most %u at once; %llu blocks, %.0f MiB; heaps %llu, peak RSS %.1f MiB, live at end "
           "%lld\n",
           (unsigned long long)threads_lived, alive_most, (unsigned long long)made, mib(made_bytes),
           (unsigned long long)after.heaps, mib(status_bytes("VmHWM")), (long long)(made_bytes - freed_bytes));
    CHECK(made_bytes == freed_bytes);
    return 0;
}
