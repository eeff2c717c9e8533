/* Holes are made: OS pages of a page all of whose blocks are free are given back although other blocks of the page are in use.
 *
 * Only an AVAILABLE page is hollowed out, from which nobody allocates, and by an outsider that holds it: its owner may still free blocks to it,
 * but neither activates nor ends it. docs/memory-model.md has the argument. SPDX-License-Identifier: MIT */
#ifndef RST_CORE_HOLLOW_H
#define RST_CORE_HOLLOW_H

#include "core/holes.h"
#include "core/page.h"
#include "os/os.h"

/* Less than this is not worth a page's holes, bytes. */
#define RST_HOLLOW_MIN (16 * RST_KIB)

/* What tells that blocks were freed to an AVAILABLE page since its holes were made, or that it was in use meanwhile. */
RST_INLINE uint32_t rst_hollow_mark(uint32_t state, uint32_t left)
{
    return (state | RST_PAGE_OLD) ^ (left << 12);
}

/* Free blocks in lists, in bytes, of a copy of a page's descriptor with `left`: no more than this can be given back. */
size_t rst_hollow_most(const rst_slice *copy, uint32_t left);

/* Hold a page whose state word was `seen`, AVAILABLE and not held. False: it has changed, or is empty. With the owner's token. */
bool rst_page_hold(rst_slice *page, uint32_t seen);

/* What is to be given back of held pages of one segment. */
typedef struct rst_hollowed {
    unsigned count;
    rst_os_run run[RST_OS_RUNS_MAX];
} rst_hollowed;

/* Add what is free of a held page, if it is at least `least` bytes; when there are many runs those there are go at once. Returns bytes that have gone.
 * Before the page is let go rst_hollowed_purge is called. */
size_t rst_page_hollow(rst_slice *page, size_t least, rst_hollowed *hollowed);

/* Give back what has been added. A huge page that it lies in is broken. Returns bytes. */
size_t rst_hollowed_purge(rst_hollowed *hollowed);

/* Let go of a held page. False: it has become empty, and is TAKEN, with all of its memory given back. */
bool rst_page_let_go(rst_slice *page);

#endif
