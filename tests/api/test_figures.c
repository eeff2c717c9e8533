/* Every figure, by its name, moves when that happens which it counts; the last test fails when one was left out.
 * SPDX-License-Identifier: MIT */
#define ROOST_TEST_API_ONLY
#include "cmocka_api.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <roost/stats.h>
#include <semaphore.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../support/blocks.h"

#ifndef PR_SET_VMA /* from newer headers */
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

const char roost_default_options[] = "steward=0,hard_limit=4g,purge_delay=3600000,stats=0";

#define ROW(name, ...) {#name, false},
typedef struct row {
    const char *name;
    bool seen;
} row;
static row of_process[] = {ROOST_PROCESS_TABLE(ROW) ROOST_HEAP_TABLE(ROW) ROOST_WALK_TABLE(ROW) ROOST_CALL_TABLE(ROW)};
static row of_class[] = {ROOST_CLASS_TABLE(ROW)};
static row of_heap[] = {ROOST_HEAP_ROW_TABLE(ROW)};
#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static void see(row *rows, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        rows[i].seen |= strcmp(rows[i].name, name) == 0;
}

/* The value of a figure, which is looked at thereby. */
#define OF_PROCESS(s, name) (see(of_process, COUNT(of_process), #name), (s).name)
#define OF_CLASS(s, name) (see(of_class, COUNT(of_class), #name), (s).name)
#define OF_HEAP(s, name) (see(of_heap, COUNT(of_heap), #name), (s).name)

/* By how much a figure of the process has grown; it may have fallen. */
#define GREW(name) (int64_t)(OF_PROCESS(after, name) - OF_PROCESS(before, name))

static roost_stats now(void)
{
    roost_stats s = ROOST_STATS_INIT;
    assert_int_equal(roost_stats_read(&s), 0);
    return s;
}

static roost_class_stats class_of(size_t size)
{
    roost_class_stats rows[64];
    int count = roost_stats_classes(rows, 64, sizeof rows[0]), i = 0;
    while (i < count && rows[i].block_size < size)
        i++;
    assert_true(i < count && count <= 64);
    return rows[i];
}

static roost_heap_stats heap_of(uint64_t thread)
{
    roost_heap_stats rows[64];
    int count = roost_stats_heaps(rows, 64, sizeof rows[0]), i = 0;
    while (i < count && rows[i].thread != thread)
        i++;
    assert_true(i < count && count <= 64);
    return rows[i];
}

enum { BLOCKS = 20000, SIZE = 320 };
static void *block[BLOCKS];

static void fill(void)
{
    for (int i = 0; i < BLOCKS; i++) {
        assert_non_null(block[i] = roost_malloc(SIZE));
        memset(block[i], 1, SIZE);
    }
}

static void empty(void)
{
    for (int i = 0; i < BLOCKS; i++)
        roost_free(block[i]);
}

static void blocks_and_their_pages(void **state)
{
    (void)state;
    roost_free(roost_malloc(SIZE));
    roost_stats before = now();
    roost_class_stats class_before = class_of(SIZE);
    fill();
    roost_stats after = now();
    roost_class_stats class = class_of(SIZE);
    assert_int_equal(GREW(allocs), BLOCKS);
    assert_int_equal(GREW(requested), BLOCKS * SIZE);
    assert_int_equal(GREW(frees), 0);
    assert_int_equal(GREW(allocated_blocks), BLOCKS);
    assert_int_equal(GREW(allocated), BLOCKS * SIZE);
    assert_int_equal(OF_PROCESS(after, allocated_peak), after.allocated);
    assert_true(GREW(pages) > 0 && GREW(pages_made) >= GREW(pages) && GREW(refills) >= GREW(pages));
    assert_int_equal(GREW(in_use), GREW(pages) * 65536);
    assert_int_equal(OF_PROCESS(after, in_use_peak), after.in_use);
    assert_true(GREW(footprint) >= GREW(in_use));
    assert_int_equal(OF_PROCESS(after, footprint_peak), after.footprint);
    assert_true(GREW(segments) > 0 && GREW(segments_in_use) > 0 && GREW(committed) == GREW(segments) << 21);
    assert_true(after.committed <= OF_PROCESS(after, reserved) && GREW(metadata) > 0);
    assert_true(GREW(resident) > BLOCKS * SIZE / 2 && OF_PROCESS(after, resident_peak) >= after.resident);
    assert_int_equal(OF_CLASS(class, block_size), SIZE);
    assert_int_equal(OF_CLASS(class, live) - class_before.live, BLOCKS);
    assert_int_equal(OF_CLASS(class, allocs) - class_before.allocs, BLOCKS);
    assert_int_equal((class.pages - class_before.pages) * 65536, GREW(in_use));
    assert_int_equal(OF_CLASS(class, capacity), OF_CLASS(class, pages) * (65536 / SIZE));
    assert_int_equal(OF_CLASS(class, fill), class.live * 100 / class.capacity);
    empty();
    after = now();
    class = class_of(SIZE);
    assert_int_equal(GREW(frees), BLOCKS);
    assert_int_equal(OF_CLASS(class, frees) - class_before.frees, BLOCKS);
    assert_true(GREW(pages_ended) > 0 && OF_CLASS(class, ready) <= class.capacity);
}

static void the_heap_of_this_thread(void **state)
{
    (void)state;
    roost_free(roost_malloc(SIZE));
    roost_heap_stats before = heap_of((uint64_t)gettid());
    fill();
    roost_heap_stats after = heap_of((uint64_t)gettid());
    assert_int_equal(OF_HEAP(after, thread), gettid());
    assert_int_equal(OF_HEAP(after, number), before.number);
    assert_int_equal(OF_HEAP(after, state), 0);
    assert_int_equal(OF_HEAP(after, live) - before.live, BLOCKS);
    assert_int_equal(OF_HEAP(after, live_bytes) - before.live_bytes, BLOCKS * SIZE);
    assert_true(OF_HEAP(after, pages) > before.pages && OF_HEAP(after, refills) > before.refills);
    assert_true(OF_HEAP(after, ready_bytes) < after.pages * 65536 && OF_HEAP(after, quiet) < 60000);
    roost_free(block[0]);
    block[0] = roost_malloc(16); /* its list was filled: what is in it is ready */
    assert_true(heap_of((uint64_t)gettid()).ready_bytes > 0);
    empty();
}

static void large_blocks(void **state)
{
    (void)state;
    roost_stats before = now();
    char *large = roost_malloc(2 * MIB);
    void *neighbour = roost_malloc(2 * MIB);
    memset(large, 1, 2 * MIB);
    roost_stats after = now();
    assert_int_equal(GREW(large_live), 2);
    assert_int_equal(GREW(large_live_bytes), 4 * MIB);
    assert_int_equal(OF_PROCESS(after, pinned), 0); /* else: test_explicit_huge.c */
    assert_int_equal(GREW(large_allocs), 2);
    assert_int_equal(GREW(large_requested), 4 * MIB);
    assert_non_null(large = roost_realloc(large, 32 * MIB)); /* it cannot grow where it is */
    after = now();
    assert_true(GREW(large_moves) <= GREW(calls_move));
    assert_true(GREW(large_moves) == 1 || GREW(large_allocs) == 3); /* where the system moves nothing, as under qemu */
    roost_free(large);
    roost_free(neighbour);
    after = now();
    assert_int_equal(GREW(large_live), 0);
    errno = 0;
    assert_null(roost_malloc((size_t)5 << 30));
    after = now();
    assert_int_equal(GREW(limit_refused), 1);
}

static void what_goes_back(void **state)
{
    (void)state;
    fill();
    empty();
    roost_stats before = now();
    size_t purged = roost_purge(0, NULL);
    roost_stats after = now();
    assert_true(purged > 0);
    assert_int_equal(GREW(purged), purged);
    assert_true(GREW(purges) > 0 && GREW(calls_advise) > 0); /* a call may be for many */
    /* Pages that were not filled yet are given up as well; of a huge page so is what never was in the footprint. */
    uint64_t asking = OF_PROCESS(before, huge_asked) - OF_PROCESS(before, huge_dropped);
    assert_true(GREW(footprint) <= -(int64_t)purged + (int64_t)(asking * 2 * MIB));
}

/* One block of each fifty stays, so no page goes whole. */
static void what_goes_back_inside_pages(void **state)
{
    (void)state;
    enum { SPARSE = 2000, EACH = 50 };
    static void *sparse[SPARSE];
    for (int i = 0; i < SPARSE; i++)
        assert_non_null(sparse[i] = roost_malloc(512));
    for (int i = 0; i < SPARSE; i++) {
        if (i % EACH != 0)
            roost_free(sparse[i]);
    }
    roost_stats before = now();
    roost_purge(0, NULL);
    roost_stats after = now();
    assert_true(GREW(purged_inside) > 0 && GREW(purged_inside) <= GREW(purged));
    for (int i = 0; i < SPARSE; i += EACH)
        roost_free(sparse[i]);
}

static void huge_pages(void **state)
{
    (void)state;
    assert_int_equal(roost_option_set("huge_pages", "2"), 0);
    roost_stats before = now();
    char *large = roost_malloc(16 * MIB);
    memset(large, 1, 16 * MIB);
    roost_stats after = now();
    assert_true(GREW(huge_asked) <= 8); /* fewer where some ask already, none where the system has no huge pages */
    roost_free(large);
    roost_purge(0, NULL);
    after = now();
    assert_true(OF_PROCESS(after, huge_dropped) <= OF_PROCESS(after, huge_asked));
    assert_int_equal(OF_PROCESS(after, huge_readied), 0); /* by a steward alone: see unit.ready */
    assert_int_equal(roost_option_set("huge_pages", "1"), 0);
}

/* --- other threads ------------------------------------------------------------------------------------------------------------ */

enum { THEIRS = 600 };
static void *theirs[THEIRS];
static sem_t ready, go_on;
static pthread_key_t late;
static uint64_t their_thread;

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0) {
    }
}

static void *own(void *unused)
{
    for (int i = 0; i < THEIRS; i++)
        theirs[i] = roost_malloc(SIZE);
    their_thread = (uint64_t)gettid();
    sem_post(&ready);
    wait_for(&go_on);
    for (int i = 0; i < 4000; i++) /* enough that what was sent is taken in */
        block[i] = roost_malloc(SIZE);
    for (int i = 0; i < 4000; i++)
        roost_free(block[i]);
    sem_post(&ready);
    wait_for(&go_on);
    return unused;
}

/* A thread whose heap has been taken from it frees a block. */
static void *free_late(void *block_of_others)
{
    roost_free(roost_malloc(10));
    assert_int_equal(pthread_setspecific(late, block_of_others), 0);
    return NULL;
}

static void check_sent(roost_stats before, unsigned sent)
{
    roost_stats after = now();
    uint64_t batches = heap_of((uint64_t)gettid()).batches_sent;
    roost_thread_flush();
    after = now();
    roost_heap_stats mine = heap_of((uint64_t)gettid()), owner = heap_of(their_thread);
    assert_int_equal(OF_HEAP(mine, unsent_blocks), 0);
    assert_int_equal(GREW(foreign_sent_blocks), sent);
    assert_int_equal(GREW(foreign_sent_bytes), sent * SIZE);
    assert_true(GREW(foreign_sent_batches) > 0 && OF_HEAP(mine, batches_sent) > batches);
    assert_true(OF_HEAP(owner, inbox_bytes) >= sent * SIZE);
    assert_int_equal(GREW(undrained_blocks), sent);
}

static void check_kept_and_received(roost_stats before, unsigned sent)
{
    roost_purge(0, NULL); /* takes it out for them */
    roost_stats after = now();
    roost_heap_stats owner = heap_of(their_thread);
    assert_int_equal(owner.inbox_bytes, 0);
    assert_true(OF_HEAP(owner, kept_bytes) > 0 && OF_HEAP(owner, batches_received) > 0);
    assert_int_equal(GREW(foreign_received_blocks), sent);
    assert_int_equal(GREW(foreign_received_bytes), sent * SIZE);
    assert_true(GREW(foreign_received_batches) > 0);
    assert_int_equal(GREW(undrained_bytes), 0);
    sem_post(&go_on);
    wait_for(&ready);
    assert_int_equal(heap_of(their_thread).kept_bytes, 0);
}

static void blocks_of_others(void **state)
{
    (void)state;
    pthread_t owner, stranger;
    roost_stats before = now(), after;
    assert_int_equal(sem_init(&ready, 0, 0) | sem_init(&go_on, 0, 0) | pthread_key_create(&late, roost_free), 0);
    assert_int_equal(pthread_create(&owner, NULL, own, NULL), 0);
    wait_for(&ready);
    after = now();
    assert_int_equal(GREW(threads), 1);
    assert_int_equal(GREW(threads_attached), 1);
    assert_int_equal(GREW(heaps), 1);
    unsigned sent = 0;
    for (int i = 0; i < THEIRS; i += 3, sent++)
        roost_free(theirs[i]);
    roost_heap_stats mine = heap_of((uint64_t)gettid());
    after = now();
    assert_int_equal(OF_HEAP(mine, unsent_blocks), sent);
    assert_int_equal(OF_HEAP(mine, unsent_bytes), sent * SIZE);
    assert_int_equal(GREW(undrained_blocks), sent);
    assert_int_equal(GREW(undrained_bytes), sent * SIZE);
    check_sent(before, sent);
    check_kept_and_received(before, sent);
    before = now();
    assert_int_equal(pthread_create(&stranger, NULL, free_late, theirs[1]), 0);
    assert_int_equal(pthread_join(stranger, NULL), 0);
    after = now();
    assert_int_equal(GREW(foreign_alone_blocks), 1);
    assert_int_equal(GREW(foreign_alone_bytes), SIZE);
    before = after;
    sem_post(&go_on);
    assert_int_equal(pthread_join(owner, NULL), 0);
    after = now();
    assert_int_equal(GREW(heaps_parked), 1);
    assert_int_equal(GREW(threads), -1);
    for (int i = 2; i < THEIRS; i += 3)
        roost_free(theirs[i]);
    for (int i = 4; i < THEIRS; i += 3)
        roost_free(theirs[i]);
}

/* --- the process and the system ------------------------------------------------------------------------------------------------- */

/* Whether the kernel gives names to memory; where not it is asked once. */
static bool names_memory(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    bool named = prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, (unsigned long)memory, size, (unsigned long)"test") == 0;
    munmap(memory, size);
    return named;
}

static void write_dump(void)
{
    int null = open("/dev/null", O_WRONLY);
    assert_int_equal(roost_stats_write(null, "text"), 0); /* with memory for the heaps' rows, from the system */
    close(null);
}

static pthread_barrier_t all_there;

static void *have_a_heap(void *nothing)
{
    (void)nothing;
    roost_free(roost_malloc(64));
    pthread_barrier_wait(&all_there);
    return NULL;
}

/* So that more heaps are told of than there was room for before. */
static void have_heaps(void)
{
    pthread_t threads[20];
    assert_int_equal(pthread_barrier_init(&all_there, NULL, 20), 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, have_a_heap, NULL), 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    pthread_barrier_destroy(&all_there);
}

static void the_process(void **state)
{
    (void)state;
    struct rusage usage;
    roost_stats before = now(), after;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    assert_true(OF_PROCESS(before, faults_minor) <= (uint64_t)usage.ru_minflt && before.faults_minor > 0);
    assert_true(OF_PROCESS(before, faults_major) <= (uint64_t)usage.ru_majflt);
    assert_true(OF_PROCESS(before, start_time) > 0);
    assert_true(OF_PROCESS(before, arenas) >= 1);
    write_dump();
    have_heaps();
    write_dump();
    after = now();
    assert_true(GREW(calls_map) >= 1 && GREW(calls_unmap) >= 1 && GREW(calls_protect) >= 1);
    assert_true(OF_PROCESS(after, calls_name) >= 1 && GREW(calls_name) >= names_memory());
    /* Nobody has waited for a lock long enough, or been short of memory, or had a steward: see below. */
    assert_int_equal(OF_PROCESS(after, steward_starts), 0);
    assert_int_equal(OF_PROCESS(after, steward_cpu), 0);
    assert_int_equal(OF_PROCESS(after, steward_regained), 0);
    assert_true(OF_PROCESS(after, pressure_events) < 1000 && OF_PROCESS(after, pressure_limits) < 1000);
    assert_true(OF_PROCESS(after, pressure_purged) <= after.purged);
    assert_true(OF_PROCESS(after, calls_sleep) < 1000000);
}

/* Those that are nothing here have tests of their own: steward_* in mt.steward, pressure_* in unit.limits and programs.pressure. */
static void none_was_left_out(void **state)
{
    (void)state;
    const struct {
        const row *rows;
        size_t count;
    } all[] = {{of_process, COUNT(of_process)}, {of_class, COUNT(of_class)}, {of_heap, COUNT(of_heap)}};
    unsigned left = 0;
    for (size_t t = 0; t < COUNT(all); t++) {
        for (size_t i = 0; i < all[t].count; i++) {
            if (!all[t].rows[i].seen)
                fprintf(stderr, "no test looks at %s\n", all[t].rows[i].name);
            left += !all[t].rows[i].seen;
        }
    }
    assert_int_equal(left, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_and_their_pages),
        cmocka_unit_test(the_heap_of_this_thread),
        cmocka_unit_test(large_blocks),
        cmocka_unit_test(what_goes_back),
        cmocka_unit_test(what_goes_back_inside_pages),
        cmocka_unit_test(huge_pages),
        cmocka_unit_test(blocks_of_others),
        cmocka_unit_test(the_process),
        cmocka_unit_test(none_was_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
