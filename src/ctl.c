/* What a program may ask of the library beside memory. SPDX-License-Identifier: MIT */
#include "core/options.h"
#include "core/purge.h"
#include "face.h"
#include "threadcache/outside.h"
#include "threadcache/registry.h"
#include "threadcache/remote.h"

RST_EXPORT int roost_owns(const void *address)
{
    return rst_slice_of(address) != NULL;
}

RST_EXPORT int roost_option_get(const char *name, char *text, size_t size)
{
    rst_ensure_started();
    size_t length = rst_option_show(name, text, size);
    if (length != SIZE_MAX)
        return (int)length;
    errno = ENOENT;
    return -1;
}

RST_EXPORT int roost_option_set(const char *name, const char *value)
{
    static const int errors[] = {[RST_OPTION_UNKNOWN] = ENOENT,
                                 [RST_OPTION_BAD] = EINVAL,
                                 [RST_OPTION_RANGE] = ERANGE,
                                 [RST_OPTION_TOO_LONG] = ERANGE,
                                 [RST_OPTION_FIXED] = EPERM};
    rst_ensure_started();
    rst_option_verdict verdict = rst_option_change(name, value);
    if (verdict == RST_OPTION_TAKEN)
        return 0;
    errno = errors[verdict];
    return -1;
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
