/* Metadata: a reservation at a time, cut from the front. SPDX-License-Identifier: MIT */
#include "core/metadata.h"

#include "core/counters.h"
#include "os/os.h"
#include "os/sync.h"

#define METADATA_CHUNK (256 * RST_KIB)

static rst_lock lock;
static char *next, *end; /* [under lock] */
static char *newest;     /* [under lock] the chunk they lie in; its first line leads to the one before */

static bool metadata_more(void)
{
    char *p = rst_os_reserve(METADATA_CHUNK, rst_os_page_size());
    if (p == NULL)
        return false;
    if (!rst_os_commit(p, METADATA_CHUNK)) {
        rst_os_release(p, METADATA_CHUNK);
        return false;
    }
    *(char **)p = newest;
    newest = p;
    next = p + RST_CACHE_LINE;
    end = p + METADATA_CHUNK;
    rst_process_add(metadata, METADATA_CHUNK);
    return true;
}

void *rst_metadata_take(size_t size)
{
    size = rst_align_up(size, RST_CACHE_LINE);
    if (size > RST_METADATA_MAX)
        return NULL;
    rst_lock_acquire(&lock);
    void *p = NULL;
    if (size <= (size_t)(end - next) || metadata_more()) {
        p = next;
        next += size;
    }
    rst_lock_release(&lock);
    return p;
}

void rst_metadata_release(void)
{
    rst_lock_acquire(&lock);
    for (char *chunk = newest, *before; chunk != NULL; chunk = before) {
        before = *(char **)chunk;
        if (rst_os_release(chunk, METADATA_CHUNK))
            rst_process_sub(metadata, METADATA_CHUNK);
    }
    newest = next = end = NULL;
    rst_lock_release(&lock);
}

void rst_metadata_before_fork(void)
{
    rst_lock_acquire(&lock);
}

void rst_metadata_after_fork(bool child)
{
    if (child)
        rst_lock_reset(&lock);
    else
        rst_lock_release(&lock);
}
