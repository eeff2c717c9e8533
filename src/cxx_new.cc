/* operator new and delete without a need for the C++ runtime: what throws and catches is bound weakly, and is there whenever a C++ program
 * is. As in libstdc++, every other form forwards to the one that a program is likely to replace: arrays and nothrow forms to new(size_t) or
 * new(size_t, align_val_t), deletes to delete(void *) or its aligned twin. new(size_t) and delete(void *) themselves are in override.c.
 * SPDX-License-Identifier: MIT */
#include <new>

#include <stddef.h>

#ifndef __clang__
#pragma GCC diagnostic ignored "-Wsized-deallocation" /* the unsized one is in override.c */
#endif

extern "C" {
/* Of override.c, and for it. */
void *rst_new_slow(size_t size) __attribute__((visibility("hidden")));
void *rst_new_try(size_t size) noexcept __attribute__((visibility("hidden")));
void *rst_aligned_alloc(size_t alignment, size_t size) noexcept __attribute__((visibility("hidden")));
void rst_delete_aligned(void *block) noexcept __attribute__((visibility("hidden")));
void abort(void) noexcept;

/* The C++ ABI's own parts, named as its runtimes export them (libstdc++ and libc++ alike). A std::bad_alloc is nothing but its
 * vtable pointer; it is made by hand, since the header's inline constructor would become ours to export. */
void *__cxa_allocate_exception(size_t size) noexcept;
[[noreturn]] void __cxa_throw(void *object, const void *type, void (*destroy)(void *));
extern const void *const bad_alloc_vtable[] __asm__("_ZTVSt9bad_alloc") __attribute__((weak));
extern const char bad_alloc_type[] __asm__("_ZTISt9bad_alloc") __attribute__((weak));
void bad_alloc_destroy(void *object) __asm__("_ZNSt9bad_allocD1Ev") __attribute__((weak));
}

#define WEAK(symbol) __asm__(".weak " symbol)
WEAK("__cxa_allocate_exception");
WEAK("__cxa_throw");
WEAK("__cxa_begin_catch");
WEAK("__cxa_end_catch");
WEAK("__gxx_personality_v0");
WEAK("_Unwind_Resume");
WEAK("_ZSt15get_new_handlerv");
WEAK("_ZSt9terminatev");

/* Weak, so that a program linked with the archive may define some of them itself. */
#define NEW __attribute__((visibility("default"), weak))

namespace
{

/* Whether a weakly bound function is there; the compiler must not know that functions have addresses. */
template <class Function> bool present(Function *function)
{
    __asm__("" : "+r"(function));
    return function != nullptr;
}

typedef void *(*allocate)(size_t size, size_t alignment);

void *allocate_plain(size_t size, size_t)
{
    return rst_new_try(size);
}

void *allocate_aligned(size_t size, size_t alignment)
{
    return rst_aligned_alloc(alignment, size);
}

[[noreturn]] void throw_bad_alloc()
{
    if (!present(__cxa_allocate_exception)) /* no C++ runtime: nobody could catch it */
        abort();
    const void **object = static_cast<const void **>(__cxa_allocate_exception(sizeof(std::bad_alloc)));
    *object = bad_alloc_vtable + 2; /* behind the offset to top and the type */
    __cxa_throw(object, bad_alloc_type, bad_alloc_destroy);
}

/* The standard's loop: ask the program's new-handler for memory until there is some, or none to ask. */
__attribute__((noinline, cold)) void *ask_handler(allocate again, size_t size, size_t alignment)
{
    for (;;) {
        std::new_handler handler = present(std::get_new_handler) ? std::get_new_handler() : nullptr;
        if (handler == nullptr)
            throw_bad_alloc();
        handler();
        void *block = again(size, alignment);
        if (block != nullptr)
            return block;
    }
}

static_assert(sizeof(std::bad_alloc) == sizeof(void *), "a vtable pointer and nothing else");

} // namespace

/* The fast path of operator new found nothing. */
void *rst_new_slow(size_t size)
{
    void *block = rst_new_try(size);
    return block != nullptr ? block : ask_handler(allocate_plain, size, 0);
}

NEW void *operator new(size_t size, std::align_val_t alignment)
{
    void *block = rst_aligned_alloc(static_cast<size_t>(alignment), size);
    return block != nullptr ? block : ask_handler(allocate_aligned, size, static_cast<size_t>(alignment));
}

NEW void *operator new[](size_t size)
{
    return operator new(size);
}

NEW void *operator new[](size_t size, std::align_val_t alignment)
{
    return operator new(size, alignment);
}

NEW void *operator new(size_t size, const std::nothrow_t &) noexcept
{
    try {
        return operator new(size);
    } catch (...) {
        return nullptr;
    }
}

NEW void *operator new(size_t size, std::align_val_t alignment, const std::nothrow_t &) noexcept
{
    try {
        return operator new(size, alignment);
    } catch (...) {
        return nullptr;
    }
}

NEW void *operator new[](size_t size, const std::nothrow_t &) noexcept
{
    try {
        return operator new[](size);
    } catch (...) {
        return nullptr;
    }
}

NEW void *operator new[](size_t size, std::align_val_t alignment, const std::nothrow_t &) noexcept
{
    try {
        return operator new[](size, alignment);
    } catch (...) {
        return nullptr;
    }
}

NEW void operator delete(void *block, std::align_val_t) noexcept
{
    rst_delete_aligned(block);
}

NEW void operator delete[](void *block) noexcept
{
    operator delete(block);
}

NEW void operator delete[](void *block, std::align_val_t alignment) noexcept
{
    operator delete(block, alignment);
}

NEW void operator delete(void *block, const std::nothrow_t &) noexcept
{
    operator delete(block);
}

NEW void operator delete[](void *block, const std::nothrow_t &) noexcept
{
    operator delete[](block);
}

NEW void operator delete(void *block, size_t) noexcept
{
    operator delete(block);
}

NEW void operator delete[](void *block, size_t) noexcept
{
    operator delete[](block);
}

NEW void operator delete(void *block, size_t, std::align_val_t alignment) noexcept
{
    operator delete(block, alignment);
}

NEW void operator delete[](void *block, size_t, std::align_val_t alignment) noexcept
{
    operator delete[](block, alignment);
}

NEW void operator delete(void *block, std::align_val_t alignment, const std::nothrow_t &) noexcept
{
    operator delete(block, alignment);
}

NEW void operator delete[](void *block, std::align_val_t alignment, const std::nothrow_t &) noexcept
{
    operator delete[](block, alignment);
}
