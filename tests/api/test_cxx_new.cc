// Every operator new and delete of C++17: plain, array, nothrow, sized, aligned and their combinations; the new
// handler; std::bad_alloc; and that a constructor's exception gives the memory back.
//
// SPDX-License-Identifier: MIT
#include "../support/check.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <malloc.h>
#include <memory>
#include <new>
#include <roost/roost.h>
#include <stdexcept>

#ifdef ROOST_TEST_WEAK_NAMES
#pragma weak roost_owns // to try the test itself on another allocator
#endif

#ifdef _WIN32
extern "C" std::size_t resident_bytes(); // tests/support/windows/posix.c
#endif

#ifndef __cpp_sized_deallocation
// clang 14 leaves these undeclared; the library has them all the same
void operator delete(void *, std::size_t) noexcept;
void operator delete[](void *, std::size_t) noexcept;
void operator delete(void *, std::size_t, std::align_val_t) noexcept;
void operator delete[](void *, std::size_t, std::align_val_t) noexcept;
#endif

namespace
{

bool on_roost;
void *volatile sink; // what passes through it is not optimised away

void *use(void *block, std::size_t size)
{
    CHECK(block != nullptr);
    CHECK((reinterpret_cast<std::uintptr_t>(block) & 15) == 0);
    CHECK(malloc_usable_size(block) >= size);
    CHECK(!on_roost || roost_owns(block) == 1);
    std::memset(block, 0x5C, size);
    sink = block;
    return sink;
}

void *use_aligned(void *block, std::size_t size, std::align_val_t alignment)
{
    CHECK((reinterpret_cast<std::uintptr_t>(block) & (static_cast<std::size_t>(alignment) - 1)) == 0);
    return use(block, size);
}

void plain_forms()
{
    for (std::size_t size = 0; size < 10000000; size = size * 2 + 1) {
        for (int again = 0; again < 10; again++) {
            ::operator delete(use(::operator new(size), size));
            ::operator delete(use(::operator new(size), size), size);
            ::operator delete[](use(::operator new[](size), size));
            ::operator delete[](use(::operator new[](size), size), size);
            ::operator delete(use(::operator new(size, std::nothrow), size), std::nothrow);
            ::operator delete[](use(::operator new[](size, std::nothrow), size), std::nothrow);
        }
    }
    ::operator delete(nullptr);
    ::operator delete[](nullptr);
    ::operator delete (nullptr, std::size_t{8});
    ::operator delete[](nullptr, std::size_t{8});
    ::operator delete(nullptr, std::nothrow);
}

void aligned_forms()
{
    for (std::size_t power = 1; power <= (std::size_t{1} << 22); power *= 2) {
        const auto a = static_cast<std::align_val_t>(power);
        for (std::size_t size = 0; size < 1000000; size = size * 5 + 1) {
            ::operator delete(use_aligned(::operator new(size, a), size, a), a);
            ::operator delete(use_aligned(::operator new(size, a), size, a), size, a);
            ::operator delete[](use_aligned(::operator new[](size, a), size, a), a);
            ::operator delete[](use_aligned(::operator new[](size, a), size, a), size, a);
            ::operator delete(use_aligned(::operator new(size, a, std::nothrow), size, a), a, std::nothrow);
            ::operator delete[](use_aligned(::operator new[](size, a, std::nothrow), size, a), a, std::nothrow);
        }
    }
    ::operator delete (nullptr, std::align_val_t{64});
    ::operator delete[](nullptr, std::align_val_t{64});
}

void zero_sizes_are_distinct()
{
    void *one = ::operator new(0);
    void *two = ::operator new(0);
    CHECK(one != nullptr && two != nullptr && one != two);
    ::operator delete(one);
    ::operator delete(two);
}

template <class Call> bool throws_bad_alloc(Call call)
{
    try {
        sink = call();
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

volatile std::size_t huge = std::numeric_limits<std::size_t>::max() / 2 + 1;
volatile std::size_t all = std::numeric_limits<std::size_t>::max();
volatile long negative = -1;
constexpr auto line = static_cast<std::align_val_t>(64);

void huge_sizes_throw()
{
    for (const std::size_t size : {std::size_t{huge}, std::size_t{all}}) {
        CHECK(throws_bad_alloc([=] { return ::operator new(size); }));
        CHECK(throws_bad_alloc([=] { return ::operator new[](size); }));
        CHECK(::operator new(size, std::nothrow) == nullptr);
        CHECK(::operator new[](size, std::nothrow) == nullptr);
        if (size == all && !on_roost)
            continue; // libstdc++ 12 rounds this up to 0 and succeeds
        CHECK(throws_bad_alloc([=] { return ::operator new(size, line); }));
        CHECK(throws_bad_alloc([=] { return ::operator new[](size, line); }));
        CHECK(::operator new(size, line, std::nothrow) == nullptr);
        CHECK(::operator new[](size, line, std::nothrow) == nullptr);
    }
    CHECK(throws_bad_alloc([] { return new int[static_cast<std::size_t>(negative)]; }));
    CHECK(throws_bad_alloc([] { return new double[huge / 4]; }));
}

int handler_calls;

void handler_that_gives_up()
{
    if (++handler_calls % 5 == 0)
        std::set_new_handler(nullptr);
}

struct from_handler : std::bad_alloc {
};

void handler_that_throws()
{
    handler_calls++;
    throw from_handler();
}

// The handler is called again and again until it gives up; the nothrow forms do so too.
void new_handler_loops()
{
    struct {
        void *(*call)();
        bool nothrow;
    } forms[] = {
        {[] { return ::operator new(huge); }, false},
        {[] { return ::operator new[](huge); }, false},
        {[] { return ::operator new(huge, line); }, false},
        {[] { return ::operator new[](huge, line); }, false},
        {[] { return ::operator new(huge, std::nothrow); }, true},
        {[] { return ::operator new[](huge, std::nothrow); }, true},
        {[] { return ::operator new(huge, line, std::nothrow); }, true},
        {[] { return ::operator new[](huge, line, std::nothrow); }, true},
    };
    for (const auto &form : forms) {
        handler_calls = 0;
        std::set_new_handler(handler_that_gives_up);
        if (form.nothrow)
            CHECK(form.call() == nullptr);
        else
            CHECK(throws_bad_alloc(form.call));
        CHECK(handler_calls == 5);
        CHECK(std::get_new_handler() == nullptr);

        handler_calls = 0;
        std::set_new_handler(handler_that_throws);
        if (form.nothrow)
            CHECK(form.call() == nullptr);
        else
            CHECK(throws_bad_alloc(form.call));
        CHECK(handler_calls == 1);
        std::set_new_handler(nullptr);
    }
}

void malloc_does_not_call_the_handler()
{
    handler_calls = 0;
    std::set_new_handler(handler_that_throws);
    void *(*volatile allocate)(std::size_t) = std::malloc;
    CHECK(allocate(huge) == nullptr);
    CHECK(handler_calls == 0);
    std::set_new_handler(nullptr);
}

struct base {
    virtual ~base()
    {
        destroyed++;
    }
    int value = 1;
    static int destroyed;
};
int base::destroyed;

struct derived : base {
    ~derived() override
    {
        destroyed += 10;
    }
    char more[500];
};

struct alignas(256) over_aligned : base {
    char more[300];
};

void objects()
{
    std::unique_ptr<base> object(new derived);
    object.reset();
    CHECK(base::destroyed == 11);
    for (int i = 0; i < 100; i++) {
        object.reset(new over_aligned);
        CHECK(reinterpret_cast<std::uintptr_t>(object.get()) % 256 == 0);
        std::unique_ptr<over_aligned[]> several(new over_aligned[7]);
        CHECK(reinterpret_cast<std::uintptr_t>(&several[3]) % 256 == 0);
        std::unique_ptr<derived[]> array(new derived[100]);
        CHECK(array[99].value == 1);
    }
}

struct fails_to_construct {
    explicit fails_to_construct(int which)
    {
        std::memset(body, 1, sizeof body);
        if (which < 0)
            throw std::runtime_error("no object");
    }
    char body[1 << 20];
};

struct fails_later {
    static int count;
    fails_later()
    {
        std::memset(body, 1, sizeof body);
        if (++count % 8 == 0)
            throw std::runtime_error("the eighth");
    }
    char body[1 << 17];
};
int fails_later::count;

#ifdef _WIN32
long resident_pages()
{
    return static_cast<long>(resident_bytes() / static_cast<std::size_t>(sysconf(_SC_PAGESIZE)));
}
#else
long resident_pages()
{
    long total = 0;
    long resident = 0;
    std::FILE *f = std::fopen("/proc/self/statm", "r");
    CHECK(f != nullptr);
    CHECK(std::fscanf(f, "%ld %ld", &total, &resident) == 2);
    std::fclose(f);
    return resident;
}
#endif

// If the memory did not come back, these would take 5 GiB.
void constructors_that_throw()
{
    int caught = 0;
    for (int i = 0; i < 3000; i++) {
        try {
            sink = new fails_to_construct(-1);
        } catch (const std::runtime_error &) {
            caught++;
        }
        try {
            sink = new fails_later[8];
        } catch (const std::runtime_error &) {
            caught++;
        }
    }
    CHECK(caught == 6000);
    CHECK(resident_pages() < (512l << 20) / sysconf(_SC_PAGESIZE));
}

} // namespace

int main()
{
#ifdef ROOST_TEST_WEAK_NAMES
    on_roost = roost_owns != nullptr;
#else
    on_roost = true;
#endif
    RUN(plain_forms);
    RUN(aligned_forms);
    RUN(zero_sizes_are_distinct);
    RUN(huge_sizes_throw);
    RUN(new_handler_loops);
    RUN(malloc_does_not_call_the_handler);
    RUN(objects);
    RUN(constructors_that_throw);
    return 0;
}
