/* roost: the public interface.
 *
 * Sizes and alignments are in bytes. Unless a line says otherwise a function may be called from any
 * thread at any time, also from several at once, before main and after exit() has begun. None is
 * async-signal-safe. A function that cannot serve a request returns NULL and sets errno; one that
 * succeeds leaves errno as it was. Since 0.1.0 unless marked.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ROOST_ROOST_H
#define ROOST_ROOST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#include <cstdio>
#define ROOST_NOEXCEPT noexcept
extern "C" {
#else
#define ROOST_NOEXCEPT
#endif

#define ROOST_VERSION_MAJOR 0
#define ROOST_VERSION_MINOR 1
#define ROOST_VERSION_PATCH 0
/** 10000 * major + 100 * minor + patch. */
#define ROOST_VERSION (ROOST_VERSION_MAJOR * 10000 + ROOST_VERSION_MINOR * 100 + ROOST_VERSION_PATCH)

#if (defined(__GNUC__) || defined(__clang__)) && !defined(_WIN32)
#define ROOST_API __attribute__((visibility("default")))
#else
#define ROOST_API
#endif
#if defined(__GNUC__) || defined(__clang__)
#define ROOST_ATTR(...) __attribute__((__VA_ARGS__))
#else
#define ROOST_ATTR(...)
#endif

/** Allocate `size` bytes, aligned to 16. `size` 0 gives a block of its own that can be freed.
 *  @return the block, or NULL with ENOMEM. Contents are indeterminate. */
ROOST_API void *roost_malloc(size_t size) ROOST_NOEXCEPT ROOST_ATTR(malloc, alloc_size(1));

/** Allocate `size` bytes that read as zero. As roost_calloc(1, size). */
ROOST_API void *roost_zalloc(size_t size) ROOST_NOEXCEPT ROOST_ATTR(malloc, alloc_size(1));

/** Allocate `count` * `size` bytes that read as zero. @return NULL with ENOMEM, also when the product overflows. */
ROOST_API void *roost_calloc(size_t count, size_t size) ROOST_NOEXCEPT ROOST_ATTR(malloc, alloc_size(1, 2));

/** Give a block back. NULL is ignored. Keeps errno. A pointer to memory that is not roost's, to memory that is
 *  not in use, or into a large block is reported by one line on standard error; what follows is set by the option
 *  `bad_pointer`. One into a smaller block, or to one that was freed already, may be found later, when its memory is to
 *  be used again (docs/misuse.md). */
ROOST_API void roost_free(void *block) ROOST_NOEXCEPT;

/** As roost_free, where the caller states the size it asked for (C23 free_sized). */
ROOST_API void roost_free_sized(void *block, size_t size) ROOST_NOEXCEPT;

/** As roost_free, where the caller states alignment and size (C23 free_aligned_sized). */
ROOST_API void roost_free_aligned_sized(void *block, size_t alignment, size_t size) ROOST_NOEXCEPT;

/** Change a block's size, keeping the contents up to the lesser of both sizes; the block may move.
 *  `block` NULL: as roost_malloc. `size` 0: frees the block and returns NULL, as glibc does.
 *  @return the block; NULL with ENOMEM, and then `block` is untouched. */
ROOST_API void *roost_realloc(void *block, size_t size) ROOST_NOEXCEPT ROOST_ATTR(alloc_size(2), warn_unused_result);

/** As roost_realloc(block, count * size); NULL with ENOMEM when the product overflows. */
ROOST_API void *roost_reallocarray(void *block, size_t count, size_t size) ROOST_NOEXCEPT
    ROOST_ATTR(alloc_size(2, 3), warn_unused_result);

/** As roost_reallocarray, and every byte from the block's old usable size on reads as zero. A block that was
 *  always allocated and resized by zalloc, calloc, recalloc and rezalloc is therefore zero beyond what was written. */
ROOST_API void *roost_recalloc(void *block, size_t count, size_t size) ROOST_NOEXCEPT
    ROOST_ATTR(alloc_size(2, 3), warn_unused_result);

/** As roost_recalloc(block, 1, size). */
ROOST_API void *roost_rezalloc(void *block, size_t size) ROOST_NOEXCEPT ROOST_ATTR(alloc_size(2), warn_unused_result);

/** C11 aligned_alloc: `alignment` any power of two, `size` any (it need not be a multiple).
 *  @return NULL with EINVAL for a bad alignment, with ENOMEM when out of memory. */
ROOST_API void *roost_aligned_alloc(size_t alignment, size_t size) ROOST_NOEXCEPT
    ROOST_ATTR(malloc, alloc_align(1), alloc_size(2));

/** As roost_aligned_alloc, under its older name: an alignment that is no power of two is rounded up, as glibc does. */
ROOST_API void *roost_memalign(size_t alignment, size_t size) ROOST_NOEXCEPT ROOST_ATTR(malloc, alloc_size(2));

/** POSIX posix_memalign: `alignment` a power of two and a multiple of sizeof(void *).
 *  @return 0 with the block in *out; EINVAL with *out and errno untouched; ENOMEM with *out untouched and errno ENOMEM. */
ROOST_API int roost_posix_memalign(void **out, size_t alignment, size_t size) ROOST_NOEXCEPT;

/** Allocate `size` bytes aligned to the OS page. */
ROOST_API void *roost_valloc(size_t size) ROOST_NOEXCEPT ROOST_ATTR(malloc, alloc_size(1));

/** As roost_valloc with `size` rounded up to whole OS pages (0 to one page). */
ROOST_API void *roost_pvalloc(size_t size) ROOST_NOEXCEPT ROOST_ATTR(malloc);

/** How many bytes of the block may be used, never less than was asked for. NULL: 0. */
ROOST_API size_t roost_usable_size(const void *block) ROOST_NOEXCEPT;

/** How many bytes a block for `size` would have: what roost_usable_size would answer. */
ROOST_API size_t roost_good_size(size_t size) ROOST_NOEXCEPT;

/** 1 when `address` lies in memory that roost has handed out or could hand out, else 0. Any address may be asked. */
ROOST_API int roost_owns(const void *address) ROOST_NOEXCEPT;

/** Send every block that this thread has freed for other threads, and has not sent yet, to its owner. */
ROOST_API void roost_thread_flush(void) ROOST_NOEXCEPT;

/** What roost_set_limit_callback takes. `size` is what was asked for, rounded up to a size class. */
typedef int roost_limit_callback(size_t size, void *argument);

/** Have `callback` called when the option `hard_limit` is about to fail an allocation, after everything idle has been given back.
 *  It runs in the allocating thread, which holds no lock of roost's, and may call any function, these included; an allocation of its
 *  own that meets the limit fails. It answers 1 when it has freed memory: the allocation is tried once more; or 0: it fails with
 *  ENOMEM. Several threads may be in it at once. It must not leave by longjmp or an exception.
 *  `callback` NULL: none, as at first. A thread that is about to call the earlier one may still do so after this has returned. */
ROOST_API void roost_set_limit_callback(roost_limit_callback *callback, void *argument) ROOST_NOEXCEPT;

/** What roost_purge did, and what it could not reach. All in bytes but the counts. Set `size` to sizeof(roost_purge_report) before the
 *  call: so much of it is filled, so that a program and a library of different versions understand each other. */
typedef struct roost_purge_report {
    size_t size;        /**< in: how large the caller's structure is; out: how much of it was filled */
    uint64_t purged;    /**< given back to the OS while the call lasted, by whichever thread */
    uint64_t idle;      /**< free slices that are still there: freed meanwhile, or refused by the OS (locked memory) */
    uint64_t allocated; /**< in blocks that the program holds */
    /** In slices of pages and large blocks. What is more than `allocated` is free blocks beside others (no page goes back of which one
     *  block is held), what threads hold ready, and `undrained`. */
    uint64_t in_use;
    uint64_t undrained; /**< freed by another thread than the owner, and not home yet */
    uint64_t unsent;    /**< of that, kept by the unreached threads to be sent later */
    uint32_t heaps;     /**< threads that have a heap */
    uint32_t unreached; /**< of these, did not answer in time: asleep, or not allocating. Each may hold 1 MiB of empty
                             pages, a page of each size in use, and its part of `unsent` */
    uint32_t lost;      /**< heaps of threads that were in the allocator when the process forked: never emptied */
    uint32_t reserved;  /**< 0 */
} roost_purge_report;

/** Give back to the OS all memory that is free, of whatever age. This thread gives up what it holds ready. What other threads' heaps own
 *  is reached without them as far as whole pages have come back. Every other thread is asked to send what it freed for others and to give
 *  up what it holds ready, which it does when it next allocates by the slow path; the call waits for that.
 *  malloc_trim is roost_purge(0, NULL).
 *  @param deadline_ms how long to wait for other threads, in ms; 0: not at all (those that allocate later follow nevertheless, and what
 *  they set free goes by its age). The work itself is not cut short by it.
 *  @param report filled if not NULL and its `size` is set
 *  @return bytes given back by this call itself. Keeps errno; does not fail. */
ROOST_API size_t roost_purge(unsigned deadline_ms, roost_purge_report *report) ROOST_NOEXCEPT;

/** A program that is linked with roost may define this: its own defaults, `name=value` separated by commas or blanks. The file
 *  /etc/roost.conf and the environment win over it. Read once, before main. */
#ifdef _WIN32
__declspec(dllexport) /* found by its name in what the program exports */
#endif
extern const char roost_default_options[];

/** Write the value of an option to `text`, terminated and cut to `size` bytes: a number, or a text as it was set.
 *  @return the length written; -1 with ENOENT when there is no such option. */
ROOST_API int roost_option_get(const char *name, char *text, size_t size) ROOST_NOEXCEPT;

/** Change an option while the program runs, as ROOST_<NAME>=`value` would have set it at start. Nothing is printed.
 *  @return 0; -1 with ENOENT when there is no such option, EPERM when it is fixed at start, EINVAL when `value` is no value of its
 *  type, ERANGE when it is not within its range; the option then keeps its value. */
ROOST_API int roost_option_set(const char *name, const char *value) ROOST_NOEXCEPT;

/** The library's ROOST_VERSION. */
ROOST_API int roost_version(void) ROOST_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
