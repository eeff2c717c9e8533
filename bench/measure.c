/* SPDX-License-Identifier: MIT
 * Copyright (c) The roost authors
 *
 * Figures beside the time, read without stdio: the allocator under test shall not see the measuring. And memory that is not its own.
 */
#include "bench.h"

#include "roost/live.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

_Noreturn void bench_die(const char *what)
{
    fprintf(stderr, "roost_bench: %s\n", what);
    _Exit(1);
}

void *bench_array(size_t count, size_t size)
{
    void *p = mmap(NULL, count * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        bench_die("cannot map an array");
    return p;
}

void bench_array_free(void *array, size_t count, size_t size)
{
    munmap(array, count * size);
}

/* --- peak RSS, page faults ------------------------------------------------------------------------------------------------------ */

static uint64_t faults_before;
static uint64_t foreign_before;

/* VmHWM, since ru_maxrss of a spawned program starts at its parent's. */
static uint64_t peak_rss_kib(void)
{
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, text, sizeof text - 1);
        close(fd);
        text[n > 0 ? n : 0] = '\0';
        const char *line = strstr(text, "VmHWM:");
        if (line != NULL)
            return strtoull(line + 6, NULL, 10);
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss;
}

/* VmHWM falls to what is resident now. Where that is refused it stays the peak of the process, which is right for a first run. */
static void reset_peak_rss(void)
{
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, "5", 1) < 0)
        (void)0; /* as said */
    close(fd);
}

static uint64_t minor_faults(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_minflt;
}

void bench_begin(gb_state *state)
{
    if (gb_thread(state) != 0)
        return;
    reset_peak_rss();
    faults_before = minor_faults();
    if (!bench_foreign_frees(&foreign_before))
        foreign_before = 0;
}

void bench_end(gb_state *state, uint64_t operations)
{
    gb_operations(state, operations);
    if (gb_thread(state) != 0)
        return;
    gb_bytes(state, "peak_rss", peak_rss_kib() * 1024);
    gb_figure(state, "faults", (double)(minor_faults() - faults_before));
    uint64_t foreign;
    if (bench_foreign_frees(&foreign))
        gb_figure(state, "foreign", (double)(foreign - foreign_before));
}

/* --- foreign frees: roost tells them in its descriptor, see roost/live.h; no other allocator does ----------------------------- */

static const roost_live_fact *find_fact(const roost_live_head *head, const char *name)
{
    const char *text = (const char *)head;
    const roost_live_fact *facts = (const roost_live_fact *)(const void *)(text + head->facts_at);
    size_t length = strlen(name);
    const char *at = text + head->names_at;
    for (uint32_t i = 0; i < head->fact_count; i++, at += strlen(at) + 1) {
        if (strncmp(at, name, length) == 0 && (at[length] == '\0' || at[length] == ' '))
            return &facts[i];
    }
    return NULL;
}

/* Other threads write these figures: one volatile load each, as any reader from outside does. */
static uint64_t word_at(uint64_t address)
{
    return *(const volatile uint64_t *)(uintptr_t)address;
}

bool bench_foreign_frees(uint64_t *blocks)
{
    const roost_live_head *head = dlsym(RTLD_DEFAULT, "roost_live");
    if (head == NULL || head->version != ROOST_LIVE_VERSION || head->ready == 0)
        return false;
    const roost_live_fact *next = find_fact(head, "heap.next_heap");
    const roost_live_fact *counters = find_fact(head, "heap.counters");
    const roost_live_fact *sent = find_fact(head, "counters.foreign_sent_blocks");
    const roost_live_fact *alone = find_fact(head, "process.foreign_alone_blocks");
    if (next == NULL || counters == NULL || sent == NULL || alone == NULL)
        return false;
    *blocks = word_at(head->process + alone->value);
    for (uint64_t heap = word_at(head->newest); heap != 0; heap = word_at(heap + next->value))
        *blocks += word_at(heap + counters->value + sent->value);
    return true;
}
