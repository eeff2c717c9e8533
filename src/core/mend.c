/* Free lists that the program damaged: what happened, in one line, and what can be saved. SPDX-License-Identifier: MIT */
#include "core/options.h"
#include "core/page.h"
#include "os/fmt.h"
#include "os/os.h"

enum { BLOCKS_MAX = RST_SLICE_SIZE / RST_GRAIN, WORD_BITS = 64 };

static void say(const rst_slice *page, const void *block, const char *what)
{
    rst_say("free(%p): the block %s (page of %u-byte blocks at %p)", block, what,
            (unsigned)rst_classes[page->size_class].size, (void *)rst_page_memory(page));
}

/* A link of a free list that is no block which was handed out. `from` is the block that holds it, or NULL for the list's head. */
static void say_link(const rst_slice *page, const rst_block *from, const rst_block *link)
{
    size_t offset = (size_t)((uintptr_t)link - (uintptr_t)rst_page_memory(page));
    size_t size = rst_classes[page->size_class].size;
    if (offset >= page->span * RST_SLICE_SIZE)
        rst_say("free block %p of %zu bytes was written to: its link reads %p", (const void *)from, size,
                (const void *)link);
    else if (offset % size != 0)
        rst_say("free(%p): points %zu bytes into the block of %zu bytes at %p", (const void *)link, offset % size, size,
                (const void *)(rst_page_memory(page) + offset - offset % size));
    else
        say(page, link, "was never allocated");
}

bool rst_page_chain_is_whole(const rst_slice *page, const rst_block *list, uint32_t count)
{
    const rst_class_info info = rst_classes[page->size_class];
    const uintptr_t memory = (uintptr_t)rst_page_memory(page);
    const uint64_t carved = page->carved;
    for (; count != 0 && rst_class_index(&info, (uintptr_t)list - memory) < carved; count--)
        list = list->next;
    return count == 0 && list == NULL;
}

/* What is sound of `list`, a prefix of it; *problem says whether it was reported that the rest is not. `seen`: a bit for each block, set for
 * those that are in a list already. */
static uint32_t keep_prefix(const rst_slice *page, uint64_t *seen, rst_block **list, bool *problem)
{
    const rst_class_info *info = &rst_classes[page->size_class];
    rst_block *from = NULL;
    uint32_t kept = 0;
    for (rst_block *block = *list; block != NULL; from = block, block = block->next, kept++) {
        uint64_t index = rst_class_index(info, (uintptr_t)block - (uintptr_t)rst_page_memory(page));
        bool known = index < page->carved;
        if (known && (seen[index / WORD_BITS] >> index % WORD_BITS & 1) == 0) {
            seen[index / WORD_BITS] |= (uint64_t)1 << index % WORD_BITS;
            continue;
        }
        if (known)
            say(page, block, "was freed already");
        else
            say_link(page, from, block);
        *problem = true;
        if (from != NULL)
            from->next = NULL;
        else
            *list = NULL;
        break;
    }
    return kept;
}

RST_COLD void rst_page_blame(const rst_slice *page, const void *block, const char *what)
{
    say(page, block, what);
    if (rst_option_get(bad_pointer) != 0)
        rst_os_abort();
}

/* More than were counted: a handler of a signal came between two instructions of free. */
static bool are_too_few(const rst_slice *page, uint32_t kept, uint32_t count)
{
    if (kept >= count)
        return false;
    rst_say("free: a block of the page at %p was freed twice, or written to after it was freed: %u of %u free "
            "blocks of %u bytes are left",
            (void *)rst_page_memory(page), kept, count, (unsigned)rst_classes[page->size_class].size);
    return true;
}

RST_COLD rst_block *rst_page_mend(rst_slice *page, rst_block *list, uint32_t count)
{
    uint64_t seen[BLOCKS_MAX / WORD_BITS] = {0};
    bool problem = false;
    uint32_t kept = keep_prefix(page, seen, &list, &problem);
    problem = problem || are_too_few(page, kept, count);
    if (problem && rst_option_get(bad_pointer) != 0)
        rst_os_abort();
    return list;
}

/* The last block of a list of sound blocks, and how many there are; NULL when they are not sound. Most lie behind one another. */
static const rst_block *sound_end(const rst_slice *page, const rst_block *list, uint32_t *count)
{
    const rst_class_info *info = &rst_classes[page->size_class];
    const char *memory = rst_page_memory(page), *end = memory + (size_t)page->carved * info->size;
    const rst_block *last = NULL;
    for (const char *block = (const char *)list; block != NULL; block = (const char *)last->next) {
        bool behind = last != NULL && block == (const char *)last + info->size && block < end;
        if (!behind && rst_class_index(info, (uintptr_t)block - (uintptr_t)memory) >= page->carved)
            return NULL;
        if (++*count > page->carved) /* a circle */
            return NULL;
        last = (const rst_block *)block;
    }
    return last;
}

/* A block has one link, so two lists that share one have the same end. */
bool rst_page_both_are_whole(const rst_slice *page, const rst_block *ready)
{
    uint32_t count = 0, back = 0;
    const rst_block *ready_end = ready != NULL ? sound_end(page, ready, &count) : NULL;
    const rst_block *free_end = page->free != NULL ? sound_end(page, page->free, &back) : NULL;
    return (ready == NULL || ready_end != NULL) &&
           (page->free == NULL || (free_end != NULL && back == rst_page_back(page) && free_end != ready_end));
}

void rst_page_mend_both(rst_slice *page, rst_block **ready)
{
    uint64_t seen[BLOCKS_MAX / WORD_BITS];
    for (unsigned i = 0; i <= page->carved / WORD_BITS; i++)
        seen[i] = 0;
    bool problem = false, any = page->free != NULL;
    keep_prefix(page, seen, ready, &problem);
    uint32_t kept = keep_prefix(page, seen, &page->free, &problem);
    /* None at all: a handler came while they were taken. */
    problem = problem || (any && are_too_few(page, kept, rst_page_back(page)));
    if (RST_LIKELY(!problem))
        return;
    if (rst_option_get(bad_pointer) != 0)
        rst_os_abort();
    rst_page_recount(page);
}
