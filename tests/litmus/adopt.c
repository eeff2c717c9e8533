/* A heap that is parked, adopted and parked again, while someone drains it because it is idle: whoever acts as its owner sees all that the
 * last one did. Ends of park, adopt_from and rst_outside_drain_idle, with rst_token_try and rst_token_release.
 * SPDX-License-Identifier: MIT */
#include "litmus.h"
#include "threadcache/outside.h"

enum { TRIES = 8 };

static rst_heap heaps[LITMUS_WIDTH];
static litmus_data lists[LITMUS_WIDTH]; /* what only the owner may change */
static unsigned acted[LITMUS_WIDTH][LITMUS_THREADS];

static void reset(unsigned i)
{
    rst_store_relaxed(&heaps[i].state, RST_HEAP_ATTACHED);
    rst_store_relaxed(&heaps[i].token, 0u);
    litmus_write(&lists[i], 0);
    memset(acted[i], 0, sizeof acted[i]);
}

static void act(unsigned i, unsigned me)
{
    litmus_write(&lists[i], litmus_read(&lists[i]) + 1);
    acted[i][me]++;
}

static void park(unsigned i)
{
    atomic_store_explicit(&heaps[i].state, RST_HEAP_IDLE, memory_order_seq_cst);
}

static void first_owner(unsigned i)
{
    act(i, 0);
    park(i);
}

static void adopter(unsigned i)
{
    rst_heap *heap = &heaps[i];
    for (int n = 0; n < TRIES; n++) {
        /* acquire: stands for the registry's lock, under which both park and adoption are done. */
        if (rst_load_acquire(&heap->state) != RST_HEAP_IDLE || !rst_token_try(heap))
            continue;
        rst_store_relaxed(&heap->state, RST_HEAP_ATTACHED);
        rst_token_release(heap);
        act(i, 1);
        park(i);
        return;
    }
}

static void drainer(unsigned i)
{
    rst_heap *heap = &heaps[i];
    for (int n = 0; n < TRIES; n++) {
        if (rst_load_seq(&heap->state) != RST_HEAP_IDLE || !rst_token_try(heap))
            continue;
        if (litmus_weak || rst_load_acquire(&heap->state) == RST_HEAP_IDLE)
            act(i, 2);
        rst_token_release(heap);
    }
}

static unsigned outcome(unsigned i)
{
    if (litmus_read(&lists[i]) != acted[i][0] + acted[i][1] + acted[i][2])
        return 4;
    return acted[i][1] + 2 * (acted[i][2] != 0);
}

int main(int argc, char **argv)
{
    static const litmus_test test = {
        .name = "adopt",
        .reset = reset,
        .thread = {first_owner, adopter, drainer},
        .outcome = outcome,
        .outcome_name = {"parked", "adopted", "drained", "adopted and drained", "!an owner's work was not seen"},
    };
    return litmus_main(argc, argv, &test);
}
