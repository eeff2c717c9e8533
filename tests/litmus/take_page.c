/* The owner's last free of a page, and the outsider who thereupon takes the page and reuses its memory: what the owner wrote into the block
 * is seen, and does not land afterwards. rst_decrement_release and rst_page_take_whole. SPDX-License-Identifier: MIT */
#include "core/page.h"
#include "litmus.h"

enum { TRIES = 4 };

static rst_slice pages[LITMUS_WIDTH];
static litmus_data block[LITMUS_WIDTH];
static bool taken[LITMUS_WIDTH], stale[LITMUS_WIDTH];

/* A full page of which one block is out that is not kept by the outsider. */
static void reset(unsigned i)
{
    rst_slice *page = &pages[i];
    page->size_class = (uint8_t)rst_class_of(RST_SMALL_MAX);
    const rst_class_info *info = &rst_classes[page->size_class];
    rst_page_shift(page, RST_PAGE_FULL, 2);
    page->foreign_count = (uint16_t)(info->capacity - info->reserve + 1);
    litmus_write(&block[i], 0);
    taken[i] = stale[i] = false;
}

static void owner(unsigned i)
{
    litmus_write(&block[i], 7); /* its link in page->free */
    if (litmus_weak)
        rst_store_relaxed(&pages[i].left, rst_load_relaxed(&pages[i].left) - 1);
    else
        rst_decrement_release(&pages[i].left);
}

static void outsider(unsigned i)
{
    for (int n = 0; n < TRIES && !taken[i]; n++)
        taken[i] = rst_page_take_whole(&pages[i], false) == RST_PAGE_FULL;
    if (taken[i]) {
        stale[i] = litmus_read(&block[i]) != 7;
        litmus_write(&block[i], 9);
    }
}

static unsigned outcome(unsigned i)
{
    if (stale[i])
        return 2;
    if (litmus_read(&block[i]) != (taken[i] ? 9 : 7))
        return 3;
    return taken[i];
}

int main(int argc, char **argv)
{
    static const litmus_test test = {
        .name = "take_page",
        .reset = reset,
        .thread = {owner, outsider},
        .outcome = outcome,
        .outcome_name = {"not taken", "taken", "!taken, with a write not seen", "!written after it was taken"},
    };
    return litmus_main(argc, argv, &test);
}
