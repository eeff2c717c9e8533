/* Windows: C libraries whose allocator roost stands in for, and blocks of theirs that come its way. In the products for Windows alone.
 * SPDX-License-Identifier: MIT */
#ifndef RST_REDIRECT_H
#define RST_REDIRECT_H

#include "face.h"
#include "os/os_modules.h"
#include "redirect_whose.h"

#include <stddef.h> /* wchar_t */

/* What a C library for Windows exports of an allocator: X(name in C, name it is exported by, result, parameters, arguments). */
#define RST_CRT_TABLE(X) \
    X(malloc, "malloc", void *, (size_t size), (size)) \
    X(free, "free", void, (void *block), (block)) \
    X(calloc, "calloc", void *, (size_t count, size_t size), (count, size)) \
    X(realloc, "realloc", void *, (void *block, size_t size), (block, size)) \
    X(recalloc, "_recalloc", void *, (void *block, size_t count, size_t size), (block, count, size)) \
    X(expand, "_expand", void *, (void *block, size_t size), (block, size)) \
    X(msize, "_msize", size_t, (void *block), (block)) \
    X(aligned_malloc, "_aligned_malloc", void *, (size_t size, size_t alignment), (size, alignment)) \
    X(aligned_free, "_aligned_free", void, (void *block), (block)) \
    X(aligned_realloc, "_aligned_realloc", void *, (void *block, size_t size, size_t alignment), \
      (block, size, alignment)) \
    X(aligned_recalloc, "_aligned_recalloc", void *, (void *block, size_t count, size_t size, size_t alignment), \
      (block, count, size, alignment)) \
    X(aligned_msize, "_aligned_msize", size_t, (void *block, size_t alignment, size_t offset), \
      (block, alignment, offset)) \
    X(strdup, "_strdup", char *, (const char *text), (text)) \
    X(mbsdup, "_mbsdup", unsigned char *, (const unsigned char *text), (text)) \
    X(wcsdup, "_wcsdup", wchar_t *, (const wchar_t *text), (text)) \
    X(op_new, "??2@YAPEAX_K@Z", void *, (size_t size), (size)) \
    X(op_delete, "??3@YAXPEAX@Z", void, (void *block), (block)) \
    X(op_new_array, "??_U@YAPEAX_K@Z", void *, (size_t size), (size)) \
    X(op_delete_array, "??_V@YAXPEAX@Z", void, (void *block), (block))

/* The library's own functions. NULL: it has none of that name. */
#define RST_CRT_FIELD(name, exported, result, parameters, arguments) result(*name) parameters;
typedef struct rst_crt {
    RST_CRT_TABLE(RST_CRT_FIELD)
    int *(*errno_place)(void);
    const char *library; /* [fixed] */
    const void *module;  /* where it is loaded; NULL: it is not */
} rst_crt;
#undef RST_CRT_FIELD

/* Libraries that may be in one process, by number. */
enum { RST_CRT_MSVCRT = 0, RST_CRT_UCRT, RST_CRT_MSVCR120, RST_CRT_MSVCR110, RST_CRT_MSVCR100, RST_CRTS };
extern rst_crt rst_crts[RST_CRTS];

/* Look which of them are loaded by now. */
void rst_crt_find_all(void);

/* What stands in for each: a block that is not roost's goes to `crt`, which has it from before, or from a module that was left alone. */
void rst_crt_free(const rst_crt *crt, void *block);
void *rst_crt_malloc(const rst_crt *crt, size_t size);
void *rst_crt_calloc(const rst_crt *crt, size_t count, size_t size);
void *rst_crt_realloc(const rst_crt *crt, void *block, size_t size);
void *rst_crt_recalloc(const rst_crt *crt, void *block, size_t count, size_t size);
void *rst_crt_expand(const rst_crt *crt, void *block, size_t size);
size_t rst_crt_msize(const rst_crt *crt, void *block);
void *rst_crt_aligned_malloc(const rst_crt *crt, size_t size, size_t alignment);
void rst_crt_aligned_free(const rst_crt *crt, void *block);
void *rst_crt_aligned_realloc(const rst_crt *crt, void *block, size_t size, size_t alignment);
void *rst_crt_aligned_recalloc(const rst_crt *crt, void *block, size_t count, size_t size, size_t alignment);
size_t rst_crt_aligned_msize(const rst_crt *crt, void *block, size_t alignment, size_t offset);
char *rst_crt_strdup(const rst_crt *crt, const char *text);
unsigned char *rst_crt_mbsdup(const rst_crt *crt, const unsigned char *text);
wchar_t *rst_crt_wcsdup(const rst_crt *crt, const wchar_t *text);
void *rst_crt_op_new(const rst_crt *crt, size_t size);
void rst_crt_op_delete(const rst_crt *crt, void *block);
void *rst_crt_op_new_array(const rst_crt *crt, size_t size);
void rst_crt_op_delete_array(const rst_crt *crt, void *block);

/* What a module is to call in place of a function that it imports, or that itself. */
rst_os_function rst_redirect_stand_in(rst_os_function imported, void *unused);

/* Have every module call what it imported once more. */
void rst_redirect_undo_all(void);

#endif
