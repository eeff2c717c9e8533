// A library that is loaded and unloaded again and again: gives blocks to the program, frees the program's, and has a
// thread_local object whose destructor frees and allocates. Compiled by ../dlopen.sh.
// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace
{

struct per_thread {
    std::vector<std::unique_ptr<std::string>> kept;
    void *by_program = nullptr;
    ~per_thread()
    {
        free(by_program);
        kept.push_back(std::make_unique<std::string>(3000, 'd'));
        kept.clear();
        free(malloc(40000));
    }
};

thread_local per_thread mine;
void *made_at_load;

} // namespace

__attribute__((constructor)) static void at_load()
{
    made_at_load = malloc(5000);
    memset(made_at_load, 1, 5000);
}

__attribute__((destructor)) static void at_unload()
{
    free(made_at_load);
    free(malloc(100));
}

// Frees every block, and puts one of its own in its place; those are the program's to free.
extern "C" void plugin_exchange(void **block, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        free(block[i]);
        size_t size = 1 + i * 97u % 3000u;
        block[i] = malloc(size);
        memset(block[i], 2, size);
    }
}

// Keeps a block until this thread ends.
extern "C" void plugin_keep(void *block)
{
    free(mine.by_program);
    mine.by_program = block;
    mine.kept.push_back(std::make_unique<std::string>(500, 'k'));
}
