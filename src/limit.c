/* What the program is asked when the hard limit stands in the way. SPDX-License-Identifier: MIT */
#include "core/counters.h"
#include "core/limits.h"
#include "face.h"
#include "os/sync.h"

static rst_lock lock;
static roost_limit_callback *callback; /* [lock] */
static void *callback_argument;        /* [lock] */

RST_EXPORT void roost_set_limit_callback(roost_limit_callback *function, void *argument)
{
    rst_lock_acquire(&lock);
    callback = function;
    callback_argument = argument;
    rst_lock_release(&lock);
}

/* Not from within itself, and without the lock: it may do anything. */
static bool ask(rst_heap *heap, size_t size)
{
    rst_lock_acquire(&lock);
    roost_limit_callback *function = callback;
    void *argument = callback_argument;
    rst_lock_release(&lock);
    if (function == NULL || heap->asking != 0)
        return false;
    heap->asking = 1;
    bool made_room = function(size, argument) != 0;
    heap->asking = 0;
    return made_room;
}

bool rst_limit_ask(size_t size, size_t footprint)
{
    rst_heap *heap = rst_thread_heap;
    if (!rst_limits_forbid(footprint) || heap == &rst_heap_none)
        return false;
    if (ask(heap, size))
        return true;
    rst_process_add(limit_refused, 1);
    return false;
}

void rst_limit_forget(void)
{
    rst_lock_reset(&lock);
}
