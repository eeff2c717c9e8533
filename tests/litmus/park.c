/* Dekker: a sender pushes and then looks at the state; the owner that parks sets the state and then looks at the inbox. One of
 * them sees the other, or a message is left in an idle heap. send in remote.c, park in registry.c. SPDX-License-Identifier: MIT */
#include "litmus.h"
#include "threadcache/inbox.h"

static rst_heap heaps[LITMUS_WIDTH];
static rst_message messages[LITMUS_WIDTH];
static bool sender_saw[LITMUS_WIDTH], owner_saw[LITMUS_WIDTH];

static void reset(unsigned i)
{
    rst_store_relaxed(&heaps[i].inbox, 0);
    rst_store_relaxed(&heaps[i].state, RST_HEAP_ATTACHED);
}

static void sender(unsigned i)
{
    if (litmus_weak) {
        rst_store_release(&heaps[i].inbox, (uintptr_t)&messages[i]);
        sender_saw[i] = rst_load_acquire(&heaps[i].state) == RST_HEAP_IDLE;
        return;
    }
    rst_inbox_push_mt(&heaps[i], &messages[i], 16);
    sender_saw[i] = rst_load_seq(&heaps[i].state) == RST_HEAP_IDLE;
}

static void owner(unsigned i)
{
    if (litmus_weak) {
        rst_store_release(&heaps[i].state, RST_HEAP_IDLE);
        owner_saw[i] = rst_load_acquire(&heaps[i].inbox) != 0;
        return;
    }
    atomic_store_explicit(&heaps[i].state, RST_HEAP_IDLE, memory_order_seq_cst);
    owner_saw[i] = rst_load_seq(&heaps[i].inbox) != 0;
}

static unsigned outcome(unsigned i)
{
    return (unsigned)sender_saw[i] + 2 * (unsigned)owner_saw[i];
}

int main(int argc, char **argv)
{
    static const litmus_test test = {
        .name = "park",
        .reset = reset,
        .thread = {sender, owner},
        .outcome = outcome,
        .outcome_name = {"!neither saw", "sender saw", "owner saw", "both saw"},
    };
    return litmus_main(argc, argv, &test);
}
