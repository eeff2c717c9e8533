/* State and count of a page are two words, and the outsider reads one after the other. The owner frees its last block, so that the page
 * is whole for a moment; then it takes the page back, gives all blocks out, and lets the page become full and available again with
 * a block out. Either the owner's activation succeeds or the outsider takes the page, never both. rst_page_activate,
 * rst_page_shift, rst_page_turn and rst_page_take_whole. SPDX-License-Identifier: MIT */
#include "core/arena.h"
#include "core/page.h"
#include "litmus.h"

enum { TRIES = 100 };

static rst_slice pages[LITMUS_WIDTH];
static rst_group group; /* of the arena that they pass for: there is no memory behind them */
static bool activated[LITMUS_WIDTH], taken[LITMUS_WIDTH];

static void reset(unsigned i)
{
    rst_slice *page = &pages[i];
    page->size_class = (uint8_t)rst_class_of(RST_SMALL_MAX);
    page->carved = rst_classes[page->size_class].capacity;
    page->foreign_count = 1;
    rst_page_shift(page, RST_PAGE_AVAILABLE, 2);
    activated[i] = taken[i] = false;
}

static void owner(unsigned i)
{
    static uint32_t seed;
    rst_slice *page = &pages[i];
    rst_decrement_release(&page->left);
    litmus_pause(&seed, 63);
    activated[i] = rst_page_activate(page) == RST_PAGE_ACTIVATED;
    if (!activated[i])
        return;
    rst_page_set_full(page);
    while (!rst_decrement_release(&page->left)) {
    }
    rst_page_turn(page, 0);                   /* available */
    while (rst_load_relaxed(&page->left) > 2) /* what the outsider keeps, and one more */
        rst_decrement_release(&page->left);
}

static uint32_t pause_seed; /* the outsider's */

/* As if there were no version in the state. */
static bool take_weak(rst_slice *page)
{
    uint32_t seen = rst_load_relaxed(&page->state) & RST_PAGE_STATE_MASK;
    uint32_t left = rst_load_relaxed(&page->left);
    litmus_pause(&pause_seed, 15);
    uint32_t now = rst_load_relaxed(&page->state);
    return seen == RST_PAGE_AVAILABLE && left == page->foreign_count && (now & RST_PAGE_STATE_MASK) == seen &&
           rst_cas_acq_rel(&page->state, &now, RST_PAGE_TAKEN);
}

static void outsider(unsigned i)
{
    for (int n = 0; n < TRIES && !taken[i]; n++)
        taken[i] = litmus_weak ? take_weak(&pages[i]) : rst_page_take_whole(&pages[i], true) != RST_PAGE_ACTIVE;
}

static unsigned outcome(unsigned i)
{
    return activated[i] ? taken[i] ? 2 : 0 : 1;
}

int main(int argc, char **argv)
{
    static_assert(LITMUS_WIDTH <= RST_GROUP_SLICES, "one group");
    rst_arenas[0].slices = pages;
    rst_arenas[0].groups = &group;
    static const litmus_test test = {
        .name = "transition",
        .reset = reset,
        .thread = {owner, outsider},
        .outcome = outcome,
        .outcome_name = {"activated", "taken", "!both"},
    };
    return litmus_main(argc, argv, &test);
}
