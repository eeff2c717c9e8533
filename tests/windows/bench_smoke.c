/* A smoke test, not a benchmark: the same pairs and the same live set on the process's heap, then on roost.dll. Under wine the first is wine's heap;
 * no claim is made from the figures. SPDX-License-Identifier: MIT */
#include "library.h"

enum { LIVE = 4096, STEPS = 400000 };

typedef void *(*allocate)(size_t size);
typedef void (*give_back)(void *block);

static void *heap_allocate(size_t size)
{
    return HeapAlloc(GetProcessHeap(), 0, size);
}

static void heap_free(void *block)
{
    HeapFree(GetProcessHeap(), 0, block);
}

/* ns for one block taken and one given back. */
static double run(allocate take, give_back give)
{
    static void *live[LIVE];
    LARGE_INTEGER frequency, begin, end;
    unsigned x = 1;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&begin);
    for (unsigned i = 0; i < STEPS; i++) {
        x = x * 1664525u + 1013904223u;
        unsigned at = (x >> 12) % LIVE;
        if (live[at] != NULL)
            give(live[at]);
        CHECK((live[at] = take(16 + (x >> 8) % 1000)) != NULL);
        *(volatile unsigned *)live[at] = x;
    }
    for (unsigned i = 0; i < LIVE; i++) {
        if (live[i] != NULL)
            give(live[i]);
        live[i] = NULL;
    }
    QueryPerformanceCounter(&end);
    return (double)(end.QuadPart - begin.QuadPart) * 1e9 / (double)frequency.QuadPart / STEPS;
}

int main(void)
{
    double heap = run(heap_allocate, heap_free);
    library roost = library_load("roost.dll");
    double ours = run((allocate)exported(roost.module, "malloc"), (give_back)exported(roost.module, "free"));
    printf("smoke test, no claim: process heap %.0f ns, roost.dll %.0f ns for a pair\n", heap, ours);
    CHECK(heap > 0 && ours > 0);
    return 0;
}
