// A C++ program linked with libroost: new is roost's, exceptions and the library's containers work on it.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <memory>
#include <new>
#include <roost/roost.h>
#include <stdexcept>
#include <string>
#include <vector>

struct alignas(256) Wide {
    char bytes[256];
};

int main()
{
    std::vector<std::string> words(1000, std::string(100, 'x'));
    if (!roost_owns(words.data()) || !roost_owns(words[7].data()))
        return 1;
    auto wide = std::make_unique<Wide>();
    if (!roost_owns(wide.get()) || reinterpret_cast<std::uintptr_t>(wide.get()) % 256 != 0)
        return 2;
    try {
        throw std::runtime_error(words[3]);
    } catch (const std::exception &e) {
        if (words[3] != e.what())
            return 3;
    }
    volatile std::size_t huge = SIZE_MAX / 2;
    try {
        delete[] new char[huge];
        return 4;
    } catch (const std::bad_alloc &) {
    }
    return roost_version() == ROOST_VERSION ? 0 : 5;
}
