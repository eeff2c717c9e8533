/* Relics of freed large blocks: see relic.h. SPDX-License-Identifier: MIT */
#include "core/relic.h"

#include "core/options.h"
#include "os/fmt.h"
#include "os/os.h"

enum { PLACES = 8, BUSY = 1 };

typedef struct relic {
    _Atomic uintptr_t block; /* [atomic] 0: none; BUSY: in somebody's hands, who alone reads and writes the rest */
    uint64_t print;
    size_t size;
} relic;

static relic relics[PLACES];
_Atomic uint32_t rst_relics;

/* Of a cache line; the factor is odd, so that no bit of a word is lost. */
static uint64_t print_of(const char *memory)
{
    const uint64_t *word = (const uint64_t *)memory;
    uint64_t print = 0;
    for (unsigned i = 0; i < RST_CACHE_LINE / sizeof *word; i++)
        print = (print ^ word[i]) * 0x9e3779b97f4a7c15u;
    return print;
}

void rst_relic_keep(const rst_slice *first)
{
    const char *block = rst_slice_memory(first);
    for (unsigned i = 0; i < PLACES; i++) {
        uintptr_t none = 0;
        if (rst_load_relaxed(&relics[i].block) != 0 || !rst_cas_acquire(&relics[i].block, &none, BUSY))
            continue;
        relics[i].print = print_of(block);
        relics[i].size = first->large_size;
        rst_store_release(&relics[i].block, (uintptr_t)block); /* pairs with take */
        rst_add_relaxed(&rst_relics,
                        1u); /* relaxed: the release of the slices comes after it, and their claim before the look */
        return;
    }
}

/* What is kept of a block that begins in [begin, end). False: none at this place. */
static bool take(relic *place, uintptr_t begin, uintptr_t end, relic *out)
{
    uintptr_t block = rst_load_relaxed(&place->block);
    if (block < begin || block >= end || !rst_cas_acquire(&place->block, &block, BUSY)) /* pairs with the releases */
        return false;
    out->print = place->print;
    out->size = place->size;
    rst_store_relaxed(&out->block, block);
    rst_store_release(&place->block, (uintptr_t)0); /* pairs with rst_relic_keep */
    rst_sub_relaxed(&rst_relics, 1u);
    return true;
}

static void compare_with(const relic *kept)
{
    const char *block = (const char *)rst_load_relaxed(&kept->block);
    if (RST_LIKELY(print_of(block) == kept->print))
        return;
    rst_say("the large block of %zu bytes at %p was written to after it was freed", kept->size, (const void *)block);
    if (rst_option_get(bad_pointer) != 0)
        rst_os_abort();
}

void rst_relic_drop(const rst_arena *arena, size_t index, size_t count, bool compare)
{
    uintptr_t begin = (uintptr_t)arena->base + (index << RST_SLICE_SHIFT);
    for (unsigned i = 0; i < PLACES; i++) {
        relic kept;
        if (take(&relics[i], begin, begin + (count << RST_SLICE_SHIFT), &kept) && compare)
            compare_with(&kept);
    }
}
