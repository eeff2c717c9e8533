/* dlopen without RTLD_DEEPBIND, in the shared library only. A library that is opened with that flag finds libc's malloc and free before
 * ours; blocks then cross between two allocators and the process dies, as PHP's extensions do under any replacement that leaves it alone
 * (docs/drop-in.md). Called where the program calls dlopen, never from within the allocator, so it may call what allocates.
 * SPDX-License-Identifier: MIT */
#include "core/options.h"
#include "os/atomic.h"

#include <dlfcn.h>

#ifdef RTLD_DEEPBIND

typedef void *(*opener)(const char *file, int flags);

RST_EXPORT void *dlopen(const char *file, int flags);

void *dlopen(const char *file, int flags)
{
    static _Atomic(opener) libc_dlopen; /* relaxed: the same value whoever finds it */
    opener next = rst_load_relaxed(&libc_dlopen);
    if (next == NULL) {
        /* ISO C has no way from an object's address to a function's. */
        union {
            void *object;
            opener function;
        } found = {dlsym(RTLD_NEXT, "dlopen")};
        if (found.function == NULL)
            return NULL;
        next = found.function;
        rst_store_relaxed(&libc_dlopen, next);
    }
    if (rst_option_get(deepbind) == 0)
        flags &= ~RTLD_DEEPBIND;
    /* The last call: optimised to a jump, so that libc sees who called us, whose RUNPATH and $ORIGIN it must search. */
    return next(file, flags);
}

#endif
