/* Windows: HeapAlloc and its kin on the process's heap. SPDX-License-Identifier: MIT */
#ifndef RST_REDIRECT_HEAP_H
#define RST_REDIRECT_HEAP_H

#include "os/os_modules.h"

/* What stands in for an imported function, or that itself; and back. */
rst_os_function rst_heap_stand_in(rst_os_function imported);
rst_os_function rst_heap_original(rst_os_function imported);

#endif
