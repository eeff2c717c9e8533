/* SPDX-License-Identifier: MIT
 * Copyright (c) The roost authors
 *
 * The C++ behind gb_shim.h.
 */
#include "gb_shim.h"

#include <benchmark/benchmark.h>

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

/* --- what Google Benchmark and libstdc++ allocate: taken from mappings one after the other, never given back ------------------ */

namespace
{

constexpr std::size_t chunk_size = std::size_t{64} << 20; /* address space; touched as it is used */
std::atomic<char *> chunk{nullptr};
std::atomic<std::size_t> chunk_used{0};

void *from_chunk(std::size_t size, std::size_t alignment)
{
    char *base = chunk.load();
    if (base == nullptr) { /* before main, there is one thread */
        void *mapped =
            mmap(nullptr, chunk_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (mapped == MAP_FAILED)
            std::abort();
        base = static_cast<char *>(mapped);
        chunk.store(base);
    }
    std::size_t room = (size + alignment + 15) & ~std::size_t{15};
    std::size_t at = chunk_used.fetch_add(room);
    if (room > chunk_size || at > chunk_size - room) {
        std::fputs("roost_bench: its own memory is used up; run fewer benchmarks at once\n", stderr);
        std::_Exit(1);
    }
    return base + ((at + alignment - 1) & ~(alignment - 1));
}

} // namespace

void *operator new(std::size_t size)
{
    return from_chunk(size, 16);
}
void *operator new[](std::size_t size)
{
    return from_chunk(size, 16);
}
void *operator new(std::size_t size, const std::nothrow_t &) noexcept
{
    return from_chunk(size, 16);
}
void *operator new[](std::size_t size, const std::nothrow_t &) noexcept
{
    return from_chunk(size, 16);
}
void *operator new(std::size_t size, std::align_val_t a)
{
    return from_chunk(size, static_cast<std::size_t>(a));
}
void *operator new[](std::size_t size, std::align_val_t a)
{
    return from_chunk(size, static_cast<std::size_t>(a));
}
void operator delete(void *) noexcept
{
}
void operator delete[](void *) noexcept
{
}
void operator delete(void *, std::size_t) noexcept
{
}
void operator delete[](void *, std::size_t) noexcept
{
}
void operator delete(void *, std::align_val_t) noexcept
{
}
void operator delete[](void *, std::align_val_t) noexcept
{
}
void operator delete(void *, std::size_t, std::align_val_t) noexcept
{
}
void operator delete[](void *, std::size_t, std::align_val_t) noexcept
{
}

/* --- the shim ------------------------------------------------------------------------------------------------------------------ */

struct gb_state {
    benchmark::State &state;
};

namespace
{

unsigned started;
std::atomic<bool> refused{false};

/* Not by stdio: the allocator under test shall not see it. */
void say_start(const std::string &name)
{
    std::string line = "[" + std::to_string(++started) + "] " + name + "\n";
    if (write(STDERR_FILENO, line.data(), line.size()) < 0) /* nobody reads: then nobody misses it */
        return;
}

} // namespace

void gb_register(const char *name, gb_kernel *kernel, const void *data, unsigned threads, uint64_t iterations)
{
    std::string title = name;
    auto *added = benchmark::RegisterBenchmark(name, [=](benchmark::State &state) {
        if (state.thread_index() == 0)
            say_start(title);
        gb_state shim{state};
        kernel(&shim, data);
    });
    added->UseRealTime();
    if (threads > 1)
        added->Threads(static_cast<int>(threads));
    if (iterations != 0)
        added->Iterations(static_cast<benchmark::IterationCount>(iterations));
}

void gb_initialize(int *argc, char **argv)
{
    benchmark::Initialize(argc, argv);
}

bool gb_run(void)
{
    bool any = benchmark::RunSpecifiedBenchmarks() != 0;
    benchmark::Shutdown();
    return any && !refused;
}

bool gb_next(gb_state *state)
{
    return state->state.KeepRunning();
}

unsigned gb_thread(const gb_state *state)
{
    return static_cast<unsigned>(state->state.thread_index());
}

unsigned gb_threads(const gb_state *state)
{
    return static_cast<unsigned>(state->state.threads());
}

void gb_operations(gb_state *state, uint64_t operations)
{
    using benchmark::Counter;
    state->state.SetItemsProcessed(static_cast<int64_t>(operations));
    state->state.counters["time/op"] = Counter(static_cast<double>(operations), Counter::kIsRate | Counter::kInvert);
}

void gb_figure(gb_state *state, const char *name, double value)
{
    state->state.counters[name] = value;
}

void gb_bytes(gb_state *state, const char *name, uint64_t bytes)
{
    using benchmark::Counter;
    state->state.counters[name] = Counter(static_cast<double>(bytes), Counter::kDefaults, Counter::kIs1024);
}

void gb_refuse(gb_state *state, const char *why)
{
    refused = true;
    state->state.SkipWithError(why);
}
