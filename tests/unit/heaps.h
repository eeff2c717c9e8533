/* What tests of heaps share. SPDX-License-Identifier: MIT */
#ifndef ROOST_TESTS_HEAPS_H
#define ROOST_TESTS_HEAPS_H

#include "unit.h"

#include "threadcache/heap.h"

static inline rst_slice *page_of(void *block)
{
    return rst_page_of(rst_slice_of(block));
}

/* As malloc does. */
static inline void *take(rst_heap *heap, unsigned c)
{
    void *block = rst_heap_pop(heap, c);
    if (block == NULL)
        block = rst_heap_take(heap, c);
    if (block == NULL)
        block = rst_heap_refill(heap, c);
    assert_non_null(block);
    return block;
}

#endif
