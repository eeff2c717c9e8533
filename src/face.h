/* The face, shared by its files: the two hot paths as the callers inline them, and what they fall back to.
 * SPDX-License-Identifier: MIT */
#ifndef RST_FACE_H
#define RST_FACE_H

#include "roost/roost.h"
#include "stats/reporter.h"
#include "threadcache/heap.h"
#include "threadcache/steward.h"

#include <errno.h>

/* This thread's heap, attached now if need be. NULL: out of memory. */
rst_heap *rst_attached_heap(void);

/* The options are read from here on. */
void rst_ensure_started(void);

/* Start threads of our own that are wanted, where memory may be allocated for them; cheap when there are none. Keeps errno. */
void rst_serve_wanted(void);
RST_INLINE bool rst_is_wanted(void)
{
    return (rst_load_relaxed(&rst_steward_wanted) | rst_load_relaxed(&rst_reporter_wanted)) != 0; /* relaxed: hints */
}

/* Whether this thread may still get a heap that will be taken from it when it ends. */
bool rst_may_attach(void);

/* A block of a class whose list is empty. NULL with ENOMEM. */
void *rst_malloc_slow(size_t size_class);

/* A block of more than RST_MEDIUM_MAX bytes. NULL with ENOMEM. */
void *rst_malloc_large(size_t size);

/* What free does with a block of arena 0 that is another heap's, or large. `heap` is this thread's, and not rst_heap_none, which knows no arena. The
 * descriptor is found again: handed over, it would cost free's hot path an instruction with clang. */
void rst_free_other(void *pointer, rst_heap *heap);

/* What free does with any pointer. */
void rst_free_slow(void *pointer);

/* Allocate with an alignment (a power of two). NULL with ENOMEM. */
void *rst_malloc_aligned(size_t alignment, size_t size);

/* What the exported functions of both name sets do; called directly, not through the dynamic linker. */
void *rst_zalloc(size_t size);
void *rst_calloc(size_t count, size_t size);
void *rst_realloc(void *block, size_t size);
void *rst_reallocarray(void *block, size_t count, size_t size);
size_t rst_usable_size(const void *block);
void *rst_aligned_alloc(size_t alignment, size_t size);
void *rst_memalign(size_t alignment, size_t size);
int rst_posix_memalign(void **out, size_t alignment, size_t size);
void *rst_valloc(size_t size);
void *rst_pvalloc(size_t size);

/* Say what is known of a pointer that a function cannot take, and abort if the option says so. Keeps errno. */
void rst_bad_pointer(const char *function, const void *pointer);

/* An allocation of `size` bytes, `footprint` of slices, has failed. True: it was for the hard limit, and the program says that it has
 * made room. Counts the refusal otherwise. */
bool rst_limit_ask(size_t size, size_t footprint);

/* In the child of a fork. */
void rst_limit_forget(void);

/* Beside a sanitizer: leave it the process. In libroost.so; nothing elsewhere. */
void rst_stand_aside(void);

/* Give back what is idle now. Returns bytes. */
size_t rst_trim(void);

/* As roost_purge. */
size_t rst_purge_asked(unsigned deadline_ms, roost_purge_report *report);

RST_INLINE void *rst_out_of_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

RST_INLINE void *rst_malloc(size_t size)
{
    if (RST_UNLIKELY(size > RST_MEDIUM_MAX))
        return rst_malloc_large(size);
    size_t c = rst_class_of(size);
    void *block = rst_heap_pop(rst_thread_heap, c);
    return RST_LIKELY(block != NULL) ? block : rst_malloc_slow(c);
}

RST_INLINE void rst_free(void *pointer)
{
    rst_heap *heap = rst_thread_heap;
    size_t offset = (size_t)((uintptr_t)pointer - (uintptr_t)heap->base);
    /* As rst_slice_in, for blocks of this heap: its own copy of the frontier needs no second address. */
    if (RST_LIKELY(offset < heap->limit)) {
        rst_slice *slice = heap->slices + (offset >> RST_SLICE_SHIFT);
        /* relaxed: equal only when this thread itself made the page. */
        if (RST_LIKELY(rst_load_relaxed(&slice->owner) == heap)) {
            rst_heap_push(heap, slice, pointer);
            return;
        }
        rst_free_other(pointer, heap);
        return;
    }
    rst_free_slow(pointer);
}

#endif
