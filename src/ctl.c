/* What a program may ask of the library beside memory. SPDX-License-Identifier: MIT */
#include "core/purge.h"
#include "face.h"
#include "threadcache/outside.h"
#include "threadcache/registry.h"
#include "threadcache/remote.h"

RST_EXPORT int roost_owns(const void *address)
{
    return rst_slice_of(address) != NULL;
}

RST_EXPORT int roost_version(void)
{
    return ROOST_VERSION;
}

RST_EXPORT void roost_thread_flush(void)
{
    rst_heap *heap = rst_thread_heap;
    if (heap == &rst_heap_none)
        return;
    rst_heap_enter(heap);
    rst_remote_flush(heap);
    rst_heap_leave(heap);
}

size_t rst_trim(void)
{
    rst_heap *heap = rst_thread_heap;
    if (rst_load_relaxed(&rst_registry_left_behind) != 0)
        rst_registry_take_over();
    if (heap != &rst_heap_none) {
        rst_heap_enter(heap);
        rst_remote_flush(heap);
        rst_remote_drain(heap);
        rst_heap_fold(heap);
        rst_heap_leave(heap);
    }
    for (rst_heap *other = rst_registry_first(); other != NULL; other = other->next_heap) {
        if (other != heap)
            rst_outside_collect(other, true);
    }
    return rst_purge_all();
}
