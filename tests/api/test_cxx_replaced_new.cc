// A program that replaces operator new(size_t) and operator delete(void *) only. As in libstdc++ the array,
// nothrow and sized forms, which it left alone, must arrive at its own functions.
//
// SPDX-License-Identifier: MIT
#include "../support/check.h"

#include <cstdint>
#include <cstdlib>
#include <new>

#ifndef __cpp_sized_deallocation
// clang 14 leaves these undeclared; the library has them all the same
void operator delete(void *, std::size_t) noexcept;
void operator delete[](void *, std::size_t) noexcept;
void operator delete[](void *, std::size_t, std::align_val_t) noexcept;
#endif
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wsized-deallocation" // left to the library on purpose
#endif

namespace
{

int news;
int deletes;
std::size_t refuse; // a size for which the replaced operator throws
void *volatile sink;
constexpr std::uint64_t mark = 0x726f6f7374206f6bu;

} // namespace

// Replaced on purpose: each block carries a mark in front, so a block that bypassed this operator shows at once.
void *operator new(std::size_t size)
{
    if (refuse && size == refuse)
        throw std::bad_alloc();
    void *(*volatile allocate)(std::size_t) = std::malloc;
    auto *head = static_cast<char *>(allocate(size + 16));
    if (!head)
        throw std::bad_alloc();
    *reinterpret_cast<volatile std::uint64_t *>(head) = mark;
    news++;
    return head + 16;
}

void operator delete(void *block) noexcept
{
    if (!block)
        return;
    char *head = static_cast<char *>(block) - 16;
    auto *marked = reinterpret_cast<volatile std::uint64_t *>(head);
    CHECK(*marked == mark);
    *marked = 0;
    deletes++;
    void (*volatile give_back)(void *) = std::free;
    give_back(head);
}

namespace
{

void *through(void *block)
{
    sink = block; // a compiler may assume that nothing lies in front of what operator new returns
    char *body = static_cast<char *>(sink);
    CHECK(body != nullptr);
    CHECK(*reinterpret_cast<volatile std::uint64_t *>(body - 16) == mark);
    return body;
}

void every_form_forwards()
{
    const int before = news;
    const int freed = deletes;
    ::operator delete(through(::operator new(100)));
    ::operator delete (through(::operator new(100)), std::size_t{100});
    ::operator delete[](through(::operator new[](100)));
    ::operator delete[](through(::operator new[](100)), std::size_t{100});
    ::operator delete(through(::operator new(100, std::nothrow)), std::nothrow);
    ::operator delete[](through(::operator new[](100, std::nothrow)), std::nothrow);
    int *array = new int[50];
    through(array);
    delete[] array;
    CHECK(news - before == 7);
    CHECK(deletes - freed == 7);
}

// Aligned forms were not replaced: they work as a pair and never meet the program's own.
void aligned_forms_stay_apart()
{
    const int before = news;
    const int freed = deletes;
    const auto line = static_cast<std::align_val_t>(64);
    void *block = ::operator new(100, line);
    sink = block;
    CHECK((reinterpret_cast<std::uintptr_t>(block) & 63) == 0);
    ::operator delete(block, line);
    block = ::operator new[](100, line, std::nothrow);
    sink = block;
    CHECK(block != nullptr && (reinterpret_cast<std::uintptr_t>(block) & 63) == 0);
    ::operator delete[](block, 100, line);
    CHECK(news == before);
    CHECK(deletes == freed);
}

// What the replaced operator throws passes through new[] and becomes nullptr in the nothrow forms.
void exceptions_of_the_replacement()
{
    refuse = 12345;
    bool caught = false;
    try {
        sink = ::operator new[](12345);
    } catch (const std::bad_alloc &) {
        caught = true;
    }
    CHECK(caught);
    CHECK(::operator new(12345, std::nothrow) == nullptr);
    CHECK(::operator new[](12345, std::nothrow) == nullptr);
    refuse = 0;
}

} // namespace

int main()
{
    RUN(every_form_forwards);
    RUN(aligned_forms_stay_apart);
    RUN(exceptions_of_the_replacement);
    return 0;
}
