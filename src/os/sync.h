/* A lock for cold paths: three-state futex word, C11 atomics so that ThreadSanitizer sees it; ConcurrencyKit's stall
 * between tries. Not recursive. A zeroed lock is free. SPDX-License-Identifier: MIT */
#ifndef RST_OS_SYNC_H
#define RST_OS_SYNC_H

#include "os/atomic.h"
#include "os/os.h"

#ifndef __riscv /* ConcurrencyKit 0.7 does not know it */
#include <ck_pr.h>
#endif

typedef struct rst_lock {
    _Atomic uint32_t word; /* 0 free, 1 held, 2 held and someone sleeps */
} rst_lock;

enum { RST_LOCK_SPINS = 64 };

RST_INLINE void rst_stall(void)
{
#ifdef __riscv
    __asm__ __volatile__(".insn i 0x0f, 0, x0, x0, 0x010" ::
                             : "memory"); /* pause; where it is not known a hint that does nothing */
#else
    ck_pr_stall();
#endif
}

RST_INLINE bool rst_lock_try(rst_lock *lock)
{
    uint32_t seen = 0;
    /* acquire: pairs with the release in rst_lock_release. */
    return atomic_compare_exchange_strong_explicit(&lock->word, &seen, 1, memory_order_acquire, memory_order_relaxed);
}

static inline void rst_lock_acquire(rst_lock *lock)
{
    for (int i = 0; i < RST_LOCK_SPINS; i++) {
        if (rst_lock_try(lock))
            return;
        rst_stall();
    }
    while (rst_swap_acquire(&lock->word, 2u) != 0)
        rst_os_wait(&lock->word, 2);
}

static inline void rst_lock_release(rst_lock *lock)
{
    /* release: what was written under the lock is seen by the next holder. */
    if (atomic_exchange_explicit(&lock->word, 0u, memory_order_release) == 2)
        rst_os_wake(&lock->word);
}

/* After fork, in the child: nobody else is left who could hold it. */
static inline void rst_lock_reset(rst_lock *lock)
{
    rst_store_relaxed(&lock->word, 0u);
}

#endif
