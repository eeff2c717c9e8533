/* What glibc's <malloc.h> declares and musl's does not: libroost has it there as well. For tests of glibc's names.
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_TESTS_MUSL_MALLOC_H
#define ROOST_TESTS_MUSL_MALLOC_H

#include_next <malloc.h>
#include <stddef.h>
#include <stdio.h>

struct mallinfo {
    int arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};
struct mallinfo2 {
    size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

struct mallinfo mallinfo(void);
struct mallinfo2 mallinfo2(void);
void *pvalloc(size_t size);
int malloc_trim(size_t pad) __attribute__((weak)); /* not there in a program on libroost_api */
int mallopt(int parameter, int value);
void malloc_stats(void);
int malloc_info(int options, FILE *stream);

#define M_MXFAST 1
#define M_TRIM_THRESHOLD (-1)
#define M_TOP_PAD (-2)
#define M_MMAP_THRESHOLD (-3)
#define M_MMAP_MAX (-4)
#define M_CHECK_ACTION (-5)
#define M_PERTURB (-6)
#define M_ARENA_TEST (-7)
#define M_ARENA_MAX (-8)

#endif
