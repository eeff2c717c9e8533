/* What comes back to the system, and what memory costs: one row for each behaviour that docs/memory.md lists. Each row runs in a
 * process of its own, prints its figures and ends with 1 when one is beyond its bound. Plain malloc, so it measures any allocator:
 *
 *   test_returns [--row NAME] [--seed N] [--share PERCENT]      without --row: all, one after the other
 *   LD_PRELOAD=OTHER ROOST_RETURNS_NO_BOUNDS=1 test_returns_plain        another one's figures
 *
 * SPDX-License-Identifier: MIT */
#include "row.h"

#include <fcntl.h>
#include <sys/wait.h>

uint64_t row_seed = 1;
size_t row_share = 100;

static bool beyond; /* a figure is */
static bool bounds = true;

static const row *const tables[] = {rows_small, rows_large, rows_load};
enum { TABLES = sizeof tables / sizeof *tables };

/* --- figures --------------------------------------------------------------------------------------------------------------------- */

static void figure(const char *name, double value, const char *relation, double bound, bool good)
{
    printf("  %-34s %10.1f", name, value);
    if (bound >= 0)
        printf("  %s %.0f%s", relation, bound, good || !bounds ? "" : "  BEYOND");
    printf("\n");
    fflush(stdout);
    beyond |= bounds && !good;
}

void row_figure(const char *name, double value, double bound)
{
    figure(name, value, "<=", bound, bound < 0 || value <= bound);
}

void row_at_least(const char *name, double value, double bound)
{
    figure(name, value, ">=", bound, value >= bound);
}

static size_t field_of(const char *path, const char *field)
{
    static char text[8192]; /* not from the allocator that is measured */
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[length > 0 ? length : 0] = '\0';
    const char *at = strstr(text, field);
    return at != NULL ? strtoul(at + strlen(field), NULL, 10) * KIB : 0;
}

size_t row_resident(void)
{
    return field_of("/proc/self/smaps_rollup", "\nRss:");
}

size_t row_peak(void)
{
    return field_of("/proc/self/status", "\nVmHWM:");
}

long row_faults(void)
{
    struct rusage usage;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    return usage.ru_minflt;
}

double row_cpu_ms(void)
{
    struct rusage usage;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

/* --- time, memory, random numbers, threads --------------------------------------------------------------------------------------- */

void row_sleep_ms(long ms)
{
    struct timespec rest = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&rest, &rest) != 0) {
    }
}

size_t row_wait_resident(size_t bytes, long ms)
{
    size_t resident = row_resident();
    for (; resident > bytes && ms > 0; ms -= 50) {
        row_sleep_ms(50);
        resident = row_resident();
    }
    return resident;
}

void *row_map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    return memory;
}

void row_unmap(void *memory, size_t bytes)
{
    CHECK(munmap(memory, bytes) == 0);
}

void row_touch(void *block, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += 4 * KIB)
        ((volatile char *)block)[at] = 1;
    ((volatile char *)block)[bytes - 1] = 1;
}

uint64_t row_random(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

size_t row_below(uint64_t *state, size_t n)
{
    return (size_t)((row_random(state) >> 32) * n >> 32);
}

size_t row_log_uniform(uint64_t *state, size_t least, size_t most)
{
    size_t doublings = 0;
    while (least << (doublings + 1) <= most)
        doublings++;
    size_t base = least << row_below(state, doublings);
    return base + row_below(state, base);
}

pthread_t row_thread(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    errno = pthread_create(&thread, NULL, body, argument);
    CHECK(errno == 0);
    return thread;
}

/* --- which rows ------------------------------------------------------------------------------------------------------------------ */

static const row *find(const char *name)
{
    for (int t = 0; t < TABLES; t++) {
        for (const row *r = tables[t]; r->name != NULL; r++) {
            if (strcmp(r->name, name) == 0)
                return r;
        }
    }
    return NULL;
}

/* Each in a process that has done nothing else. */
static int run_all(char **arguments)
{
    int result = 0;
    for (int t = 0; t < TABLES; t++) {
        for (const row *r = tables[t]; r->name != NULL; r++) {
            char row_option[] = "--row";
            char *again[] = {arguments[0], row_option, (char *)(uintptr_t)r->name, NULL};
            int status = -1;
            pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0) {
                execv("/proc/self/exe", again);
                _exit(127);
            }
            CHECK(waitpid(child, &status, 0) == child);
            if (status != 0)
                result = 1;
        }
    }
    return result;
}

static int usage(const char *program)
{
    fprintf(stderr, "usage: %s [--row NAME] [--seed N] [--share PERCENT]\n", program);
    for (int t = 0; t < TABLES; t++) {
        for (const row *r = tables[t]; r->name != NULL; r++)
            fprintf(stderr, "  %-14s %s\n", r->name, r->what);
    }
    return 2;
}

int main(int argc, char **argv)
{
    const row *chosen = NULL;
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--row") == 0 && (chosen = find(value)) != NULL)
            continue;
        size_t number = strtoul(value, NULL, 10);
        if (strcmp(argv[i], "--seed") == 0 && *value != '\0')
            row_seed = number;
        else if (strcmp(argv[i], "--share") == 0 && number >= 1 && number <= 100)
            row_share = number;
        else
            return usage(argv[0]);
    }
    bounds = getenv("ROOST_RETURNS_NO_BOUNDS") == NULL && row_share == 100;
    if (chosen == NULL)
        return run_all(argv);
    printf("%s: %s (--seed %llu)\n", chosen->name, chosen->what, (unsigned long long)row_seed);
    fflush(stdout);
    chosen->measure();
    return beyond ? 1 : 0;
}
