/* Looks for damage beyond the list that is handed out: memory that was never allocated and yet was written to, and what a heap has ready in
 * other classes. A small program's mistakes lie early in its life, where there is little to look at; later that costs too much each time.
 *
 * Memory that comes from the OS reads as zero until it is carved, so a line of it that does not was reached from a block beside it.
 * SPDX-License-Identifier: MIT */
#ifndef RST_CORE_LOOK_H
#define RST_CORE_LOOK_H

#include "core/page.h"

enum {
    RST_LOOK_LARGE =
        64 /* of large blocks the first so many that a process frees are looked at, and one in as many after */
};

/* Whether a cache line of it reads as zero, from an address aligned to RST_GRAIN. */
RST_INLINE bool rst_is_untouched(const char *memory)
{
    const uint64_t *word = (const uint64_t *)memory;
    uint64_t any = 0;
    for (unsigned i = 0; i < RST_CACHE_LINE / sizeof *word; i++)
        any |= word[i];
    return any == 0;
}

/* Whether the memory that is carved next reads as zero, if it should. */
RST_INLINE bool rst_page_next_is_untouched(const rst_slice *page)
{
    const rst_class_info *info = &rst_classes[page->size_class];
    return page->past != RST_PAGE_FRESH || page->carved == info->capacity ||
           rst_is_untouched(rst_page_memory(page) + (size_t)page->carved * info->size);
}

/* Look at what the owner has ready of an ACTIVE page: its free blocks, the heap's list of them, each block once; and at its end, where that
 * is in memory. Says what is wrong, aborts unless the option says otherwise, and keeps what is sound. */
void rst_page_look(rst_slice *page, rst_block **ready);

/* Look at the last line of an ACTIVE page that is not carved, where a block may begin behind it. If it was in no memory, it is from then on. */
void rst_page_look_at_end(rst_slice *page);

/* Say that it does not; as above. */
void rst_page_blame_overrun(rst_slice *page);

/* A large block is about to be freed. Look at the lines before and after it where nobody holds the memory and nobody did, and keep a relic
 * of it, if it is one that is looked at. Any thread that holds the block. */
void rst_large_look(const rst_slice *first);

#endif
