/* Thread-local words: how one is defined, RST_THREAD_LOCAL(type, name), declared elsewhere, RST_THREAD_LOCAL_OF(type, name), and used, RST_TLS(name).
 * The TLS model is chosen for the whole library by the build (initial-exec: one load from the thread pointer).
 *
 * gcc for Windows emulates _Thread_local by a table that it allocates with malloc, which an allocator cannot stand on. There the word is put
 * into the section from which the system makes each thread's block, and found as every Windows program finds its own: the thread's array of
 * blocks, our index in it, the word's place in the section. docs/decisions/0013-tls-on-windows.md. SPDX-License-Identifier: MIT */
#ifndef RST_OS_TLS_H
#define RST_OS_TLS_H

#if defined(_WIN32) && defined(__GNUC__) && !defined(__clang__)

#define RST_THREAD_LOCAL(type, name) __attribute__((section(".tls$RST"), used)) type name##_tls
#define RST_THREAD_LOCAL_OF(type, name) type name##_tls

extern unsigned _tls_index; /* by the C runtime's start-up */

/* Not volatile: the answer is the same for all of a thread's life. */
static inline __attribute__((always_inline)) char *rst_tls_block(void)
{
    char **blocks;
    __asm__("movq %%gs:0x58, %0" : "=r"(blocks));
    return blocks[_tls_index];
}

#define RST_TLS(name) \
    (*({ \
        __typeof__(name##_tls) *rst_tls_word; \
        __asm__("leaq " #name "_tls@SECREL32(%1), %0" : "=r"(rst_tls_word) : "r"(rst_tls_block())); \
        rst_tls_word; \
    }))

#else

#define RST_THREAD_LOCAL(type, name) _Thread_local type name
#define RST_THREAD_LOCAL_OF(type, name) _Thread_local type name
#define RST_TLS(name) name

#endif
#endif
