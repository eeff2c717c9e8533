/* Rows: mixed sizes, vectors, large blocks, address space. SPDX-License-Identifier: MIT */
#include "row.h"

static size_t share(size_t bytes)
{
    return bytes * row_share / 100;
}

/* --- 1 GiB of mixed sizes -------------------------------------------------------------------------------------------------------- */

/* Nine of ten freed at random. Returns the mean of what lives, bytes. */
static double mixed_blocks(void)
{
    uint64_t random = row_seed;
    size_t most = share(1024 * MIB), bytes = 0, count = 0, live = 0;
    void **block = row_map(most / 16 * sizeof(void *));
    for (; bytes < most; count++) {
        size_t size = row_log_uniform(&random, 16, 16 * KIB);
        CHECK((block[count] = malloc(size)) != NULL);
        memset(block[count], 1, size);
        bytes += size;
    }
    for (size_t i = 0; i < count; i++) {
        if (row_below(&random, 10) != 0)
            free(block[i]);
        else
            live++;
    }
    row_unmap(block, most / 16 * sizeof(void *));
    return (double)bytes / (double)count * (double)live;
}

/* Waits until no more than `wanted` MiB are left, or for so long. What lies inside pages goes at the pace of the steward's share of a
 * processor: sooner or later, as the machine is. */
static void mixed_row(long wanted, int seconds, double asleep, double with_more)
{
    char name[64];
    row_figure("live, MiB", mixed_blocks() / (double)MIB, -1);
    row_figure("RSS at once, MiB", (double)row_resident() / (double)MIB, -1);
    row_sleep_ms(3000);
    row_figure("RSS after 3 s, MiB", (double)row_resident() / (double)MIB, -1);
    snprintf(name, sizeof name, "RSS within %d s, MiB", seconds);
    row_figure(name, (double)row_wait_resident((size_t)wanted * MIB, (seconds - 3) * 1000L) / (double)MIB, asleep);
    for (size_t bytes = 0; bytes < share(512 * MIB); bytes += 48 * KIB)
        memset(malloc(48 * KIB), 1, 48 * KIB);
    row_figure("with 512 MiB of 48 KiB, MiB", (double)row_resident() / (double)MIB, with_more);
}

static void mixed(void)
{
    mixed_row(1000, 5, 1200, 1650);
}

static void *sleeps(void *unused)
{
    void *volatile block = malloc(100);
    free(block);
    row_sleep_ms(3600 * 1000L);
    return unused;
}

static void mixed_two(void)
{
    row_thread(sleeps, NULL);
    mixed_row(500, 60, 700, 1050);
}

/* --- a vector -------------------------------------------------------------------------------------------------------------------- */

static void vector(void)
{
    size_t most = share(1024 * MIB), moves = 0, steps = 35, size = most;
    for (size_t i = 0; i < steps; i++)
        size = size * 2 / 3;
    char *vector = NULL;
    for (size_t i = 0, had = 0; i <= steps; i++) {
        if (i == steps)
            size = most;
        char *grown = realloc(vector, size);
        CHECK(grown != NULL);
        moves += vector != NULL && grown != vector;
        memset(grown + had, 1, size - had);
        vector = grown;
        had = size;
        size = size * 3 / 2;
    }
    row_figure("peak RSS, MiB", (double)row_peak() / (double)MIB, 1100);
    row_figure("moves of 35 steps", (double)moves, 12);
    free(vector);
}

/* --- churn of large blocks ------------------------------------------------------------------------------------------------------- */

static void churn(void)
{
    enum { SLOTS = 8, STEPS = 400 };
    uint64_t random = row_seed;
    void *block[SLOTS] = {NULL};
    long before = row_faults();
    for (int i = 0; i < STEPS; i++) {
        size_t at = row_below(&random, SLOTS);
        size_t size = row_log_uniform(&random, share(MIB), share(64 * MIB));
        free(block[at]);
        CHECK((block[at] = malloc(size)) != NULL);
        row_touch(block[at], size);
    }
    for (int i = 0; i < SLOTS; i++)
        free(block[i]);
    row_figure("page faults, thousands", (double)(row_faults() - before) / 1000, 250); /* by the seed 97 to 151 */
    row_figure("RSS within 3 s, MiB", (double)row_wait_resident(48 * MIB, 3000) / (double)MIB, 48);
}

static void untouched(void)
{
    size_t before = row_resident();
    for (int i = 0; i < 32; i++)
        CHECK(calloc(share(64 * MIB), 1) != NULL);
    row_figure("RSS, MiB", (double)(row_resident() - before) / (double)MIB, 2);
}

static void first_page(void)
{
    enum { COUNT = 200000 };
    size_t before = row_resident();
    for (int i = 0; i < COUNT; i++) {
        char *block = malloc(192 * KIB);
        CHECK(block != NULL);
        *block = 1;
    }
    row_figure("RSS for each page touched, pages", (double)(row_resident() - before) / COUNT / (4 * KIB), 1.1);
}

/* --- address space --------------------------------------------------------------------------------------------------------------- */

/* The limit must be there when the allocator starts: in a process that is started again. */
static void limited(const char *name_of_row, size_t size)
{
    char name[64];
    struct rlimit limit;
    size_t got = 0;
    char *last = NULL;
    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    if (limit.rlim_cur != 512 * MIB) {
        char name_of[] = "test_returns", option[] = "--row";
        char *again[] = {name_of, option, (char *)(uintptr_t)name_of_row, NULL};
        limit.rlim_cur = 512 * MIB;
        CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
        execv("/proc/self/exe", again);
        CHECK(!"exec");
    }
    for (char *block; (block = malloc(size)) != NULL; got += size) {
        *(char **)block = last;
        last = block;
    }
    CHECK(errno == ENOMEM);
    snprintf(name, sizeof name, "usable by %zu B, MiB", size);
    row_at_least(name, (double)got / (double)MIB, 490);
    /* What is freed then serves any size. */
    size_t small = 0;
    for (size_t back = 0; back < 256 * KIB && last != NULL; back += size) {
        char *before = *(char **)last;
        free(last);
        last = before;
    }
    for (char *volatile block; small < 1000 && (block = malloc(200)) != NULL; small++)
        *block = 1;
    row_at_least("blocks of 200 B after 256 KiB were freed", (double)small, 1000);
}

static void limited_small(void)
{
    limited("limited64", 64);
}

static void limited_medium(void)
{
    limited("limited64k", 64 * KIB);
}

const row rows_large[] = {
    {"mixed", mixed, "1 GiB of 16 B to 16 KiB, nine of ten freed at random, then 512 MiB of 48 KiB blocks"},
    {"mixed_two", mixed_two, "the same in a process of two threads"},
    {"vector", vector, "a vector grown to 1 GiB by realloc, by half each time"},
    {"churn", churn, "blocks of 1 to 64 MiB, 8 at a time"},
    {"untouched", untouched, "calloc of 32 x 64 MiB"},
    {"first_page", first_page, "200,000 blocks of 192 KiB, the first page touched"},
    {"limited64", limited_small, "RLIMIT_AS of 512 MiB, blocks of 64 B"},
    {"limited64k", limited_medium, "RLIMIT_AS of 512 MiB, blocks of 64 KiB"},
    {NULL, NULL, NULL},
};
