/* A storm of forks out of a process whose threads are all inside the allocator: with ROOST_TEST_API_ONLY on the roost_ names. Busy
 * threads make blocks and free each other's, over a board; some of them end and are followed by others; two threads fork. The
 * child checks and frees blocks that threads made which are not in it, allocates, starts a thread, forks again now and then, and
 * ends. A child that is not done by its deadline hangs: its number is printed, it is ended, and the test has failed. The parent's
 * memory must not grow over the storm, and at the end not a byte may be allocated.
 *
 *   --forks N   this many, however long it takes
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "figures.h"
#include "message.h"

#include <semaphore.h>
#include <sys/wait.h>

enum { BOARD = 512, CHILDREN = 4, CHILD_SECONDS = 20, CHILD_BLOCKS = 100, DEPTH = 3, SAMPLES = 64 };
enum { FORKERS = 2, STARTERS = 1, CROWD = 6, WARM_TRADES = TEST_SANITIZED ? 2000 : 20000 };

static struct message *_Atomic board[BOARD];
static _Atomic bool stop;
static sem_t warm; /* by each busy thread */
static size_t one_size;
static _Atomic unsigned long forks;
static _Atomic uint64_t made, made_bytes;

static struct message *board_swap(uint64_t *random, struct message *m)
{
    return atomic_exchange_explicit(&board[random_below(random, BOARD)], m, memory_order_acq_rel);
}

static struct message *make(struct tally *tally, uint64_t *random)
{
    /* Many blocks of one size as well: else no class has two pages. */
    enum size_profile profile = one_in(random, 8) ? SIZES_MIXED : one_in(random, 2) ? SIZES_ONE : SIZES_SMALL;
    return message_make(tally, random, size_of_profile(profile, one_size, random));
}

static void trade(struct tally *tally, uint64_t *random)
{
    struct message *m = board_swap(random, one_in(random, 8) ? NULL : make(tally, random));
    if (m != NULL)
        message_end(tally, random, m);
}

static void tally_close(const struct tally *tally)
{
    atomic_fetch_add_explicit(&made, tally->made, memory_order_relaxed);
    atomic_fetch_add_explicit(&made_bytes, tally->made_bytes, memory_order_relaxed);
}

static void *be_busy(void *seed)
{
    struct tally tally = {.made = 0};
    uint64_t random = *(uint64_t *)seed;
    for (unsigned n = 0; !atomic_load_explicit(&stop, memory_order_relaxed); n++) {
        trade(&tally, &random);
        if (n == WARM_TRADES)
            sem_post(&warm);
    }
    tally_close(&tally);
    return NULL;
}

static void *live_short(void *seed)
{
    struct tally tally = {.made = 0};
    uint64_t random = *(uint64_t *)seed;
    for (size_t i = random_below(&random, 2000); i > 0; i--)
        trade(&tally, &random);
    tally_close(&tally);
    return NULL;
}

/* Crowds of threads that end and leave blocks behind, and then a while without: so heaps that have no thread are there, and those
 * who free their blocks act for them, at any fork. */
static void *start_short(void *seed)
{
    uint64_t random = *(uint64_t *)seed, of_it[CROWD];
    pthread_t thread[CROWD];
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        size_t crowd = 1 + random_below(&random, CROWD);
        for (size_t i = 0; i < crowd; i++) {
            of_it[i] = random_next(&random);
            thread[i] = thread_start(live_short, &of_it[i]);
        }
        for (size_t i = 0; i < crowd; i++)
            thread_finish(thread[i]);
        pause_us((long)random_below(&random, 5000));
    }
    return NULL;
}

/* --- the child --- */

static void free_of_board(uint64_t *random, unsigned from, unsigned step)
{
    struct tally tally = {.made = 0};
    for (unsigned i = from; i < BOARD; i += step) {
        struct message *m = atomic_exchange(&board[i], NULL);
        if (m != NULL)
            message_end(&tally, random, m);
    }
}

static void *work_as_thread(void *seed)
{
    struct tally tally = {.made = 0};
    uint64_t random = *(uint64_t *)seed;
    for (int i = 0; i < CHILD_BLOCKS; i++)
        trade(&tally, &random);
    free_of_board(&random, (unsigned)random_below(&random, 3), 3);
    return NULL;
}

static void child_forks(uint64_t *random, unsigned depth);

static void child_lives(uint64_t random, unsigned depth)
{
    struct tally tally = {.made = 0};
    uint64_t seed[3] = {random + 1, random + 2, random + 3};
    pthread_t thread[3];
    /* ThreadSanitizer has no threads in the child of a threaded process. */
    size_t threads = TEST_SANITIZED || one_in(&random, 2) ? 0 : 1 + random_below(&random, 3);
    if (one_in(&random, 2))
        free_of_board(&random, (unsigned)random_below(&random, 2), 2);
    for (int i = 0; i < CHILD_BLOCKS; i++)
        trade(&tally, &random);
    for (size_t i = 0; i < threads; i++)
        CHECK(pthread_create(&thread[i], NULL, work_as_thread, &seed[i]) == 0);
    for (int i = 0; i < CHILD_BLOCKS; i++)
        trade(&tally, &random);
    if (depth < DEPTH && one_in(&random, 4))
        child_forks(&random, depth); /* with threads of its own about, too */
    for (size_t i = 0; i < threads; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    free_of_board(&random, 0, 1);
    if (one_in(&random, 16))
        exit(0); /* with the library's own end of program */
    _exit(0);
}

/* The process whose parent this is hangs if this does; then the group of both is ended. */
static void child_forks(uint64_t *random, unsigned depth)
{
    int status = -1;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        child_lives(random_next(random), depth + 1);
    trade(&(struct tally){.made = 0}, random);
    while (waitpid(pid, &status, 0) < 0)
        CHECK(errno == EINTR);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* --- the storm --- */

struct child {
    pid_t pid; /* 0: none */
    uint64_t deadline;
};

static void child_hangs(const struct child *child)
{
    fprintf(stderr, "fork: child %d hangs (seed %llu, about fork %lu)\n", (int)child->pid, (unsigned long long)run.seed,
            forks);
    if (getenv("ROOST_STRESS_HOLD") != NULL)
        pause(); /* for a debugger to look at the child */
    kill(-child->pid, SIGKILL);
    exit(1);
}

static void child_check(struct child *child)
{
    int status;
    pid_t got = waitpid(child->pid, &status, WNOHANG);
    CHECK(got == 0 || got == child->pid);
    if (got == 0 && now_ns() > child->deadline)
        child_hangs(child);
    if (got == 0)
        return;
    if (WIFSIGNALED(status))
        fprintf(stderr, "fork: child %d ended by signal %d (seed %llu)\n", (int)got, WTERMSIG(status),
                (unsigned long long)run.seed);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    child->pid = 0;
}

static void child_start(struct child *child, uint64_t *random)
{
    uint64_t seed = random_next(random);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        setpgid(0, 0); /* so that its own children are ended with it */
        alarm(2 * CHILD_SECONDS);
        signal(SIGALRM, SIG_DFL);
        child_lives(seed, 1);
    }
    *child = (struct child){.pid = pid, .deadline = now_ns() + CHILD_SECONDS * (uint64_t)1000000000};
    atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
}

static bool storm_is_over(void)
{
    return run.forks != 0 ? atomic_load_explicit(&forks, memory_order_relaxed) >= run.forks : time_is_up();
}

static void *fork_on(void *seed)
{
    struct child child[CHILDREN] = {{.pid = 0}};
    struct tally tally = {.made = 0};
    uint64_t random = *(uint64_t *)seed;
    bool any = true;
    while (any) {
        bool over = storm_is_over();
        any = !over;
        for (int i = 0; i < CHILDREN; i++) {
            if (child[i].pid != 0)
                child_check(&child[i]);
            if (child[i].pid == 0 && !over)
                child_start(&child[i], &random);
            any |= child[i].pid != 0;
            trade(&tally, &random);
        }
        pause_us(50);
    }
    tally_close(&tally);
    return NULL;
}

/* The memory of the parent while the storm goes on: the most of the first third, and of the last. */
static void watch(size_t *early, size_t *late)
{
    size_t sample[SAMPLES] = {0};
    uint64_t begin = now_ns();
    unsigned reached = 0;
    while (!storm_is_over()) {
        pause_us(5000);
        double part =
            run.forks != 0 ? (double)forks / (double)run.forks : (double)(now_ns() - begin) / (run.seconds * 1e9);
        reached = part >= 1 ? SAMPLES - 1 : (unsigned)(part * SAMPLES);
        size_t now = status_bytes("VmRSS");
        sample[reached] = now > sample[reached] ? now : sample[reached];
    }
    *early = *late = 0;
    for (unsigned i = 0; i < SAMPLES; i++) {
        size_t *most = i < SAMPLES / 3 ? early : i > SAMPLES * 2 / 3 ? late : &sample[i];
        *most = sample[i] > *most ? sample[i] : *most;
    }
}

static void let_warm_up(void)
{
    for (unsigned i = STARTERS; i < run.threads; i++)
        CHECK(sem_wait(&warm) == 0);
    run.end = now_ns() + (uint64_t)(run.seconds * 1e9);
}

/* The busy first, so that the memory which they need without forks is there before the first of these. */
static void storm(size_t *early, size_t *late)
{
    unsigned threads = run.threads + FORKERS;
    uint64_t *seed = calloc(threads, sizeof *seed);
    pthread_t *thread = calloc(threads, sizeof *thread);
    CHECK(seed != NULL && thread != NULL && sem_init(&warm, 0, 0) == 0);
    for (unsigned i = threads; i-- > 0;) {
        seed[i] = mix(run.seed + i);
        if (i == FORKERS - 1)
            let_warm_up();
        thread[i] = thread_start(i < FORKERS ? fork_on : i < FORKERS + STARTERS ? start_short : be_busy, &seed[i]);
    }
    watch(early, late);
    for (unsigned i = 0; i < threads; i++) {
        if (i == FORKERS)
            atomic_store(&stop, true);
        thread_finish(thread[i]);
    }
    free(thread);
    free(seed);
}

int main(int argc, char **argv)
{
    roost_stats before;
    size_t early, late;
    api_is_roost();
    run_begin("fork", argc, argv, 8);
    threads_warm(run.threads + FORKERS + CROWD);
    status_bytes("VmRSS"); /* so that libc has what it keeps for it */
    figures_take(&before);
    one_size = 16 + (size_t)(mix(run.seed) % 8192);
    storm(&early, &late);
    free_of_board(&(uint64_t){run.seed}, 0, 1);
    figures_must_be_home(&before);
    printf("fork: %lu forks; %llu blocks, %.0f MiB; RSS %.1f MiB in the first third, %.1f MiB in the last; live at end "
           "0\n",
           forks, (unsigned long long)made, mib(made_bytes), mib(early), mib(late));
    CHECK(forks != 0 && (TEST_SANITIZED || late < early + early / 4 + 16 * 1024 * 1024));
    return 0;
}
