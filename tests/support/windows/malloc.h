/* What other systems declare in <malloc.h> and <stdlib.h>: roost has it on Windows as well. SPDX-License-Identifier: MIT */
#ifndef ROOST_TESTS_WINDOWS_MALLOC_H
#define ROOST_TESTS_WINDOWS_MALLOC_H

#include_next <malloc.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

void *reallocarray(void *block, size_t count, size_t size);
void *aligned_alloc(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size);
int posix_memalign(void **out, size_t alignment, size_t size);
void *valloc(size_t size);
void *pvalloc(size_t size);
size_t malloc_usable_size(void *block);
int malloc_trim(size_t pad);

#ifdef __cplusplus
}
#endif
#endif
