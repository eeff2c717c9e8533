/* roost on Windows: calls of a C library's allocator led to roost, in modules that are built already. Part of roost.dll, roost_api.dll and the
 * static libraries. How and when to use which: docs/windows.md.
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_REDIRECT_H
#define ROOST_REDIRECT_H

#include "roost.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Lead what a module (an HMODULE) imports of malloc and its family, from msvcrt.dll, ucrtbase.dll, msvcr100.dll, msvcr110.dll or msvcr120.dll, to
 *  roost. Other modules are not concerned. Blocks that the module has already, or gets from modules that are left alone, go back to where they
 *  came from. A second call does nothing more, except for what the module imports late (delay-loaded) from a library that was not loaded before. No
 *  other thread may be in its first call of such an import.
 *  @return how many entries of its import table were changed; -1 with EINVAL: that is no module, with EACCES: its table cannot be written, and the module
 *  goes on as before. */
ROOST_API int roost_redirect_module(void *module) ROOST_NOEXCEPT;

/** Experimental: lead HeapAlloc, HeapReAlloc, HeapFree and HeapSize of a module to roost, as far as they are called for the process's heap.
 *  @return as roost_redirect_module. */
ROOST_API int roost_redirect_heap(void *module) ROOST_NOEXCEPT;

/** Undo both. Blocks that the module has of roost's must be free by then: the C library will not know them.
 *  @return as roost_redirect_module. */
ROOST_API int roost_redirect_undo(void *module) ROOST_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
