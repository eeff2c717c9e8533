/* The shape of memory: constants, the slice descriptor, and how an address finds its descriptor.
 *
 * An arena is one reservation: metadata (groups, then descriptors) and, aligned to a segment, the memory itself.
 * The descriptor of an address is computed.
 * Each field says who writes it: [owner] the owning heap's thread, [token] who holds its heap's
 * token, [atomic] anyone, [fixed] written before it is published.
 * SPDX-License-Identifier: MIT */
#ifndef RST_CORE_LAYOUT_H
#define RST_CORE_LAYOUT_H

#include "os/atomic.h"
#include "os/base.h"
#include "os/bits.h"

#define RST_SLICE_SHIFT 16
#define RST_SLICE_SIZE ((size_t)1 << RST_SLICE_SHIFT)
#define RST_SEGMENT_SLICES 32
#define RST_SEGMENT_SIZE (RST_SLICE_SIZE * RST_SEGMENT_SLICES)
#define RST_GROUP_SEGMENTS 64
#define RST_GROUP_SLICES (RST_GROUP_SEGMENTS * RST_SEGMENT_SLICES)
#define RST_ARENA_MAX 64

/* Blocks lie below: an address takes 48 bits, beside other things, in one word (threadcache/inbox.h). Systems with wider addresses give
 * none above unless they are asked for by address; should one all the same, it is refused. */
#define RST_ADDRESS_BITS 48
#define RST_ADDRESS_END ((uintptr_t)1 << RST_ADDRESS_BITS)

/* Sizes and alignments beyond this are refused, without asking the system: nothing so large lies below RST_ADDRESS_END. */
#define RST_SIZE_MAX ((size_t)RST_ADDRESS_END)

typedef struct rst_block {
    struct rst_block *next;
} rst_block;

struct rst_heap;

/* What a slice is. An interior slice belongs to the page whose first slice lies `span` before it. */
typedef enum rst_kind {
    RST_KIND_NONE = 0, /* free, or inside a large block */
    RST_KIND_PAGE,     /* first slice of a page */
    RST_KIND_INTERIOR, /* further slice of a page */
    RST_KIND_LARGE     /* first slice of a large block */
} rst_kind;

/* Where a page stands with its heap: the low bits of its state word. Then marks of AVAILABLE pages, set by outsiders (hollow.h); the rest is
 * a version, which counts the changes. */
typedef enum rst_page_state {
    RST_PAGE_ACTIVE = 0, /* the heap takes blocks of this class from it */
    RST_PAGE_FULL,       /* in no list; `left` counts to its becoming available */
    RST_PAGE_AVAILABLE,  /* in the heap's list of its class; `left` counts to its becoming empty */
    RST_PAGE_TAKEN       /* all blocks were back, and an outsider has taken it from its owner */
} rst_page_state;
/* What a page's memory has been through. */
typedef enum rst_page_past {
    RST_PAGE_FRESH = 0, /* reads as zero where nothing was carved */
    RST_PAGE_USED,      /* its slices were written to before, by others */
    RST_PAGE_RECUT      /* it was cut before, perhaps further than now */
} rst_page_past;

#define RST_PAGE_STATE_MASK 3u
#define RST_PAGE_OLD 4u      /* has been AVAILABLE since a visit */
#define RST_PAGE_HELD 8u     /* an outsider is at its free blocks: its owner does not activate or end it */
#define RST_PAGE_EMPTIED 16u /* HELD, and the owner has freed its last block meanwhile: the outsider's to take */
#define RST_PAGE_VERSION 32u

/* What of a page's blocks went back to the OS, for each of its slices; the rest for the whole page, in its first one. */
typedef struct rst_holes {
    uint16_t mask;   /* a bit for each OS page of the slice: every block that begins in it is in no list, and free */
    uint16_t blocks; /* how many such blocks the page has */
    uint32_t seen;   /* what it looked like when its holes were made: rst_hollow_mark */
} rst_holes;

/* Slice descriptor; that of a page's first slice is the page. One cache line. */
typedef struct RST_ALIGNED(RST_CACHE_LINE) rst_slice {
    _Atomic(struct rst_heap *) owner; /* [fixed] the heap of a page; NULL for everything else */
    rst_block *free;                  /* [owner] blocks that came back */
    _Atomic uint32_t left;            /* [owner; read by outsiders] frees until the next event; see page.h */
    _Atomic uint32_t state;           /* [owner; to TAKEN by an outsider] rst_page_state and version */
    uint16_t carved;                  /* [owner] blocks cut so far */
    uint8_t size_class;               /* [fixed] */
    uint8_t kind;                     /* [fixed] rst_kind */
    uint8_t arena;                    /* [fixed] index of the arena; set on the first slice of a claimed run */
    union {
        uint8_t moved; /* [fixed] a large block whose pages were moved: remap before reuse */
        uint8_t past;  /* [owner] rst_page_past of a page */
    };
    uint16_t foreign_count; /* [token] blocks that outsiders have collected */
    uint32_t span;          /* [fixed] slices of the page or large block; of an interior slice: distance back */
    uint16_t foreign_head;  /* [token] first and last of those blocks, in grains from the page's beginning */
    uint16_t foreign_tail;
    union {
        size_t large_size;               /* [fixed] usable bytes of a large block */
        struct rst_slice *returned_next; /* [token] of a TAKEN page: in the heap's list of returned pages */
        rst_holes holes;                 /* [who holds the page; owner, of an ACTIVE one] */
    };
    struct rst_slice *next, *prev; /* [owner] neighbours in the heap's list */
} rst_slice;

static_assert(sizeof(rst_slice) == RST_CACHE_LINE, "a descriptor is one cache line");

/* How far arena 0 is committed, from its base on, in bytes. Only grows. Heaps have copies, for the hot path. */
extern RST_HIDDEN _Atomic size_t rst_main_frontier;

/* Descriptor of an address in the arena at `base` with descriptors `slices`, when it lies below arena 0's frontier; else NULL.
 * The hot path passes what the heap knows of arena 0; of rst_heap_none that is a base from which every address is too far. */
RST_INLINE rst_slice *rst_slice_in(const char *base, rst_slice *slices, const void *address)
{
    size_t offset = (size_t)((uintptr_t)address - (uintptr_t)base);
    /* relaxed: whoever holds a block got it through a synchronisation that came after the growth. */
    if (RST_UNLIKELY(offset >= rst_load_relaxed(&rst_main_frontier)))
        return NULL;
    return slices + (offset >> RST_SLICE_SHIFT);
}

/* How far it is from a slice that begins a run to the one behind the run; 1 from any other. */
RST_INLINE size_t rst_slice_step(const rst_slice *slice)
{
    bool run = slice->kind == RST_KIND_PAGE || slice->kind == RST_KIND_LARGE;
    return run && slice->span != 0 ? slice->span : 1;
}

/* Slices needed for `size` bytes. */
RST_INLINE size_t rst_slices_for(size_t size)
{
    return (size + RST_SLICE_SIZE - 1) >> RST_SLICE_SHIFT;
}

#endif
