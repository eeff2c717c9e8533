/* Random calls of every entry of the allocator by several threads, against the shadow model of shadow.h: contents,
 * overlap, alignment, usable size, zeroed memory. Blocks change hands through exchange slots, outlive the
 * thread that made them, and are freed and resized by others.
 *
 *   test_random [--ops N] [--seed S] [--threads T] [--live MIB]
 *
 * Without --threads the operations are shared out over 1, 2, 3 and 8 threads in turn. A thread's calls follow from the
 * seed, which is printed; how threads interleave does not. A failure prints seed, thread, operation and call.
 * Built for both kinds of program of ../support/api.h: also with ROOST_TEST_API_ONLY.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "../support/api.h"

#include "../support/random_model.h"
#include "../support/shadow.h"
#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

/* A block has arrived: everything that can be said of it at once is checked, and it is filled. */
static void admit(struct worker *w, struct block *b)
{
    if (!b->at)
        fail(w, b, "no memory", b->size);
    b->usable = rt.usable_size(b->at);
    if (b->usable < b->size)
        fail(w, b, "usable size is less than what was asked for", b->usable);
    if ((uintptr_t)b->at & 15)
        fail(w, b, "not aligned to 16", 0);
    if (b->alignment > 1 && ((uintptr_t)b->at & (b->alignment - 1)))
        fail(w, b, "not aligned as asked for", b->alignment);
    if (!shadow_walk(b->at, b->usable, true))
        fail(w, b, "overlaps a block that is in use", 0);
    atomic_fetch_add_explicit(&live_bytes, b->usable, memory_order_relaxed);
    b->key = shadow_key(b->at, b->size, ((uint64_t)w->number << 56) + w->serial++);
    shadow_fill(b->at, b->usable, b->key);
}

/* A block is about to go: it must still be as it was filled. */
static void dismiss(struct worker *w, const struct block *b)
{
    size_t good = shadow_check(b->at, b->usable, b->usable, b->key);
    if (good != b->usable)
        fail(w, b, "contents changed while the block was in use, at byte", good);
    if (rt.usable_size(b->at) != b->usable)
        fail(w, b, "usable size changed to", rt.usable_size(b->at));
    if (!shadow_walk(b->at, b->usable, false))
        fail(w, b, "the shadow map lost the block", 0);
    atomic_fetch_sub_explicit(&live_bytes, b->usable, memory_order_relaxed);
}

static void must_be_zero(struct worker *w, const struct block *b, size_t from)
{
    size_t good = shadow_zero(b->at, from, b->size);
    if (from < b->size && good != b->size)
        fail(w, b, "not zero at byte", good);
}

/* A product that makes `size` or a little less, for the calls that take a count. */
static size_t split(struct worker *w, size_t *size)
{
    size_t count = 1 + below(w, 9);
    *size -= *size % count;
    return count;
}

static void allocate_zeroed(struct worker *w, struct block *b)
{
    size_t count = split(w, &b->size);
    switch (on_roost ? below(w, 4) : 0) {
    case 0:
        w->call = "calloc";
        b->at = rt.calloc(count, b->size / count);
        break;
    case 1:
        w->call = "zalloc";
        b->at = rt.zalloc(b->size);
        break;
    case 2:
        w->call = "recalloc of NULL";
        b->at = rt.recalloc(NULL, count, b->size / count);
        break;
    default:
        w->call = "rezalloc of NULL";
        b->at = rt.rezalloc(NULL, b->size);
    }
    if (b->at)
        must_be_zero(w, b, 0);
}

static void allocate_aligned(struct worker *w, struct block *b)
{
    static const size_t os_page = 4096;
    void *out = NULL;
    b->alignment = random_alignment(w);
    switch (below(w, 8)) {
    case 0:
        w->call = "valloc";
        b->alignment = os_page;
        b->at = rt.valloc(b->size);
        break;
    case 1:
        w->call = "pvalloc";
        b->alignment = os_page;
        b->at = rt.pvalloc(b->size);
        b->size = (b->size + os_page - 1) & ~(os_page - 1);
        break;
    case 2:
    case 3:
        w->call = "memalign";
        b->at = rt.memalign(b->alignment, b->size);
        break;
    case 4:
    case 5:
        w->call = "posix_memalign";
        b->alignment = b->alignment < sizeof(void *) ? sizeof(void *) : b->alignment;
        b->at = rt.posix_memalign(&out, b->alignment, b->size) == 0 ? out : NULL;
        break;
    default:
        w->call = "aligned_alloc";
        b->by_aligned_alloc = true;
        b->at = rt.aligned_alloc(b->alignment, b->size);
    }
}

static void allocate(struct worker *w, struct block *b)
{
    *b = (struct block){.size = random_size(w)};
    unsigned dice = below(w, 100);
    if (dice < 15) {
        allocate_zeroed(w, b);
    } else if (dice < 25) {
        allocate_aligned(w, b);
    } else if (dice < 30) {
        w->call = "realloc of NULL";
        b->at = rt.realloc(NULL, b->size);
    } else if (dice < 33) {
        w->call = "reallocarray of NULL";
        size_t count = split(w, &b->size);
        b->at = rt.reallocarray(NULL, count, b->size / count);
    } else {
        w->call = "malloc";
        b->at = rt.malloc(b->size);
    }
    admit(w, b);
    if (on_roost && !b->alignment && b->usable != rt.good_size(b->size))
        fail(w, b, "usable size differs from good_size", rt.good_size(b->size));
}

static void release(struct worker *w, struct block *b)
{
    dismiss(w, b);
    unsigned dice = below(w, 16);
    if (dice == 0) {
        w->call = "realloc to 0";
        if (rt.realloc(b->at, 0))
            fail(w, b, "a block of no size", 0);
    } else if (dice < 4 && b->by_aligned_alloc && rt.free_aligned_sized) {
        w->call = "free_aligned_sized";
        rt.free_aligned_sized(b->at, b->alignment, b->size);
    } else if (dice < 4 && !b->alignment && rt.free_sized) {
        w->call = "free_sized";
        rt.free_sized(b->at, b->size);
    } else {
        w->call = "free";
        rt.free(b->at);
    }
    b->at = NULL;
}

static void resize(struct worker *w, struct block *b)
{
    struct block old = *b;
    struct block new = {.size = random_size(w)};
    if (below(w, 2))
        new.size = old.size / 2 + (size_t)(next_random(w) >> 20) % (old.size + 64); /* near what it was */
    if (new.size > LARGEST || atomic_load_explicit(&live_bytes, memory_order_relaxed) + new.size > live_limit)
        new.size %= 1024;
    size_t count = 1 + below(w, 3);
    new.size = (new.size / count + 1) * count;
    dismiss(w, b);
    unsigned zeroing = on_roost ? below(w, 6) : 5;
    switch (zeroing) {
    case 0:
        w->call = "recalloc";
        new.at = rt.recalloc(old.at, count, new.size / count);
        break;
    case 1:
        w->call = "rezalloc";
        new.at = rt.rezalloc(old.at, new.size);
        break;
    case 2:
        w->call = "reallocarray";
        new.at = rt.reallocarray(old.at, count, new.size / count);
        break;
    default:
        w->call = "realloc";
        new.at = rt.realloc(old.at, new.size);
    }
    if (!new.at)
        fail(w, b, "no memory", new.size);
    size_t kept = old.size < new.size ? old.size : new.size;
    size_t good = shadow_check(new.at, old.usable, kept, old.key);
    if (good != kept)
        fail(w, b, "contents not kept, at byte", good);
    if (zeroing < 2 && new.size > old.usable)
        must_be_zero(w, &new, old.usable);
    *b = new;
    admit(w, b);
}

/* Put the slot's block where any thread may find it, and take what was there. */
static void swap(struct worker *w, struct block *b)
{
    struct exchange *e = &exchange[below(w, EXCHANGE)];
    w->call = "exchange";
    if (pthread_mutex_trylock(&e->lock) != 0)
        return;
    struct block taken = e->block;
    e->block = *b;
    pthread_mutex_unlock(&e->lock);
    *b = taken;
}

/* Calls that must fail, or that only ask. */
static void odd_call(struct worker *w, struct block *b)
{
    size_t huge = SIZE_MAX - below(w, 100000);
    void *out = NULL;
    errno = 0;
    switch (below(w, 8)) {
    case 0:
        w->call = "calloc of an overflow";
        if (rt.calloc(huge, 2 + below(w, 100)) || errno != ENOMEM)
            fail(w, b, "not refused with ENOMEM", 0);
        break;
    case 1:
        w->call = "malloc of an impossible size";
        if (rt.malloc(huge) || errno != ENOMEM)
            fail(w, b, "not refused with ENOMEM", 0);
        break;
    case 2:
        w->call = "posix_memalign with a wrong alignment";
        if (rt.posix_memalign(&out, 24, 100) != EINVAL || out)
            fail(w, b, "not refused with EINVAL", 0);
        break;
    case 3:
        w->call = "free of NULL";
        rt.free(NULL);
        break;
    case 4:
        w->call = "realloc to an impossible size";
        if (b->at && rt.realloc(b->at, huge))
            fail(w, b, "not refused", 0);
        break;
    case 5:
        if (on_roost && below(w, 16) == 0)
            rt.thread_flush();
        break;
    default:
        w->call = "owns";
        if (on_roost && b->at && rt.owns(b->at + below(w, 16)) != 1)
            fail(w, b, "denied", 0);
    }
}

static void *live_a_while(void *of)
{
    struct worker *w = of;
    for (; w->op < w->last_op; w->op++) {
        if (w->op % 32768 == 0)
            w->window = 8u << below(w, 10);
        struct block *b = &w->slot[below(w, w->window < SLOTS ? w->window : SLOTS)];
        unsigned dice = below(w, 64);
        if (dice == 0)
            odd_call(w, b);
        else if (dice < 10)
            swap(w, b);
        else if (!b->at)
            allocate(w, b);
        else if (dice < 22)
            resize(w, b);
        else
            release(w, b);
    }
    return NULL;
}

/* `ops` operations over `count` workers; each worker is LIVES threads, one after the other, with the same slots. */
static void stage(unsigned count, uint64_t ops)
{
    pthread_t thread[MAX_THREADS];
    for (unsigned i = 0; i < count; i++) {
        struct worker *w = &workers[i];
        w->number = i;
        w->op = 0;
        w->window = 64;
        w->random = shadow_key(NULL, count * 100 + i, seed) | 1;
    }
    for (uint64_t life = 1; life <= LIVES; life++) {
        for (unsigned i = 0; i < count; i++) {
            workers[i].last_op = ops / count * life / LIVES;
            if (pthread_create(&thread[i], NULL, live_a_while, &workers[i]) != 0) {
                perror("pthread_create");
                exit(1);
            }
        }
        for (unsigned i = 0; i < count; i++)
            pthread_join(thread[i], NULL);
    }
    printf("%u threads: %llu operations, %zu MiB alive\n", count, (unsigned long long)ops,
           (size_t)atomic_load(&live_bytes) >> 20);
    fflush(stdout);
}

static void release_everything(void)
{
    struct worker *w = &workers[0];
    for (unsigned i = 0; i < MAX_THREADS; i++) {
        for (unsigned j = 0; j < SLOTS; j++) {
            if (workers[i].slot[j].at)
                release(w, &workers[i].slot[j]);
        }
    }
    for (unsigned i = 0; i < EXCHANGE; i++) {
        if (exchange[i].block.at)
            release(w, &exchange[i].block);
    }
    if (atomic_load(&live_bytes) != 0) {
        fprintf(stderr, "FAILED: seed %llu: %zu bytes unaccounted for\n", (unsigned long long)seed,
                (size_t)atomic_load(&live_bytes));
        exit(1);
    }
}

static uint64_t number_after(const char *option, int argc, char **argv, uint64_t otherwise)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], option) == 0)
            return strtoull(argv[i + 1], NULL, 0);
    }
    return otherwise;
}

int main(int argc, char **argv)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ops = number_after("--ops", argc, argv, TEST_SANITIZED ? 800000 : 10000000);
    unsigned threads = (unsigned)number_after("--threads", argc, argv, 0);
    seed = number_after("--seed", argc, argv, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
    live_limit = (size_t)number_after("--live", argc, argv, 512) << 20;
    if (argc % 2 == 0 || threads > MAX_THREADS) {
        fputs("usage: test_random [--ops N] [--seed S] [--threads T] [--live MIB]\n", stderr);
        return 2;
    }
    on_roost = api_is_roost();
    printf("seed %llu, %llu operations\n", (unsigned long long)seed, (unsigned long long)ops);
    fflush(stdout);
    for (unsigned i = 0; i < EXCHANGE; i++)
        pthread_mutex_init(&exchange[i].lock, NULL);
    if (threads) {
        stage(threads, ops);
    } else {
        static const unsigned counts[] = {1, 2, 3, 8};
        for (unsigned i = 0; i < 4; i++)
            stage(counts[i], ops / 4);
    }
    release_everything();
    return 0;
}
