/* Pages: runs of slices cut into blocks of one size class. Floor 2 knows a page's blocks; which list a page is in and what an
 * event means is the heap's (floor 3).
 *
 * Counting. A block of a page is uncarved, on `free`, or out (in the heap's list, with the program, or on its way home).
 *   AVAILABLE:         left == blocks that are out.
 *   ACTIVE:            the same and RST_PAGE_NO_END more: no event, its class is in use.
 *   FULL:              left == blocks that must still come back before the page is available again. It is carved to its end.
 * A block in a hole (holes.h) is as one uncarved: neither on `free` nor out.
 * So a free decrements `left` and nothing else, and zero is the only event.
 *
 * Owner's thread only, unless said. An outsider is another thread with the owner's token: it collects foreign blocks beside the page, and
 * takes the page when it has every block that is out (docs/memory-model.md has the argument). SPDX-License-Identifier: MIT */
#ifndef RST_CORE_PAGE_H
#define RST_CORE_PAGE_H

#include "core/segment.h"
#include "core/sizeclass.h"

/* What putting blocks back led to: a set of these. */
typedef enum rst_page_event {
    RST_PAGE_NO_EVENT = 0,
    RST_PAGE_WAS_FULL = 1, /* in no list, and now has blocks to give: its state is AVAILABLE */
    RST_PAGE_NOW_EMPTY = 2 /* every carved block is back: it is ACTIVE, so that no outsider looks at it */
} rst_page_event;

/* Claim slices and make them a page of `size_class` owned by `owner`, ACTIVE, nothing carved. `dense`, `filling`: see rst_slices_claim.
 * NULL: out of memory. */
rst_slice *rst_page_make(struct rst_heap *owner, unsigned size_class, bool dense, rst_filling *filling);

/* Cut an empty page, in no list, anew for a class that needs as many slices. */
void rst_page_recut(rst_slice *page, unsigned size_class);

/* Give an empty page's slices back to the arena. */
void rst_page_end(rst_slice *page);

/* Carve up to one chunk, or take what begins in one hole, and put it before *list; returns how many blocks, 0 when there is nothing left to
 * carve. They count as out. */
unsigned rst_page_carve(rst_slice *page, rst_block **list);

#define RST_PAGE_NO_END ((uint32_t)1 << 16)

RST_INLINE rst_page_state rst_page_state_of(const rst_slice *page)
{
    return (rst_page_state)(rst_load_relaxed(&page->state) & RST_PAGE_STATE_MASK); /* relaxed: owner's own */
}

/* The state word that follows another one: a new version, no marks. */
RST_INLINE uint32_t rst_page_state_after(uint32_t seen, rst_page_state state)
{
    return (seen & ~(RST_PAGE_VERSION - 1)) + RST_PAGE_VERSION + (uint32_t)state;
}

/* Change the state, of a page that is not AVAILABLE. An outsider that has read the old one either fails to take the page or sees that `left` is in transition: so 0
 * comes before the new state, and that before the new count. release: pairs with rst_page_take_whole. */
RST_INLINE void rst_page_shift(rst_slice *page, rst_page_state state, uint32_t left)
{
    uint32_t next = rst_page_state_after(rst_load_relaxed(&page->state), state);
    rst_store_relaxed(&page->left, 0u);
    rst_store_release(&page->state, next);
    rst_store_release(&page->left, left);
}

/* AVAILABLE to ACTIVE. Otherwise an outsider has taken the page, or holds it for now. */
typedef enum rst_page_activation { RST_PAGE_ACTIVATED, RST_PAGE_WAS_TAKEN, RST_PAGE_IS_HELD } rst_page_activation;
rst_page_activation rst_page_activate(rst_slice *page);

/* The last block has been taken: the page is in no list until enough came back. */
RST_INLINE void rst_page_set_full(rst_slice *page)
{
    rst_page_shift(page, RST_PAGE_FULL, rst_classes[page->size_class].reserve);
}

/* Blocks that are out, of a page with `left` in a state. */
RST_INLINE uint32_t rst_page_out_in(const rst_slice *page, rst_page_state state, uint32_t left)
{
    const rst_class_info *info = &rst_classes[page->size_class];
    if (state == RST_PAGE_ACTIVE)
        return left - RST_PAGE_NO_END;
    return state == RST_PAGE_FULL ? info->capacity - info->reserve + left : left;
}

RST_INLINE uint32_t rst_page_out(const rst_slice *page)
{
    return rst_page_out_in(page, rst_page_state_of(page), rst_load_relaxed(&page->left));
}

/* Where the page's blocks begin. Any thread. */
RST_INLINE char *rst_page_memory(const rst_slice *page)
{
    return rst_slice_memory(page);
}

/* A look at a list before it is handed out, cheap enough for each time: its second block lies near the first one, and leads to neither of them
 * again. It finds most of what was overwritten, and what was freed twice in a row or with one block between. */
RST_INLINE bool rst_page_glance(const rst_block *list)
{
    const rst_block *second = list->next;
    if (second == NULL)
        return true;
    size_t distance = (size_t)((uintptr_t)second - (uintptr_t)list) + RST_MEDIUM_SLICES * RST_SLICE_SIZE;
    return second != list && distance < 2 * RST_MEDIUM_SLICES * RST_SLICE_SIZE && second->next != list &&
           second->next != second;
}

/* Whether `list` is `count` blocks of the page, each once: a chain that leads nowhere else and ends has no block twice. */
bool rst_page_chain_is_whole(const rst_slice *page, const rst_block *list, uint32_t count);

/* What to do with a list that is not sound: say why, abort unless the option says otherwise, and keep what is sound of it. `count`: how many
 * blocks were freed to it. Returns NULL when that is none. See mend.c. */
rst_block *rst_page_mend(rst_slice *page, rst_block *list, uint32_t count);

/* Whether an ACTIVE page's free blocks and the heap's list of them are sound, and no block is in both. */
bool rst_page_both_are_whole(const rst_slice *page, const rst_block *ready);

/* The same as rst_page_mend of an ACTIVE page's free blocks and the heap's list of them, between which no block is twice. */
void rst_page_mend_both(rst_slice *page, rst_block **ready);

/* Say of a block of the page what was done to it; abort unless the option says otherwise. */
void rst_page_blame(const rst_slice *page, const void *block, const char *what);

/* Blocks that are out or on `free`. */
RST_INLINE uint32_t rst_page_made(const rst_slice *page)
{
    return (uint32_t)page->carved - page->holes.blocks;
}

/* Blocks that came back to an ACTIVE page. */
RST_INLINE uint32_t rst_page_back(const rst_slice *page)
{
    return rst_page_made(page) + RST_PAGE_NO_END -
           rst_load_relaxed(&page->left); /* relaxed: nobody else reads it then */
}

/* Take all free blocks; NULL when there are none. They count as out. ACTIVE. */
RST_INLINE rst_block *rst_page_take(rst_slice *page)
{
    rst_block *list = page->free;
    rst_store_relaxed(&page->left, RST_PAGE_NO_END + rst_page_made(page)); /* relaxed: as in rst_page_back */
    /* For the compiler only. Should a fork copy us here, blocks count as out that are in the list, and rst_page_recount sets it right; the other
     * way round the page would seem to be empty while they are missing. */
    atomic_signal_fence(memory_order_seq_cst);
    page->free = NULL;
    return list;
}

/* `left` has become zero, and `surplus` more blocks than it counted are back: turn to the next state. No event when an outsider holds the
 * page: it sees to it that the empty page comes back. */
rst_page_event rst_page_turn(rst_slice *page, uint32_t surplus);

/* Put back a chain of `count` blocks whose last is `tail`. */
rst_page_event rst_page_put_chain(rst_slice *page, rst_block *head, rst_block *tail, uint32_t count);

/* Whether a block of the page begins at an offset in it; it may not be in use. Any thread. */
RST_INLINE bool rst_page_has_block_at(const rst_slice *page, size_t offset)
{
    const rst_class_info *info = &rst_classes[page->size_class];
    return rst_class_index(info, offset) < info->capacity;
}

/* The same of an address. */
RST_INLINE bool rst_page_has_block(const rst_slice *page, const void *address)
{
    return rst_page_has_block_at(page, (uintptr_t)address - (uintptr_t)rst_page_memory(page));
}

/* The first slice of the page that `slice` belongs to. Any thread that knows a live block in it. */
RST_INLINE rst_slice *rst_page_of(rst_slice *slice)
{
    return slice->kind == RST_KIND_INTERIOR ? slice - slice->span : slice;
}

/* --- outsiders, with the owner's token ------------------------------------------------------------------------------------------- */

/* Keep a chain beside the page; true when nothing was kept there before. */
bool rst_page_collect(rst_slice *page, rst_block *head, rst_block *tail, uint32_t count);

RST_INLINE rst_block *rst_page_foreign_head(const rst_slice *page)
{
    return (rst_block *)(rst_page_memory(page) + (size_t)page->foreign_head * RST_GRAIN);
}

/* Nobody reads the last kept block as a block: the lists of the outsiders are chained through it. */
RST_INLINE rst_block *rst_page_foreign_tail(const rst_slice *page)
{
    return (rst_block *)(rst_page_memory(page) + (size_t)page->foreign_tail * RST_GRAIN);
}

/* Take an inactive page of which every block that is out is kept beside it. Returns the state it had, FULL or AVAILABLE (only with
 * `available_too`); ACTIVE when it was not taken. A page that was FULL has no reference left and is the caller's to end; one that was
 * AVAILABLE is still in its owner's list. */
rst_page_state rst_page_take_whole(rst_slice *page, bool available_too);

/* Give back the physical memory of a taken page, in place. */
void rst_page_purge(rst_slice *page);

/* --- checks and repair ----------------------------------------------------------------------------------------------------------- */

/* Count a page's free list anew and set `left` by it. For a page whose owner was stopped between two instructions of a hot path, as
 * in the child of a fork. ACTIVE or AVAILABLE. */
void rst_page_recount(rst_slice *page);

/* Checked builds: walk a page's free list and counts; aborts with a line when something does not hold. */
void rst_page_check(const rst_slice *page);

#endif
