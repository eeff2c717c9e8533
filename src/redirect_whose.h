/* Windows: whose a block is. SPDX-License-Identifier: MIT */
#ifndef RST_REDIRECT_WHOSE_H
#define RST_REDIRECT_WHOSE_H

#include "face.h"

/* Whether an address may be a block of roost's: it lies in an arena. */
RST_INLINE bool rst_is_ours(const void *block)
{
    return rst_heap_slice_of(rst_thread_heap, block) != NULL || rst_slice_of(block) != NULL;
}

#endif
