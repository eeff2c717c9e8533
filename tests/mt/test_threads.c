/* Threads that come and go: blocks that outlive their thread are freed by others, thousands of short threads,
 * tiny stacks, producers and consumers, one allocating thread whose blocks all others free.
 * Built for both kinds of program of ../support/api.h: also with ROOST_TEST_API_ONLY.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "../support/api.h"

#include "../support/blocks.h"
#include "../support/check.h"
#include <limits.h>
#include <pthread.h>

#ifdef _WIN32
enum { SCALE = 40 }; /* wine takes milliseconds to make a thread */
#else
enum { SCALE = TEST_SANITIZED ? 10 : 1 };
#endif

static pthread_t start(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, body, argument);
    errno = error;
    CHECK(error == 0);
    return thread;
}

static void finish(pthread_t thread)
{
    CHECK(pthread_join(thread, NULL) == 0);
}

static size_t some_size(unsigned i)
{
    return i % 61 == 0 ? i * 97 % 200000 : i % 7 == 0 ? i * 13 % 9000 : i * 31 % 500;
}

static unsigned char *make(unsigned i)
{
    size_t size = some_size(i);
    unsigned char *block = rt.malloc(size);
    CHECK(block != NULL);
    pattern_fill(block, size, i);
    return block;
}

static void check_and_free(unsigned char *block, unsigned i)
{
    size_t size = some_size(i);
    CHECK(pattern_check(block, size, size, i) == size);
    rt.free(block);
}

/* --- blocks that outlive their thread --- */

enum { LEFT = 3000 };

static void *leave_blocks(void *argument)
{
    unsigned char **block = argument;
    for (unsigned i = 0; i < LEFT; i++)
        block[i] = make(i);
    return NULL;
}

static void *free_all(void *argument)
{
    unsigned char **block = argument;
    for (unsigned i = 0; i < LEFT; i++)
        check_and_free(block[i], i);
    return NULL;
}

static void blocks_outlive_their_thread(void)
{
    static unsigned char *block[8][LEFT];
    for (int round = 0; round < 20 / SCALE + 1; round++) {
        pthread_t thread[8];
        for (int i = 0; i < 8; i++)
            thread[i] = start(leave_blocks, block[i]);
        for (int i = 0; i < 8; i++)
            finish(thread[i]);
        for (int i = 0; i < 4; i++)
            thread[i] = start(free_all, block[i]);
        for (int i = 4; i < 8; i++)
            free_all(block[i]);
        for (int i = 0; i < 4; i++)
            finish(thread[i]);
    }
}

/* What ended threads left behind is used again: the same work in ever new threads must not need ever more memory. */
static void ended_threads_leave_no_memory_behind(void)
{
    static unsigned char *block[LEFT];
    size_t early = 0;
    for (int round = 0; round < 400 / SCALE; round++) {
        finish(start(leave_blocks, block));
        finish(start(free_all, block));
        if (round == 40 / SCALE)
            early = resident_bytes();
    }
    size_t late = resident_bytes();
    printf("  %zu MiB resident after a tenth of the rounds, %zu MiB after all\n", early / MIB, late / MIB);
    CHECK(TEST_SANITIZED || late < early + 40 * MIB);
}

/* --- short threads --- */

static void *short_life(void *argument)
{
    unsigned number = *(unsigned *)argument;
    unsigned char *block[20];
    for (unsigned i = 0; i < 20; i++)
        block[i] = make(number + i);
    for (unsigned i = 0; i < 20; i++)
        check_and_free(block[i], number + i);
    rt.free(argument);
    return rt.malloc(100);
}

static void thousands_of_short_threads(void)
{
    for (unsigned i = 0; i < 5000 / SCALE; i++) {
        pthread_t thread[4];
        for (unsigned j = 0; j < 4; j++) {
            unsigned *number = rt.malloc(sizeof *number);
            CHECK(number != NULL);
            *number = i + j;
            thread[j] = start(short_life, number);
        }
        for (unsigned j = 0; j < 4; j++) {
            void *left;
            CHECK(pthread_join(thread[j], &left) == 0);
            rt.free(left);
        }
    }
    CHECK(TEST_SANITIZED || resident_bytes() < 200 * MIB);
}

static void *nothing(void *unused)
{
    return unused;
}

/* Threads that never allocate, or only free. */
static void *free_only(void *block)
{
    rt.free(block);
    return NULL;
}

static void threads_that_only_free(void)
{
    for (unsigned i = 0; i < 1000 / SCALE; i++) {
        finish(start(nothing, NULL));
        finish(start(free_only, make(i)));
    }
}

static void smallest_stacks(void)
{
    if (TEST_SANITIZED)
        return; /* the sanitizers' own needs exceed such a stack */
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN) == 0);
    for (unsigned i = 0; i < 500; i++) {
        unsigned *number = rt.malloc(sizeof *number);
        CHECK(number != NULL);
        *number = i;
        pthread_t thread;
        void *left;
        CHECK(pthread_create(&thread, &attributes, short_life, number) == 0);
        CHECK(pthread_join(thread, &left) == 0);
        rt.free(left);
    }
    pthread_attr_destroy(&attributes);
}

/* --- producers and consumers --- */

enum { QUEUE = 256, PRODUCED = 150000 / SCALE };

struct item {
    unsigned char *block;
    unsigned number;
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct item item[QUEUE];
    unsigned head, tail;
    unsigned producers; /* still at work */
};

static struct queue queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void *produce(void *unused)
{
    for (unsigned i = 0; i < PRODUCED; i++) {
        struct item item = {make(i), i};
        pthread_mutex_lock(&queue.lock);
        while (queue.head - queue.tail == QUEUE)
            pthread_cond_wait(&queue.changed, &queue.lock);
        queue.item[queue.head++ % QUEUE] = item;
        pthread_cond_broadcast(&queue.changed);
        pthread_mutex_unlock(&queue.lock);
    }
    pthread_mutex_lock(&queue.lock);
    queue.producers--;
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
    return unused;
}

static void *consume(void *unused)
{
    for (;;) {
        struct item taken[16];
        unsigned count = 0;
        pthread_mutex_lock(&queue.lock);
        while (queue.head == queue.tail && queue.producers > 0)
            pthread_cond_wait(&queue.changed, &queue.lock);
        while (queue.head != queue.tail && count < 16)
            taken[count++] = queue.item[queue.tail++ % QUEUE];
        pthread_cond_broadcast(&queue.changed);
        pthread_mutex_unlock(&queue.lock);
        if (count == 0)
            return unused;
        for (unsigned i = 0; i < count; i++)
            check_and_free(taken[i].block, taken[i].number);
    }
}

static void produce_and_consume(unsigned producers, unsigned consumers)
{
    pthread_t thread[16];
    unsigned n = 0;
    queue.producers = producers;
    for (unsigned i = 0; i < producers; i++)
        thread[n++] = start(produce, NULL);
    for (unsigned i = 0; i < consumers; i++)
        thread[n++] = start(consume, NULL);
    while (n > 0)
        finish(thread[--n]);
    CHECK(queue.head == queue.tail);
}

static void producers_and_consumers(void)
{
    produce_and_consume(1, 1);
    produce_and_consume(3, 1);
    produce_and_consume(1, 3);
    produce_and_consume(4, 4);
    /* at most QUEUE blocks are alive at any time: what consumers free must come home to the producers */
    CHECK(TEST_SANITIZED || resident_bytes() < 300 * MIB);
}

struct span {
    unsigned char **from, **to;
};

static void *free_span(void *argument)
{
    struct span *span = argument;
    for (unsigned char **at = span->from; at < span->to; at++) {
        CHECK((*at)[0] == (*at)[599]);
        rt.free(*at);
    }
    return NULL;
}

/* One thread makes 60 MiB of small blocks, others free them, again and again: memory must go round. */
static void memory_goes_round(void)
{
    enum { BLOCKS = 100000 / SCALE };
    static unsigned char *block[BLOCKS];
    size_t early = 0;
    for (int round = 0; round < 30; round++) {
        for (unsigned i = 0; i < BLOCKS; i++) {
            block[i] = rt.malloc(600);
            CHECK(block[i] != NULL);
            block[i][0] = block[i][599] = (unsigned char)i;
        }
        pthread_t thread[2];
        struct span half[2] = {{block, block + BLOCKS / 2}, {block + BLOCKS / 2, block + BLOCKS}};
        for (int i = 0; i < 2; i++)
            thread[i] = start(free_span, &half[i]);
        for (int i = 0; i < 2; i++)
            finish(thread[i]);
        if (round == 3)
            early = resident_bytes();
    }
    printf("  %zu MiB resident after 4 rounds, %zu MiB after 30\n", early / MIB, resident_bytes() / MIB);
    CHECK(TEST_SANITIZED || resident_bytes() < early + 40 * MIB);
}

int main(void)
{
    api_is_roost();
    RUN(blocks_outlive_their_thread);
    RUN(ended_threads_leave_no_memory_behind);
    RUN(thousands_of_short_threads);
    RUN(threads_that_only_free);
    RUN(smallest_stacks);
    RUN(producers_and_consumers);
    RUN(memory_goes_round);
    return 0;
}
