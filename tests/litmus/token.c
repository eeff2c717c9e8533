/* Dekker with the token: an outsider keeps blocks beside a page, gives the token back and then looks at the heap's state; meanwhile the owner
 * parks, and then looks at what is kept. One of them sees the other, or a page is left with an idle heap. Ends of
 * rst_outside_collect and of park. SPDX-License-Identifier: MIT */
#include "litmus.h"
#include "threadcache/outside.h"

static rst_heap heaps[LITMUS_WIDTH];
static bool outsider_saw[LITMUS_WIDTH], owner_saw[LITMUS_WIDTH];

static void reset(unsigned i)
{
    rst_store_relaxed(&heaps[i].outside_pages, 0u);
    rst_store_relaxed(&heaps[i].token, 1u);
    rst_store_relaxed(&heaps[i].state, RST_HEAP_ATTACHED);
}

static void outsider(unsigned i)
{
    if (litmus_weak) {
        rst_store_release(&heaps[i].outside_pages, 1u);
        rst_store_release(&heaps[i].token, 0u);
        outsider_saw[i] = rst_load_acquire(&heaps[i].state) == RST_HEAP_IDLE;
        return;
    }
    rst_store_relaxed(&heaps[i].outside_pages, 1u);
    rst_token_release(&heaps[i]);
    outsider_saw[i] = rst_load_seq(&heaps[i].state) == RST_HEAP_IDLE;
}

static void owner(unsigned i)
{
    if (litmus_weak) {
        rst_store_release(&heaps[i].state, RST_HEAP_IDLE);
        owner_saw[i] = rst_load_acquire(&heaps[i].outside_pages) != 0;
        return;
    }
    atomic_store_explicit(&heaps[i].state, RST_HEAP_IDLE, memory_order_seq_cst);
    owner_saw[i] = rst_load_seq(&heaps[i].outside_pages) != 0;
}

static unsigned outcome(unsigned i)
{
    return (unsigned)outsider_saw[i] + 2 * (unsigned)owner_saw[i];
}

int main(int argc, char **argv)
{
    static const litmus_test test = {
        .name = "token",
        .reset = reset,
        .thread = {outsider, owner},
        .outcome = outcome,
        .outcome_name = {"!neither saw", "outsider saw", "owner saw", "both saw"},
    };
    return litmus_main(argc, argv, &test);
}
