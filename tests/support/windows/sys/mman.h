/* The part of <sys/mman.h> that roost's tests use, on Windows: private memory alone. Pages that may not be touched are
 * reserved or committed without access; what is dropped is decommitted, and committed again if it could be touched.
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_TESTS_WINDOWS_MMAN_H
#define ROOST_TESTS_WINDOWS_MMAN_H

#include <stddef.h>

enum { PROT_NONE = 0, PROT_READ = 1, PROT_WRITE = 2 };
enum { MAP_PRIVATE = 1, MAP_ANONYMOUS = 2, MAP_NORESERVE = 4 };
enum { MADV_DONTNEED = 4 };

#define MAP_FAILED ((void *)-1)

void *mmap(void *address, size_t size, int protection, int flags, int fd, long long offset);
int munmap(void *address, size_t size);
int mprotect(void *address, size_t size, int protection);
int madvise(void *address, size_t size, int advice);
int mincore(void *address, size_t size, unsigned char *present);
int memfd_create(const char *name, unsigned flags);

#endif
