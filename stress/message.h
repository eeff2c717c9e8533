/* The blocks that travel between threads. Whoever makes one fills it with a pattern that follows from its address, its size, a
 * salt and the seed; whoever ends it checks the pattern first. So a block that is handed out twice, cut short, moved wrongly
 * or written by someone else is noticed where it is freed. The allocations are of all kinds; the first bytes say which.
 * SPDX-License-Identifier: MIT
 */
#ifndef ROOST_STRESS_MESSAGE_H
#define ROOST_STRESS_MESSAGE_H

#include "../tests/support/api.h"
#include "run.h"

#include <assert.h>
#include <sched.h>
#include <stdatomic.h>

enum message_kind { MESSAGE_PLAIN, MESSAGE_ZEROED, MESSAGE_ALIGNED };

struct message {
    uint64_t check; /* what the pattern follows from */
    uint32_t size;
    uint16_t salt;
    uint8_t kind; /* message_kind in the low 2 bits, the alignment's exponent above */
    uint8_t hops; /* how many threads passed it on; no part of the check */
};

enum {
    MESSAGE_WHOLE = 1024, /* bytes filled without a gap; beyond, one word in each... */
    MESSAGE_STRIDE = 512,
    MESSAGE_TAIL = 64 /* and the end */
};

static_assert(sizeof(struct message) == 16, "the smallest block holds it");

/* What one thread did; read by others while it runs. */
struct tally {
    _Atomic uint64_t made;
    _Atomic uint64_t made_bytes;
    _Atomic uint64_t freed_bytes;
    char apart[104]; /* from another thread's: two cache lines */
};

static inline void tally_add(_Atomic uint64_t *figure, uint64_t n)
{
    /* relaxed, not an atomic addition: the thread is the only one that writes. */
    atomic_store_explicit(figure, atomic_load_explicit(figure, memory_order_relaxed) + n, memory_order_relaxed);
}

/* --- sizes --- */

enum size_profile { SIZES_MIXED, SIZES_SMALL, SIZES_ONE, SIZE_PROFILES };

/* 16 B to 2 MiB: half of them below 128 B, one in a hundred above 64 KiB. */
static inline size_t size_mixed(uint64_t *random)
{
    size_t which = random_below(random, 1024);
    if (which < 560)
        return 16 + random_below(random, 113);
    if (which < 820)
        return 128 + random_below(random, 896);
    if (which < 950)
        return 1024 + random_below(random, 7 * 1024);
    if (which < 1012)
        return 8192 + random_below(random, 56 * 1024);
    if (which < 1022)
        return 65536 + random_below(random, 192 * 1024);
    return 262144 + random_below(random, 1792 * 1024);
}

static inline size_t size_of_profile(enum size_profile profile, size_t one, uint64_t *random)
{
    if (run.size != 0)
        return run.size < 16 ? 16 : run.size;
    switch (profile) {
    case SIZES_SMALL:
        return 16 + random_below(random, 240);
    case SIZES_ONE:
        return one;
    default:
        return size_mixed(random);
    }
}

/* --- contents --- */

static inline uint64_t message_word(uint64_t check, size_t at)
{
    return (check + at) * 0x9e3779b97f4a7c15u;
}

/* The place after `at` that carries a word, in a block of `size` bytes whose last whole word ends at or before it. */
static inline size_t message_next(size_t at, size_t size)
{
    size_t tail = size < MESSAGE_TAIL ? 0 : (size - MESSAGE_TAIL) & ~(size_t)7;
    if (at + 8 < MESSAGE_WHOLE || at >= tail)
        return at + 8;
    size_t next = (at + MESSAGE_STRIDE) & ~(size_t)(MESSAGE_STRIDE - 1);
    return next < tail ? next : tail;
}

static inline uint64_t message_sum(const struct message *m, size_t size)
{
    return mix((uint64_t)(uintptr_t)m ^ mix(size ^ (uint64_t)m->salt << 40 ^ (uint64_t)m->kind << 56) ^ run.seed);
}

static inline void message_fill(struct message *m, size_t size)
{
    m->size = (uint32_t)size;
    m->check = message_sum(m, size);
    for (size_t at = sizeof *m; at + 8 <= size; at = message_next(at, size)) {
        uint64_t word = message_word(m->check, at);
        memcpy((char *)m + at, &word, 8);
    }
}

static inline void message_is_wrong(const struct message *m, const char *what, size_t at)
{
    fprintf(stderr, "%s: block %p: %s at byte %zu (size %u, salt %u, kind %u, hops %u, seed %llu)\n", run.name,
            (const void *)m, what, at, m->size, m->salt, m->kind, m->hops, (unsigned long long)run.seed);
    abort();
}

/* Check the words below `kept` of what was filled with `check` for a block of `size`. */
static inline void message_check_words(const struct message *m, uint64_t check, size_t size, size_t kept)
{
    for (size_t at = sizeof *m; at + 8 <= kept; at = message_next(at, size)) {
        uint64_t word;
        memcpy(&word, (const char *)m + at, 8);
        if (word != message_word(check, at))
            message_is_wrong(m, "a wrong byte", at);
    }
}

static inline void message_check(const struct message *m)
{
    if (m->check != message_sum(m, m->size))
        message_is_wrong(m, "its head is damaged", 0);
    message_check_words(m, m->check, m->size, m->size);
}

/* --- life --- */

static inline void *message_memory(size_t size, uint64_t *random, uint8_t *kind)
{
    uint64_t choice = random_below(random, 64);
    *kind = MESSAGE_PLAIN;
    if (choice < 58)
        return rt.malloc(size);
    if (choice < 61) {
        *kind = MESSAGE_ZEROED;
        return rt.calloc(1, size);
    }
    unsigned exponent =
        one_in(random, 32) ? 12 + (unsigned)random_below(random, 5) : 4 + (unsigned)random_below(random, 8);
    *kind = (uint8_t)(MESSAGE_ALIGNED | exponent << 2);
    void *block = rt.aligned_alloc((size_t)1 << exponent, size);
    CHECK(((uintptr_t)block & (((size_t)1 << exponent) - 1)) == 0);
    return block;
}

static inline struct message *message_make(struct tally *tally, uint64_t *random, size_t size)
{
    uint8_t kind;
    struct message *m = message_memory(size, random, &kind);
    CHECK(m != NULL);
    if (kind == MESSAGE_ZEROED) {
        for (size_t at = 0; at + 8 <= size; at = at < MESSAGE_WHOLE ? at + 8 : at + MESSAGE_STRIDE) {
            uint64_t word;
            memcpy(&word, (char *)m + at, 8);
            CHECK(word == 0);
        }
    }
    m->salt = (uint16_t)random_next(random);
    m->kind = kind;
    m->hops = 0;
    message_fill(m, size);
    tally_add(&tally->made, 1);
    tally_add(&tally->made_bytes, size);
    return m;
}

/* Check a block and give it back, by any of the ways there are. */
static inline void message_end(struct tally *tally, uint64_t *random, struct message *m)
{
    message_check(m);
    size_t size = m->size;
    unsigned kind = m->kind & 3, exponent = m->kind >> 2;
    bool sized = one_in(random, 4);
    if (one_in(random, 32))
        CHECK(rt.usable_size(m) >= size);
    memset(m, 0xee, sizeof *m); /* freed twice, it would be noticed as damaged */
    tally_add(&tally->freed_bytes, size);
    if (sized && kind == MESSAGE_ALIGNED && rt.free_aligned_sized != NULL)
        rt.free_aligned_sized(m, (size_t)1 << exponent, size);
    else if (sized && kind != MESSAGE_ALIGNED && rt.free_sized != NULL)
        rt.free_sized(m, size);
    else
        rt.free(m);
}

/* Check a block and change its size; what it held must be kept. */
static inline struct message *message_resize(struct tally *tally, struct message *m, size_t size)
{
    message_check(m);
    struct message old = *m;
    m = rt.realloc(m, size);
    CHECK(m != NULL && m->check == old.check && m->size == old.size);
    message_check_words(m, old.check, old.size, size < old.size ? size : old.size);
    m->kind = MESSAGE_PLAIN;
    message_fill(m, size);
    tally_add(&tally->made_bytes, size);
    tally_add(&tally->freed_bytes, old.size);
    return m;
}

#endif
