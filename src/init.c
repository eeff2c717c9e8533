/* Start-up, the exit of threads, fork, and the end of the process: the hooks that floor 1 calls upward.
 * SPDX-License-Identifier: MIT */
#include "core/arena.h"
#include "core/counters.h"
#include "core/large.h"
#include "core/limits.h"
#include "core/metadata.h"
#include "core/options.h"
#include "face.h"
#include "os/fmt.h"
#include "os/os.h"
#include "os/sync.h"
#include "stats/live.h"
#include "stats/report.h"
#include "stats/reporter.h"
#include "threadcache/registry.h"
#include "threadcache/sparse.h"
#include "threadcache/steward.h"

/* What this thread has been through. */
typedef enum thread_phase {
    THREAD_NEW = 0,
    THREAD_ENDING,     /* the exit hook has run: further destructors may still call */
    THREAD_ENDING_MAIN /* the same of the main thread, after which atexit functions and destructors run */
} thread_phase;

static RST_THREAD_LOCAL(thread_phase, thread_phase_of);
#define phase RST_TLS(thread_phase_of)
static rst_lock start_lock;
static _Atomic bool forked_alone; /* relaxed, by before_fork: two threads that fork at once both write false */
static _Atomic bool started;
static bool environment_was_ready; /* [start_lock, then constructor] */

static void on_thread_exit(void)
{
    phase = rst_os_thread_id() == rst_os_process_id() ? THREAD_ENDING_MAIN : THREAD_ENDING;
    rst_registry_detach();
}

/* Where this thread is the only one no lock is taken. One that is held is then held by what a signal handler
 * interrupted in order to fork: that goes on, in the parent and in the child, and finds its lock as it was. */
static RST_COLD void before_fork(void)
{
    bool alone = rst_os_single_threaded();
    if (rst_load_relaxed(&forked_alone) != alone) /* after a fork the first write to a page copies it */
        rst_store_relaxed(&forked_alone, alone);
    if (alone)
        return;
    rst_sparse_before_fork();
    rst_registry_before_fork();
    rst_arena_before_fork();
    rst_metadata_before_fork();
}

/* A child pays for each page that is written here, and for each page of code: what is cold lies together. Of what others might have had in their
 * hands there is nothing to forget where there never were others. */
static RST_COLD void after_fork(bool child)
{
    bool alone = rst_load_relaxed(&forked_alone);
    if (!alone) {
        rst_metadata_after_fork(child);
        rst_arena_after_fork(child);
        rst_registry_after_fork(child);
        rst_sparse_after_fork(child);
    }
    if (!child)
        return;
    rst_registry_in_child();
    if (!alone) {
        rst_limits_forget();
        rst_limit_forget();
        rst_steward_forget();
    }
    rst_reporter_forget();
}

/* The same where a process ends whose other threads were ended first, wherever they were. */
static void forget_other_threads(void)
{
    rst_store_relaxed(&forked_alone, false);
    after_fork(true);
}

static RST_COLD void after_fork_parent(void)
{
    after_fork(false);
}

static RST_COLD void after_fork_child(void)
{
    after_fork(true);
}

static void read_options(void)
{
    rst_options_read();
    rst_os_pressure_prepare();
    rst_limits_start();
}

/* That of aside.c takes its place in libroost.so. */
__attribute__((weak)) void rst_stand_aside(void)
{
}

static RST_COLD void start(void)
{
    bool first = false;
    rst_stand_aside(); /* before anything that a sanitizer intercepts */
    uint64_t began = rst_os_clock_us();
    rst_lock_acquire(&start_lock);
    if (!rst_load_relaxed(&started)) {
        first = true;
        environment_was_ready = rst_os_environment_ready();
        if (environment_was_ready)
            read_options();
        rst_large_start();
        rst_os_set_thread_exit(on_thread_exit);
        rst_live_publish();
        rst_store_release(&started, true); /* pairs with the acquire in attach */
    }
    rst_lock_release(&start_lock);
    if (first) {
        int saved = errno;
        rst_os_set_fork(before_fork, after_fork_parent, after_fork_child); /* may allocate: so it comes last */
        errno = saved;
        rst_process_add(start_time, rst_os_clock_us() - began);
    }
}

void rst_ensure_started(void)
{
    if (!rst_load_acquire(&started))
        start();
}

RST_COLD void rst_serve_wanted(void)
{
    if (rst_load_relaxed(&rst_steward_wanted) != 0) /* relaxed: a hint */
        rst_steward_start();
    if (rst_load_relaxed(&rst_reporter_wanted) != 0) /* as above */
        rst_reporter_serve();
}

bool rst_may_attach(void)
{
    return phase != THREAD_ENDING;
}

/* glibc takes a record of this size to hear of a thread's end, and ends the process when it gets none: so one is made ready first. */
static bool exit_record_is_ready(rst_heap *heap)
{
    enum { EXIT_RECORD = 4 * sizeof(void *) };
    size_t c = rst_class_of(EXIT_RECORD);
    rst_block *block = heap->list[c] == NULL ? rst_heap_refill(heap, (unsigned)c) : NULL;
    if (block != NULL) {
        block->next = heap->list[c];
        heap->list[c] = block;
    }
    return heap->list[c] != NULL;
}

static RST_COLD rst_heap *attach(void)
{
    if (!rst_load_acquire(&started))
        start();
    rst_heap *heap = rst_thread_heap;
    if (heap != &rst_heap_none) /* start() has allocated */
        return heap;
    uint64_t began = rst_arena_count() == 0 ? rst_os_clock_us() : 0;
    heap = rst_registry_attach();
    if (began != 0)
        rst_process_add(start_time, rst_os_clock_us() - began);
    if (heap != NULL && phase != THREAD_ENDING_MAIN)
        rst_os_arm_thread_exit(phase == THREAD_ENDING || !exit_record_is_ready(heap));
    return heap;
}

rst_heap *rst_attached_heap(void)
{
    rst_heap *heap = rst_thread_heap;
    return RST_LIKELY(heap != &rst_heap_none) ? heap : attach();
}

static void say_setup(void)
{
    rst_heap *heap = rst_attached_heap();
    rst_say("version %d.%d.%d, %zu MiB of address space at %p, %zu byte OS pages%s", ROOST_VERSION_MAJOR,
            ROOST_VERSION_MINOR, ROOST_VERSION_PATCH, rst_arenas[0].size / RST_MIB, (void *)rst_arenas[0].base,
            rst_os_page_size(), heap == NULL ? "; no memory" : "");
    rst_options_say();
}

/* The dynamic linker allocates before the environment is set up. */
__attribute__((constructor(101))) static void on_load(void)
{
    if (!rst_load_acquire(&started))
        start();
    else if (!environment_was_ready)
        read_options();
    if (rst_option_get(stats) != 0)
        rst_os_keep_error_output();
    if (rst_option_get(verbose) != 0)
        say_setup();
    rst_reporter_begin(rst_trim);
}

/* A library that is closed takes its address space with it; blocks that are in use stay where they are, for whoever reads them. Not at the
 * end of the process, which would be time lost: there the main thread has or had a heap. And while any thread has one the library is not
 * unloaded, unless the system says so. Where no thread ever had one that still lives, the two cannot be told apart; what is given up is then made
 * anew when it is wanted. */
static void give_up_address_space(rst_os_end end)
{
    if (end == RST_OS_END_UNLOADED)
        rst_registry_take_all();
    else if (end == RST_OS_END_ALONE || phase != THREAD_NEW || rst_load_relaxed(&rst_process.threads) != 0)
        return;
    if (rst_arena_count() == 0)
        return;
    bool unused = rst_load_relaxed(&rst_process.large_live) == 0 && rst_registry_forget();
    rst_arena_give_up(unused);
    if (unused)
        rst_metadata_release();
}

__attribute__((destructor(101))) static void on_unload(void)
{
    rst_os_end end = rst_os_how_it_ends();
    if (end == RST_OS_END_ALONE)
        forget_other_threads();
    rst_reporter_end();
    if (rst_option_get(stats) != 0)
        rst_report_write(RST_TO_ERROR, RST_TEXT);
    rst_report_end();
    rst_steward_stop();
    give_up_address_space(end);
    if (end == RST_OS_END_UNLOADED)
        rst_os_leave();
}
