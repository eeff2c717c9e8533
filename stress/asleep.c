/* Memory comes back although its owner sleeps: with ROOST_TEST_API_ONLY on the roost_ names. A thread allocates 256 MiB in blocks of
 * 512 bytes and never calls the allocator again; another thread frees them, and then memory is asked back. Within
 * three seconds the process must be below 24 MiB. The owner sleeps
 *   idle      on a condition, and the other thread frees all;
 *   drained   the same, after it has taken in what the other freed of the first half and has allocated of that again;
 *   handler   inside a signal handler that interrupted it in the middle of malloc or free, wherever that was.
 *
 *   --shape idle|drained|handler   this one only        --rounds N   of each
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "../tests/support/api.h"
#include "figures.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <sys/mman.h>

enum { BLOCK = 512, MIBS = TEST_SANITIZED ? 32 : 256, AGAIN = 1000, LIMIT_MIB = 24, LIMIT_MS = 3000, LOOP = 64 };
enum { BLOCKS = MIBS * 1024 * 1024 / BLOCK };

enum shape { IDLE, DRAINED, HANDLER, SHAPES };

static const char *const shape_name[SHAPES] = {"idle", "drained", "handler"};

static enum shape shape;
static void **block; /* mapped: it is given back before the measurement */
static sem_t allocated, half_freed, freed, wake_up;
static _Atomic bool in_handler, stop;
static size_t most_left[SHAPES]; /* RSS after the request */

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        CHECK(errno == EINTR);
}

static void fill(size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        block[i] = rt.malloc(BLOCK);
        CHECK(block[i] != NULL);
        memset(block[i], 0x5a, BLOCK);
        memcpy(block[i], &i, sizeof i);
    }
}

static void release(size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        CHECK(memcmp(block[i], &i, sizeof i) == 0 && ((unsigned char *)block[i])[BLOCK - 1] == 0x5a);
        rt.free(block[i]);
    }
}

/* --- the owner --- */

static void on_signal(int number)
{
    (void)number;
    int saved = errno;
    atomic_store(&in_handler, true);
    while (sem_wait(&wake_up) != 0) { /* not named async-signal-safe, and safe on glibc and musl: a word and a futex */
    }
    errno = saved;
}

/* Until the signal comes, and once more: what was interrupted goes on. */
static void be_interrupted(void)
{
    void *few[LOOP];
    unsigned turn = 0;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        size_t size = turn++ % 3 == 0 ? BLOCK : 16 + turn % 61 * 16;
        for (int i = 0; i < LOOP; i++)
            few[i] = rt.malloc(size);
        for (int i = 0; i < LOOP; i++)
            rt.free(few[i]);
    }
}

static void *own(void *unused)
{
    fill(0, BLOCKS);
    sem_post(&allocated);
    if (shape == DRAINED) {
        wait_for(&half_freed);
        fill(0, AGAIN); /* takes in what came back, and leaves pages that have free blocks in its lists */
        release(0, AGAIN / 2);
        fill(0, AGAIN / 2);
        sem_post(&allocated);
    }
    if (shape == HANDLER)
        be_interrupted();
    else
        wait_for(&wake_up);
    void *again = rt.malloc(BLOCK); /* what was taken from it while it slept is not missed */
    memset(again, 1, BLOCK);
    rt.free(again);
    return unused;
}

/* --- the other --- */

static void *free_all(void *unused)
{
    wait_for(&allocated);
    if (shape == DRAINED) {
        release(0, BLOCKS / 2);
        if (rt.thread_flush != NULL)
            rt.thread_flush();
        sem_post(&half_freed);
        wait_for(&allocated);
        release(0, AGAIN);
    }
    release(shape == DRAINED ? BLOCKS / 2 : 0, BLOCKS);
    sem_post(&freed);
    wait_for(&wake_up); /* neither ends nor calls */
    return unused;
}

/* --- the measurement --- */

static bool enough_is_back(size_t resident)
{
    return TEST_SANITIZED ||
           resident < LIMIT_MIB * (size_t)1024 * 1024; /* checkers have their own memory beside ours */
}

static bool measure(void)
{
    uint64_t begin = now_ns();
    size_t full = status_bytes("VmRSS");
    ask_memory_back();
    size_t resident = status_bytes("VmRSS");
    while (!enough_is_back(resident) && now_ns() - begin < LIMIT_MS * (uint64_t)1000000) {
        pause_us(10000);
        resident = status_bytes("VmRSS");
    }
    most_left[shape] = resident > most_left[shape] ? resident : most_left[shape];
    if (enough_is_back(resident))
        return true;
    fprintf(stderr, "asleep: %s: RSS %.1f MiB, %.1f MiB still %.0f ms after the request (seed %llu)\n",
            shape_name[shape], mib(full), mib(resident), (double)(now_ns() - begin) / 1e6,
            (unsigned long long)run.seed);
    return false;
}

static void interrupt(pthread_t thread, uint64_t *random)
{
    pause_us((long)random_below(random, 3000));
    CHECK(pthread_kill(thread, SIGUSR1) == 0);
    while (!atomic_load(&in_handler))
        pause_us(100);
}

static bool one_round(uint64_t *random)
{
    sem_t *semaphores[] = {&allocated, &half_freed, &freed, &wake_up};
    for (int i = 0; i < 4; i++)
        CHECK(sem_init(semaphores[i], 0, 0) == 0);
    in_handler = stop = false;
    block = mmap(NULL, BLOCKS * sizeof *block, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(block != MAP_FAILED);
    pthread_t owner = thread_start(own, NULL);
    if (shape == HANDLER) {
        wait_for(&allocated);
        interrupt(owner, random);
        sem_post(&allocated);
    }
    pthread_t other = thread_start(free_all, NULL);
    wait_for(&freed);
    munmap(block, BLOCKS * sizeof *block);
    bool good = measure();
    stop = true;
    sem_post(&wake_up);
    sem_post(&wake_up);
    thread_finish(other);
    thread_finish(owner);
    return good;
}

int main(int argc, char **argv)
{
    roost_stats before;
    bool good = true;
    api_is_roost();
    run_begin("asleep", argc, argv, 2);
    uint64_t random = run.seed;
    CHECK(signal(SIGUSR1, on_signal) != SIG_ERR);
    threads_warm(2);
    status_bytes("VmRSS");
    figures_take(&before);
    unsigned long rounds = 0;
    do {
        for (int i = 0; i < SHAPES; i++) {
            shape = (enum shape)i;
            if (run.shape == NULL || strcmp(run.shape, shape_name[i]) == 0)
                good &= one_round(&random);
        }
        figures_must_be(&before, "after a round");
    } while (++rounds < run.rounds || (run.rounds == 0 && !time_is_up()));
    figures_must_be_home(&before);
    printf("asleep: %lu rounds; RSS at most %.1f MiB, after the request at most", rounds, mib(status_bytes("VmHWM")));
    for (int i = 0; i < SHAPES; i++)
        printf(" %.1f MiB (%s)", mib(most_left[i]), shape_name[i]);
    printf("; live at end 0\n");
    return good ? 0 : 1;
}
