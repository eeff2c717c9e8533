/* Threads that come and go must not cost anything that stays: resident memory, address space, heaps. Each scenario runs
 * in a process of its own (this program again, with --scenario), which checks its memory itself; the figures that roost
 * prints at its end (ROOST_STATS) are checked by the parent.
 *
 *   test_lifecycle [--threads N]    threads in turn; default 5,000 (100,000 is the long form)
 *
 * Built for both kinds of program of ../support/api.h: also with ROOST_TEST_API_ONLY.
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "../support/api.h"

#include "../support/blocks.h"
#include "../support/check.h"
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/wait.h>

enum { SCALE = TEST_SANITIZED ? 20 : 1, AT_ONCE = 2000 / SCALE, POOL = TEST_SANITIZED ? 8 : 64 };
static unsigned in_turn_count = 5000 / SCALE;

/* --- threads ------------------------------------------------------------------------------------------------------------- */

static pthread_attr_t small_stack;

static pthread_t start(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    CHECK((errno = pthread_create(&thread, &small_stack, body, argument)) == 0);
    return thread;
}

static void *finish(pthread_t thread)
{
    void *result;
    CHECK((errno = pthread_join(thread, &result)) == 0);
    return result;
}

/* --- what stays ---------------------------------------------------------------------------------------------------------- */

struct cost {
    size_t resident, mapped;
};

static struct cost cost_now(void)
{
    unsigned long mapped = 0;
    rt.free(rt.malloc(200 * KIB)); /* without a delay, this gives back what has been freed */
    FILE *f = fopen("/proc/self/statm", "r");
    CHECK(f != NULL && fscanf(f, "%lu", &mapped) == 1 && fclose(f) == 0);
    return (struct cost){resident_bytes(), mapped * (size_t)sysconf(_SC_PAGESIZE)};
}

static void check_growth(struct cost early, size_t resident, size_t mapped)
{
    struct cost late = cost_now();
    printf("  resident %zu, then %zu KiB; mapped %zu, then %zu MiB\n", early.resident / KIB, late.resident / KIB,
           early.mapped / MIB, late.mapped / MIB);
    mapped += rt.malloc == malloc ? 0 : 4 * GIB; /* else glibc's malloc has its arenas as well */
    /* The sanitizers keep account of every thread. */
    CHECK(TEST_SANITIZED || late.resident <= early.resident + resident);
    CHECK(TEST_SANITIZED || late.mapped <= early.mapped + mapped);
}

static size_t some_size(unsigned i)
{
    return i % 41 == 0 ? 1 + i * 997 % 150000 : i % 5 == 0 ? 1 + i * 13 % 9000 : 1 + i * 31 % 500;
}

static void use(unsigned seed, unsigned count)
{
    enum { MOST = 64 };
    unsigned char *block[MOST];
    for (unsigned i = 0; i < count; i++) {
        CHECK((block[i] = rt.malloc(some_size(seed + i))) != NULL);
        pattern_fill(block[i], some_size(seed + i), i);
    }
    for (unsigned i = 0; i < count; i++) {
        CHECK(pattern_check(block[i], some_size(seed + i), some_size(seed + i), i) == some_size(seed + i));
        rt.free(block[i]);
    }
}

/* --- in turn ------------------------------------------------------------------------------------------------------------- */

/* Frees what the thread before it left, and leaves something. The first call has various sizes: it attaches the thread. */
static void *short_life(void *left)
{
    static unsigned turn;
    rt.free(rt.malloc((size_t)16 << turn++ % 4));
    rt.free(left);
    use((unsigned)((uintptr_t)left >> 4), 40);
    return rt.malloc(700);
}

static void threads_in_turn(void)
{
    struct cost early = {0, 0};
    void *left = NULL;
    for (unsigned i = 0; i < in_turn_count; i++) {
        left = finish(start(short_life, left));
        if (i == in_turn_count / 10)
            early = cost_now();
    }
    rt.free(left);
    check_growth(early, 2 * MIB, 2 * MIB);
}

/* --- at once ------------------------------------------------------------------------------------------------------------- */

static pthread_barrier_t all_there;
static void *left_by[AT_ONCE];

static void *live_with_others(void *slot)
{
    use(2, 20);
    pthread_barrier_wait(&all_there);
    *(void **)slot = rt.malloc(1000);
    return NULL;
}

static void live_at_once(void)
{
    static pthread_t thread[AT_ONCE];
    for (unsigned i = 0; i < AT_ONCE; i++)
        thread[i] = start(live_with_others, &left_by[i]);
    pthread_barrier_wait(&all_there);
    for (unsigned i = 0; i < AT_ONCE; i++)
        finish(thread[i]);
    for (unsigned i = 0; i < AT_ONCE; i++)
        rt.free(left_by[i]);
}

static void many_at_once(void)
{
    CHECK(pthread_barrier_init(&all_there, NULL, AT_ONCE + 1) == 0);
    live_at_once();
    live_at_once();
    struct cost early = cost_now();
    for (int i = 0; i < 4; i++)
        live_at_once();
    check_growth(early, 8 * MIB, 8 * MIB);
}

/* --- heirs --------------------------------------------------------------------------------------------------------------- */

enum { ESTATE = 64 / SCALE * 1024 * 2, ESTATE_BLOCK = 512, TESTATORS = 4 }; /* 64 MiB in all */

static unsigned char *estate[TESTATORS][ESTATE / TESTATORS];
static unsigned keep_every; /* 0: none */

static void *bequeath(void *argument)
{
    unsigned char **block = argument;
    for (unsigned i = 0; i < ESTATE / TESTATORS; i++) {
        CHECK((block[i] = rt.malloc(ESTATE_BLOCK)) != NULL);
        memset(block[i], 1, ESTATE_BLOCK);
    }
    return NULL;
}

static void *discard(void *argument)
{
    unsigned char **block = argument;
    for (unsigned i = 0; i < ESTATE / TESTATORS; i++) {
        if (keep_every == 0 || i % keep_every != 0) {
            rt.free(block[i]);
            block[i] = NULL;
        }
    }
    return NULL;
}

/* Take as much again as was discarded. */
static void *inherit(void *argument)
{
    unsigned char **block = argument;
    for (unsigned i = 0; i < ESTATE / TESTATORS; i++) {
        if (block[i] == NULL) {
            CHECK((block[i] = rt.malloc(ESTATE_BLOCK)) != NULL);
            memset(block[i], 2, ESTATE_BLOCK);
        }
    }
    return NULL;
}

static void *(*errand)(void *);

/* All attach before any ends, so that there is a heap for each. */
static void *together(void *argument)
{
    rt.free(rt.malloc(100));
    pthread_barrier_wait(&all_there);
    return errand(argument);
}

static void in_threads(void *(*body)(void *))
{
    pthread_t thread[TESTATORS];
    errand = body;
    CHECK(pthread_barrier_init(&all_there, NULL, TESTATORS) == 0);
    for (int i = 0; i < TESTATORS; i++)
        thread[i] = start(together, estate[i]);
    for (int i = 0; i < TESTATORS; i++)
        finish(thread[i]);
}

static void in_this_thread(void *(*body)(void *))
{
    for (int i = 0; i < TESTATORS; i++)
        body(estate[i]);
}

/* All blocks of the ended threads are freed: a thread that lived all the time can have their memory. */
static void the_living_inherit(void)
{
    use(2, 64);
    in_threads(bequeath);
    struct cost early = cost_now();
    in_this_thread(discard);
    in_this_thread(inherit);
    in_threads(discard);
    in_this_thread(bequeath);
    check_growth(early, 4 * MIB, MIB);
}

/* Each eighth block of the ended threads lives on: those who come after them can have what lies between. */
static void the_unborn_inherit(void)
{
    in_threads(bequeath);
    struct cost early = cost_now();
    keep_every = 8;
    for (int round = 0; round < 4; round++) {
        in_threads(discard);
        in_threads(inherit);
    }
    check_growth(early, 9 * MIB, MIB); /* three huge pages, by who takes which first, and one that is ready; else it were 56 a round */
}

/* --- pools --------------------------------------------------------------------------------------------------------------- */

static void *pool_worker(void *unused)
{
    for (unsigned i = 0; i < 10; i++)
        use(2 + 41 * i, 40);
    return unused;
}

static void pool_round(unsigned size)
{
    pthread_t thread[POOL];
    for (unsigned i = 0; i < size; i++)
        thread[i] = start(pool_worker, NULL);
    for (unsigned i = 0; i < size; i++)
        finish(thread[i]);
}

static void pools_grow_and_shrink(void)
{
    struct cost early = {0, 0};
    for (int round = 0; round < 5; round++) {
        for (unsigned size = 2; size <= POOL; size *= 2)
            pool_round(size);
        for (unsigned size = POOL; size >= 2; size /= 2)
            pool_round(size);
        if (round == 1)
            early = cost_now();
    }
    check_growth(early, 16 * MIB, 4 * MIB);
}

/* --- late destructors ---------------------------------------------------------------------------------------------------- */

static pthread_key_t key;

/* Called in every round that there is; allocates in each, so the thread gets a heap again in each. */
static void late(void *value)
{
    uintptr_t round = (uintptr_t)value;
    use((unsigned)round, 10);
    if (round < PTHREAD_DESTRUCTOR_ITERATIONS - (TEST_SANITIZED ? 1 : 0))
        CHECK(pthread_setspecific(key, (void *)(round + 1)) == 0);
}

static void *end_late(void *unused)
{
    use(2, 5);
    CHECK(pthread_setspecific(key, (void *)1) == 0);
    return unused;
}

static void many_end_late(void)
{
    struct cost early = {0, 0};
    for (unsigned i = 0; i < 2000 / SCALE; i++) {
        finish(start(end_late, NULL));
        if (i == 200 / SCALE)
            early = cost_now();
    }
    check_growth(early, 2 * MIB, 2 * MIB);
}

static void destructors_leave_nothing(void)
{
    CHECK(pthread_key_create(&key, late) == 0);
    many_end_late();
}

/* The same with a key that is made after roost's own, which glibc then calls after ours: in the last round a thread attaches and nobody
 * hears of its end. The next threads find its heap. */
static void unheard_ends_leave_little(void)
{
    if (TEST_SANITIZED) /* ThreadSanitizer has ended the thread by then, and falls over what it still does */
        return;
    CHECK(pthread_key_create(&key, late) == 0);
    finish(start(end_late, NULL)); /* it attaches again: roost makes its key */
    CHECK(pthread_key_create(&key, late) == 0);
    many_end_late();
}

/* --- the first thread comes late ------------------------------------------------------------------------------------------- */

static void the_first_thread_comes_late(void)
{
    in_this_thread(bequeath);
    struct cost early = cost_now();
    for (int round = 0; round < 4; round++) {
        in_threads(discard);
        in_this_thread(inherit);
    }
    check_growth(early, 8 * MIB, 64 * MIB); /* the stacks are new */
    in_threads(discard);
}

/* --- scenarios ------------------------------------------------------------------------------------------------------------- */

static const struct scenario {
    const char *name;
    void (*run)(void);
    unsigned heaps;  /* ever made, at most */
    unsigned in_use; /* MiB at any time, at most; 0: any */
    bool no_delay;   /* freed memory goes back at once, so that what is resident is what is needed */
} scenarios[] = {
    {"threads_in_turn", threads_in_turn, 3, 16, false},
    {"many_at_once", many_at_once, AT_ONCE + 1, 0, true},
    {"the_living_inherit", the_living_inherit, TESTATORS + 1, 70, false},
    {"the_unborn_inherit", the_unborn_inherit, TESTATORS + 1, 74, false},
    {"pools_grow_and_shrink", pools_grow_and_shrink, POOL + 1, 0, true},
    {"destructors_leave_nothing", destructors_leave_nothing, 3, 16, false},
    {"unheard_ends_leave_little", unheard_ends_leave_little, 12, 16, false},
    {"the_first_thread_comes_late", the_first_thread_comes_late, TESTATORS + 1, 76, false},
};

/* The value of a row of the statistics. */
static unsigned long long figure(const char *text, const char *name)
{
    char row[40];
    unsigned long long value;
    snprintf(row, sizeof row, "\n  %s ", name);
    const char *at = strstr(text, row);
    CHECK(at != NULL && sscanf(at + strlen(row), "%llu", &value) == 1);
    return value;
}

static void run_apart(char *program, const struct scenario *s)
{
    static char text[65536];
    char threads[16];
    int end[2], status = -1;
    size_t length = 0;
    sprintf(threads, "%u", in_turn_count);
    puts(s->name);
    fflush(stdout);
    CHECK(pipe(end) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        setenv("ROOST_STATS", "1", 1);
        if (s->no_delay)
            setenv("ROOST_PURGE_DELAY", "0", 1);
        dup2(end[1], STDERR_FILENO);
        close(end[0]);
        close(end[1]);
        execl("/proc/self/exe", program, "--threads", threads, "--scenario", s->name, (char *)NULL);
        _exit(127);
    }
    close(end[1]);
    for (ssize_t n; (n = read(end[0], text + length, sizeof text - 1 - length)) > 0; length += (size_t)n) {
    }
    close(end[0]);
    text[length] = '\0';
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(status == 0 || (fprintf(stderr, "%s\nended with status %#x\n", text, (unsigned)status), 0));
    unsigned long long heaps = figure(text, "heaps"), peak = figure(text, "in_use_peak");
    printf("  %llu heaps, %llu MiB in use at most\n", heaps, peak / MIB);
    CHECK(heaps <= s->heaps && (s->in_use == 0 || peak <= s->in_use * MIB));
    CHECK(!s->no_delay || figure(text, "in_use") <= 4 * MIB); /* all is freed there, also what heaps keep to hand */
}

int main(int argc, char **argv)
{
    const char *wanted = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        in_turn_count = strcmp(argv[i], "--threads") == 0 ? (unsigned)atoi(argv[i + 1]) : in_turn_count;
        wanted = strcmp(argv[i], "--scenario") == 0 ? argv[i + 1] : wanted;
    }
    CHECK(pthread_attr_init(&small_stack) == 0);
    CHECK(pthread_attr_setstacksize(&small_stack, TEST_SANITIZED ? MIB : (size_t)PTHREAD_STACK_MIN + 48 * KIB) == 0);
    api_is_roost();
    for (unsigned i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        if (wanted == NULL)
            run_apart(argv[0], &scenarios[i]);
        else if (strcmp(wanted, scenarios[i].name) == 0)
            scenarios[i].run();
    }
    return 0;
}
