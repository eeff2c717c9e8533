/* The figures of rst_stats_collect at rest: exact for all kinds of block and through every stage of a block's way home.
 * SPDX-License-Identifier: MIT */
#include "collect.h"

static known set, other;

/* --- one thread at a time ------------------------------------------------------------------------------------------------------ */

static void before_the_first_call_all_is_zero(void)
{
    check_nothing();
    roost_stats s = collect();
    EQUAL(s.reserved, 0);
    EQUAL(s.heaps, 0);
    EQUAL(s.threads_attached, 0);
}

static void every_class_and_large_blocks_are_counted(void)
{
    actor a;
    hire(&a);
    ask(&a, make_all_kinds, &set);
    roost_stats s = check_live(&set);
    EQUAL(s.large_live, 4);
    EQUAL(s.large_allocs, 4);
    EQUAL(s.pages, RST_CLASS_COUNT); /* few blocks of each: one page of each */
    EQUAL(s.threads, 1);
    EQUAL(s.undrained_blocks, 0);
    ask(&a, make_10000, &set);
    check_live(&set);
    ask(&a, free_every_second, &set);
    check_live(&set);
    ask(&a, make_10000, &set);
    check_live(&set);
    for (int i = 0; i < 8; i++) {
        ask(&a, free_every_second, &set);
        check_live(&set);
    }
    ask(&a, free_known, &set);
    check_live(&set);
    dismiss(&a);
    check_nothing();
}

static uint64_t made_ever; /* blocks, ever */

static void check_step(const known *k, uint64_t size)
{
    roost_stats s;
    rst_stats_collect(&s);
    CHECK(s.allocated_blocks == k->count && s.allocated == k->count * size);
    EQUAL(s.allocs, made_ever);
    EQUAL(s.frees, made_ever - k->count);
}

/* A block at a time, so that the figures are seen at every place of a list and of a page, and at each of its events. */
static void make_and_free_by_steps(void *argument)
{
    static const unsigned classes[] = {0, 7, 15, 31, 36, 43};
    known *k = argument;
    made_ever = collect().allocs;
    for (unsigned i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        const rst_class_info *info = &rst_classes[classes[i]];
        unsigned many = (unsigned)rst_min(2u * info->capacity + 3u, 600);
        while (k->count < many) {
            know(k, roost_malloc(info->size), info->size);
            made_ever++;
            check_step(k, info->size);
        }
        while (k->count != 0) {
            roost_free(k->block[--k->count]);
            check_step(k, info->size);
        }
    }
}

static void every_single_step_is_seen(void)
{
    actor a;
    hire(&a);
    ask(&a, make_and_free_by_steps, &set);
    dismiss(&a);
    check_nothing();
}

static void grow_and_shrink(void *argument)
{
    static const size_t sizes[] = {
        100 * RST_KIB, 200 * RST_KIB, 70 * RST_KIB, 3 * RST_MIB, 9 * RST_MIB, 90 * RST_KIB, 5};
    known *k = argument;
    know(k, roost_malloc(1), 1);
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        k->block[0] = roost_realloc(k->block[0], sizes[i]);
        k->asked[0] = sizes[i];
        totals t = sum(k);
        roost_stats s;
        rst_stats_collect(&s);
        CHECK(s.large_live == t.large && s.large_live_bytes == t.large_bytes && s.allocated == t.bytes);
    }
    for (size_t alignment = 16; alignment <= 4 * RST_MIB; alignment *= 4) {
        size_t asked = alignment > RST_MEDIUM_MAX ? alignment : 100;
        know(k, roost_aligned_alloc(alignment, asked), asked);
    }
}

static void realloc_and_alignment_are_counted(void)
{
    actor a;
    hire(&a);
    ask(&a, grow_and_shrink, &set);
    check_live(&set);
    ask(&a, free_known, &set);
    dismiss(&a);
    check_nothing();
}

/* --- ways home ---------------------------------------------------------------------------------------------------------------- */

/* Few blocks, so that nobody has reason to help the sleeping owner. */
static void foreign_frees_are_followed_home(void)
{
    actor owner, stranger;
    hire(&owner);
    hire(&stranger);
    ask(&owner, make_200, &other);
    ask(&owner, make_200, &set);
    totals freed = sum(&set);
    ask(&stranger, free_known, &set);
    roost_stats s = check_live(&other); /* in part not sent */
    EQUAL(s.undrained_blocks, freed.blocks);
    EQUAL(s.undrained_bytes, freed.bytes);
    CHECK(s.foreign_sent_blocks - s.foreign_received_blocks < freed.blocks);
    ask(&stranger, flush, NULL);
    s = check_live(&other);
    EQUAL(s.undrained_blocks, freed.blocks);
    EQUAL(s.undrained_bytes, freed.bytes);
    ask(&owner, call_slowly, NULL);
    s = check_live(&other);
    EQUAL(s.undrained_blocks, 0);
    EQUAL(s.undrained_bytes, 0);
    EQUAL(s.foreign_sent_blocks, s.foreign_received_blocks);
    ask(&stranger, free_known, &other);
    dismiss(&stranger);
    dismiss(&owner);
    check_nothing();
}

/* As many as make a sender help, or an outsider take whole pages home: whoever does it, what is alive is counted right. */
static void many_foreign_frees_are_never_alive(void)
{
    actor owner, stranger;
    hire(&owner);
    hire(&stranger);
    for (int round = 0; round < 3; round++) {
        ask(&owner, make_200, &other);
        ask(&owner, make_10000, &set);
        uint64_t made = set.count;
        while (set.count > 100) {
            ask(&stranger, free_every_second, &set);
            totals t = sum(&set), kept = sum(&other);
            roost_stats s = collect();
            EQUAL(s.allocated_blocks, t.blocks + kept.blocks);
            EQUAL(s.allocated, t.bytes + kept.bytes);
            CHECK(s.undrained_blocks <= made - set.count);
        }
        ask(&stranger, free_known, &set);
        ask(&stranger, flush, NULL);
        check_live(&other);
        ask(&owner, call_slowly, NULL);
        EQUAL(check_live(&other).undrained_blocks, 0);
        ask(&owner, free_known, &other);
    }
    dismiss(&owner);
    dismiss(&stranger);
    check_nothing();
}

static unsigned pages_of(const known *k)
{
    static rst_slice *seen[MOST];
    unsigned count = 0;
    for (unsigned i = 0; i < k->count; i++) {
        rst_slice *page = rst_page_of(rst_slice_of(k->block[i]));
        unsigned at = 0;
        while (at < count && seen[at] != page)
            at++;
        seen[at] = page;
        count += at == count;
    }
    return count;
}

static void parked_heaps_are_counted(void)
{
    actor owner, stranger;
    hire(&owner);
    hire(&stranger);
    ask(&stranger, make_200, &other); /* it has a heap of its own, so that it adopts none */
    ask(&owner, make_10000, &set);
    dismiss(&owner);
    roost_stats s = collect();
    uint64_t kept = sum(&other).bytes;
    EQUAL(s.allocated, sum(&set).bytes + kept);
    EQUAL(s.heaps_parked, 1);
    EQUAL(s.threads, 1);
    for (int i = 0; i < 9; i++) {
        ask(&stranger, free_every_second, &set);
        EQUAL(collect().allocated, sum(&set).bytes + kept);
    }
    ask(&stranger, flush, NULL);
    s = collect();
    EQUAL(s.allocated, sum(&set).bytes + kept);
    EQUAL(s.undrained_blocks, 0); /* who sends to a parked heap takes it home */
    dismiss(&stranger);
    s = collect();
    EQUAL(s.heaps_parked, 2);
    EQUAL(s.allocated, sum(&set).bytes + kept);
    EQUAL(s.pages, pages_of(&set) + pages_of(&other)); /* no page without a living block is kept */
    EQUAL(s.in_use, s.pages * RST_SLICE_SIZE);
    hire(&stranger);
    ask(&stranger, free_known, &set);
    ask(&stranger, free_known, &other);
    dismiss(&stranger);
    check_nothing();
}

#ifndef _WIN32 /* there pthread_key destructors run in the thread's own code, before the system says that it ends */

static pthread_key_t late_key;

static void *free_when_gone(void *block)
{
    roost_free(roost_malloc(10));
    CHECK(pthread_setspecific(late_key, block) == 0);
    return NULL;
}

/* A thread that has no heap any more frees a block of a sleeping owner. */
static void blocks_sent_alone_are_counted(void)
{
    actor owner;
    hire(&owner);
    CHECK(pthread_key_create(&late_key, roost_free) == 0);
    ask(&owner, make_200, &set);
    size_t size = roost_usable_size(set.block[--set.count]);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, free_when_gone, set.block[set.count]) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    roost_stats s = check_live(&set);
    EQUAL(s.foreign_alone_blocks, 1);
    EQUAL(s.foreign_alone_bytes, size);
    EQUAL(s.undrained_blocks, 1);
    EQUAL(s.undrained_bytes, size);
    CHECK(pthread_key_delete(late_key) == 0);
    ask(&owner, free_known, &set);
    dismiss(&owner);
    check_nothing();
}

#endif

int main(void)
{
    RUN(before_the_first_call_all_is_zero);
    RUN(every_class_and_large_blocks_are_counted);
    RUN(every_single_step_is_seen);
    RUN(realloc_and_alignment_are_counted);
    RUN(foreign_frees_are_followed_home);
    RUN(many_foreign_frees_are_never_alive);
    RUN(parked_heaps_are_counted);
#ifndef _WIN32
    RUN(blocks_sent_alone_are_counted);
#endif
    return 0;
}
