/* Short names for C11 atomics. The order is part of the name, so that no access is sequentially consistent by
 * accident, and there are no bare fences (ThreadSanitizer does not see them). SPDX-License-Identifier: MIT */
#ifndef RST_OS_ATOMIC_H
#define RST_OS_ATOMIC_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_THREAD__)
#define RST_THREAD_SANITIZER 1
#elif defined(__has_feature)
#define RST_THREAD_SANITIZER __has_feature(thread_sanitizer)
#else
#define RST_THREAD_SANITIZER 0
#endif

#define rst_load_relaxed(p) atomic_load_explicit((p), memory_order_relaxed)
#define rst_load_acquire(p) atomic_load_explicit((p), memory_order_acquire)
#define rst_load_seq(p) atomic_load_explicit((p), memory_order_seq_cst)
#define rst_store_relaxed(p, v) atomic_store_explicit((p), (v), memory_order_relaxed)
#define rst_store_release(p, v) atomic_store_explicit((p), (v), memory_order_release)
#define rst_swap_acquire(p, v) atomic_exchange_explicit((p), (v), memory_order_acquire)
#define rst_swap_acq_rel(p, v) atomic_exchange_explicit((p), (v), memory_order_acq_rel)
#define rst_add_relaxed(p, v) atomic_fetch_add_explicit((p), (v), memory_order_relaxed)
#define rst_sub_relaxed(p, v) atomic_fetch_sub_explicit((p), (v), memory_order_relaxed)
#define rst_or_relaxed(p, v) atomic_fetch_or_explicit((p), (v), memory_order_relaxed)
#define rst_or_seq(p, v) atomic_fetch_or_explicit((p), (v), memory_order_seq_cst)
#define rst_and_relaxed(p, v) atomic_fetch_and_explicit((p), (v), memory_order_relaxed)
#define rst_and_seq(p, v) atomic_fetch_and_explicit((p), (v), memory_order_seq_cst)

/* Compare and swap; on failure *expected has the value seen, read relaxed. */
#define rst_cas_acquire(p, expected, v) \
    atomic_compare_exchange_weak_explicit((p), (expected), (v), memory_order_acquire, memory_order_relaxed)
#define rst_cas_release(p, expected, v) \
    atomic_compare_exchange_weak_explicit((p), (expected), (v), memory_order_release, memory_order_relaxed)
#define rst_cas_acq_rel(p, expected, v) \
    atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_acq_rel, memory_order_relaxed)

/* Subtract 1 from a count that only one thread writes; true when it became 0. release: whoever reads the new count sees what was written
 * before. */
static inline __attribute__((always_inline)) _Bool rst_decrement_release(_Atomic uint32_t *p)
{
#if defined(__x86_64__) && !RST_THREAD_SANITIZER
    /* One plain instruction, which compilers do not make of a load and a store. */
    _Bool zero;
    __asm__ volatile("subl $1, %0" : "+m"(*p), "=@ccz"(zero) : : "memory");
    return zero;
#else
    uint32_t now = rst_load_relaxed(p) - 1;
    rst_store_release(p, now);
    return now == 0;
#endif
}

/* Add to a figure that only one thread writes and any thread may read. */
#define rst_count(p, n) rst_store_relaxed((p), rst_load_relaxed(p) + (n))

#endif
