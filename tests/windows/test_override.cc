// A program that was linked with roost: malloc and its family are roost's, as are new and delete; what the C library allocates for the program
// goes back to it. SPDX-License-Identifier: MIT
#include "check.h"

#include <direct.h>
#include <malloc.h>
#include <memory>
#include <new>
#include <roost/roost.h>
#include <stdint.h>
#include <stdlib.h>
#include <string>
#include <vector>
#include <wchar.h>

extern "C" {
void *aligned_alloc(size_t alignment, size_t size);
size_t malloc_usable_size(void *block);
}

struct alignas(256) wide {
    char bytes[300];
};

static void c_names()
{
    void *a = malloc(100), *b = calloc(10, 100), *c = _aligned_malloc(100, 4096), *d = aligned_alloc(64, 100);
    char *e = strdup("text");
    wchar_t *f = _wcsdup(L"text");
    for (void *block : {a, b, c, d, static_cast<void *>(e), static_cast<void *>(f)})
        CHECK(roost_owns(block));
    CHECK(_msize(a) >= 100 && malloc_usable_size(b) >= 1000 && reinterpret_cast<uintptr_t>(c) % 4096 == 0);
    a = realloc(a, 10000);
    CHECK(roost_owns(a));
    free(a);
    free(b);
    _aligned_free(c);
    free(d);
    free(e);
    free(f);
    char *directory = _getcwd(nullptr, 0);
    CHECK(directory != nullptr && !roost_owns(directory));
    free(directory);
}

static void operators()
{
    auto one = std::make_unique<int>(7);
    auto many = std::make_unique<long[]>(1000);
    auto aligned = std::make_unique<wide>();
    CHECK(roost_owns(one.get()) && roost_owns(many.get()) && roost_owns(aligned.get()));
    CHECK(reinterpret_cast<uintptr_t>(aligned.get()) % alignof(wide) == 0);
    std::vector<std::string> strings(1000, std::string(100, 'x'));
    CHECK(roost_owns(strings.data()) && roost_owns(strings[999].data()));
    volatile size_t too_much = static_cast<size_t>(1) << 62;
    bool thrown = false;
    try {
        operator delete(operator new(too_much));
    } catch (const std::bad_alloc &) {
        thrown = true;
    }
    CHECK(thrown && operator new(too_much, std::nothrow) == nullptr);
}

int main()
{
    RUN(c_names);
    RUN(operators);
}
