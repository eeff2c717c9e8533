/* Message passing: a sender writes a block and pushes it; who takes the inbox sees what was written, by every sender whose
 * message it got. rst_inbox_push_mt and rst_inbox_take_mt. SPDX-License-Identifier: MIT */
#include "litmus.h"
#include "threadcache/inbox.h"

typedef struct letter {
    rst_message message;
    litmus_data text;
} letter;

static rst_heap heaps[LITMUS_WIDTH];
static letter letters[LITMUS_WIDTH][2];
static unsigned taken[LITMUS_WIDTH], stale[LITMUS_WIDTH];

static void reset(unsigned i)
{
    rst_store_relaxed(&heaps[i].inbox, 0);
    for (unsigned k = 0; k < 2; k++)
        litmus_write(&letters[i][k].text, 0);
    taken[i] = stale[i] = 0;
}

static void send(unsigned i, unsigned k)
{
    litmus_write(&letters[i][k].text, 7);
    if (!litmus_weak) {
        rst_inbox_push_mt(&heaps[i], &letters[i][k].message, 16);
        return;
    }
    uint64_t seen = rst_load_relaxed(&heaps[i].inbox);
    do {
        letters[i][k].message.next = rst_inbox_top(seen);
    } while (!atomic_compare_exchange_weak_explicit(&heaps[i].inbox, &seen, (uintptr_t)&letters[i][k],
                                                    memory_order_relaxed, memory_order_relaxed));
}

static void send_0(unsigned i)
{
    send(i, 0);
}

static void send_1(unsigned i)
{
    send(i, 1);
}

static void take(unsigned i)
{
    for (const rst_message *m = rst_inbox_take_mt(&heaps[i]); m != NULL; m = m->next) {
        taken[i]++;
        stale[i] += litmus_read(&((const letter *)m)->text) != 7;
    }
}

static unsigned outcome(unsigned i)
{
    return stale[i] != 0 ? 3 : taken[i];
}

int main(int argc, char **argv)
{
    static const litmus_test test = {
        .name = "push_take",
        .reset = reset,
        .thread = {send_0, send_1, take},
        .outcome = outcome,
        .outcome_name = {"took none", "took one", "took both", "!took what was not yet written"},
    };
    return litmus_main(argc, argv, &test);
}
