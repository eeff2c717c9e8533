/* Allocation at the edges of a thread's and the program's life: constructors, C++-style TLS destructors, destructors
 * of pthread keys in every round, atexit handlers, library destructors.
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
#include <stdatomic.h>

/* Rounds of key destructors: all that glibc has; a sanitizer's own state of the thread ends in the last. */
enum { KEYS = 20, KEY_ROUNDS = TEST_SANITIZED ? 3 : PTHREAD_DESTRUCTOR_ITERATIONS };

#ifdef _WIN32
enum { ROUNDS = 60 }; /* wine takes milliseconds to make a thread */
#else
enum { ROUNDS = TEST_SANITIZED ? 40 : 300 };
#endif

static void *made_in_constructor;
static void *made_by_atexit;
static pthread_key_t keys[KEYS];
static _Atomic unsigned key_destructors;
static _Atomic unsigned tls_destructors;

/* What glibc gives C++ for thread_local objects with a destructor. */
extern int __cxa_thread_atexit_impl(void (*destructor)(void *), void *object, void *dso) __attribute__((weak));
extern void *__dso_handle;

static void use_all_sizes(void)
{
    void *block[30];
    for (unsigned i = 0; i < 30; i++) {
        block[i] = rt.malloc((size_t)1 << (i % 18));
        CHECK(block[i] != NULL);
        memset(block[i], 1, (size_t)1 << (i % 18));
    }
    for (unsigned i = 0; i < 30; i++) {
        block[i] = rt.realloc(block[i], 100 + i);
        CHECK(block[i] != NULL);
        rt.free(block[i]);
    }
}

__attribute__((constructor)) static void constructor(void)
{
    made_in_constructor = rt.malloc(1000);
    CHECK(made_in_constructor != NULL);
    pattern_fill(made_in_constructor, 1000, 1);
    use_all_sizes();
}

__attribute__((destructor)) static void destructor(void)
{
    use_all_sizes();
    CHECK(pattern_check(made_by_atexit, 50000, 50000, 2) == 50000);
    rt.free(made_by_atexit);
}

static void at_exit(void)
{
    use_all_sizes();
    CHECK(pattern_check(made_in_constructor, 1000, 1000, 1) == 1000);
    rt.free(made_in_constructor);
    made_by_atexit = rt.malloc(50000);
    CHECK(made_by_atexit != NULL);
    pattern_fill(made_by_atexit, 50000, 2);
}

/* The key's value is a block. In its first calls the destructor sets a new value, so that it is called again in the
 * next round, when an allocator may already have said good-bye to the thread. */
static void key_destructor(void *value)
{
    unsigned char *block = value;
    unsigned round = block[0];
    unsigned which = block[1];
    CHECK(pattern_check(block + 2, 98, 98, 7) == 98);
    rt.free(block);
    use_all_sizes();
    atomic_fetch_add(&key_destructors, 1);
    if (round + 1 >= KEY_ROUNDS)
        return;
    block = rt.malloc(100);
    CHECK(block != NULL);
    block[0] = (unsigned char)(round + 1);
    block[1] = (unsigned char)which;
    pattern_fill(block + 2, 98, 7);
    CHECK(pthread_setspecific(keys[which], block) == 0);
}

static void tls_destructor(void *object)
{
    CHECK(pattern_check(object, 3000, 3000, 8) == 3000);
    rt.free(object);
    use_all_sizes();
    atomic_fetch_add(&tls_destructors, 1);
}

static void register_tls_destructor(void)
{
    void *object = rt.malloc(3000);
    CHECK(object != NULL);
    pattern_fill(object, 3000, 8);
    if (__cxa_thread_atexit_impl == NULL) /* musl has keys alone */
        tls_destructor(object);
    else
        CHECK(__cxa_thread_atexit_impl(tls_destructor, object, &__dso_handle) == 0);
}

static void *thread_with_destructors(void *before)
{
    if (before)
        use_all_sizes(); /* else the thread's first allocation is the ones below */
    register_tls_destructor();
    for (unsigned i = 0; i < KEYS; i++) {
        unsigned char *block = rt.malloc(100);
        CHECK(block != NULL);
        block[0] = 0;
        block[1] = (unsigned char)i;
        pattern_fill(block + 2, 98, 7);
        CHECK(pthread_setspecific(keys[i], block) == 0);
    }
    register_tls_destructor();
    return NULL;
}

static void destructors_allocate(void)
{
    for (unsigned i = 0; i < KEYS; i++)
        CHECK(pthread_key_create(&keys[i], key_destructor) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t thread[2];
        for (int j = 0; j < 2; j++)
            CHECK(pthread_create(&thread[j], NULL, thread_with_destructors, j ? &keys : NULL) == 0);
        for (int j = 0; j < 2; j++)
            CHECK(pthread_join(thread[j], NULL) == 0);
    }
    CHECK(atomic_load(&key_destructors) == ROUNDS * 2 * KEYS * KEY_ROUNDS);
    CHECK(atomic_load(&tls_destructors) == ROUNDS * 2 * 2);
    CHECK(TEST_SANITIZED || resident_bytes() < 100 * MIB);
    for (unsigned i = 0; i < KEYS; i++)
        CHECK(pthread_key_delete(keys[i]) == 0);
}

static void only_now(void *unused)
{
    (void)unused;
    use_all_sizes();
}

static pthread_key_t late_key;

static void *use_and_end(void *unused)
{
    use_all_sizes();
    return unused;
}

/* The thread's first call of the allocator is in a destructor. */
static void *first_call_in_destructor(void *value)
{
    CHECK(pthread_setspecific(late_key, value) == 0);
    return NULL;
}

static void first_call_in_a_destructor(void)
{
    CHECK(pthread_key_create(&late_key, only_now) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, first_call_in_destructor, &late_key) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    CHECK(pthread_key_delete(late_key) == 0);
}

/* A program may want every key there is: the allocator must leave nearly all of them and live without one. */
static void all_keys_taken(void)
{
    static pthread_key_t all[PTHREAD_KEYS_MAX];
    unsigned count = 0;
    while (count < PTHREAD_KEYS_MAX && pthread_key_create(&all[count], NULL) == 0)
        count++;
    CHECK(count >= PTHREAD_KEYS_MAX - 8);
    for (int i = 0; i < (TEST_SANITIZED ? 20 : 100); i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, use_and_end, NULL) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    while (count > 0)
        CHECK(pthread_key_delete(all[--count]) == 0);
}

static void *exit_while_allocating(void *unused)
{
    for (volatile int on = 1; on;)
        use_all_sizes();
    return unused;
}

int main(void)
{
    api_is_roost();
    CHECK(atexit(at_exit) == 0);
    RUN(destructors_allocate);
    RUN(first_call_in_a_destructor);
    RUN(all_keys_taken);
    /* the program ends while other threads are inside the allocator */
    for (int i = 0; i < 4; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, exit_while_allocating, NULL) == 0);
        CHECK(pthread_detach(thread) == 0);
    }
    use_all_sizes();
    return 0;
}
