/* The Dekker pair bare: each side writes one word and reads the other's, all sequentially consistent. It says whether the machine, or what
 * emulates it, can be trusted with park.c and token.c. SPDX-License-Identifier: MIT */
#include "litmus.h"

static struct {
    RST_ALIGNED(64) _Atomic unsigned word[2];
} pairs[LITMUS_WIDTH];
static unsigned saw[LITMUS_WIDTH][2];

static void reset(unsigned i)
{
    rst_store_relaxed(&pairs[i].word[0], 0);
    rst_store_relaxed(&pairs[i].word[1], 0);
}

static void side(unsigned i, unsigned me)
{
    if (litmus_weak) {
        rst_store_release(&pairs[i].word[me], 1);
        saw[i][me] = rst_load_acquire(&pairs[i].word[1 - me]);
        return;
    }
    atomic_store_explicit(&pairs[i].word[me], 1, memory_order_seq_cst);
    saw[i][me] = rst_load_seq(&pairs[i].word[1 - me]);
}

static void first(unsigned i)
{
    side(i, 0);
}

static void second(unsigned i)
{
    side(i, 1);
}

static unsigned outcome(unsigned i)
{
    return saw[i][0] + 2 * saw[i][1];
}

int main(int argc, char **argv)
{
    static const litmus_test test = {
        .name = "store_buffer",
        .reset = reset,
        .thread = {first, second},
        .outcome = outcome,
        .outcome_name = {"!neither saw", "first saw", "second saw", "both saw"},
    };
    return litmus_main(argc, argv, &test);
}
