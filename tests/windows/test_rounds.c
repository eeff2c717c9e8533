/* A library of roost's that is loaded, used by two threads, and freed again, many times: by the main thread and by another. SPDX-License-Identifier: MIT */
#include "library.h"

#include <psapi.h>
#include <stdlib.h>

enum { FIRST = 100 };

static int count; /* rounds */

typedef struct held {
    SIZE_T private_bytes, address_space;
    DWORD handles;
} held;

static held look(void)
{
    PROCESS_MEMORY_COUNTERS_EX memory;
    MEMORY_BASIC_INFORMATION region;
    held now = {0};
    CHECK(K32GetProcessMemoryInfo(GetCurrentProcess(), (PROCESS_MEMORY_COUNTERS *)&memory, sizeof memory));
    CHECK(GetProcessHandleCount(GetCurrentProcess(), &now.handles));
    now.private_bytes = memory.PrivateUsage;
    for (char *at = NULL; VirtualQuery(at, &region, sizeof region) != 0;
         at = (char *)region.BaseAddress + region.RegionSize)
        now.address_space += region.State != MEM_FREE ? region.RegionSize : 0;
    return now;
}

static void *(*roost_malloc)(size_t);
static void (*roost_free)(void *);

static void use(void)
{
    void *blocks[100];
    for (int i = 0; i < 100; i++)
        CHECK((blocks[i] = roost_malloc((size_t)i * 37)) != NULL);
    for (int i = 0; i < 100; i++)
        roost_free(blocks[i]);
}

/* Ends in time, and what it has is roost's own. */
static DWORD WINAPI use_in_thread(void *unused)
{
    (void)unused;
    use();
    return 0;
}

static void round_of(const char *name)
{
    library l = library_load(name);
    roost_malloc = (void *(*)(size_t))exported(l.module, "roost_malloc");
    roost_free = (void (*)(void *))exported(l.module, "roost_free");
    use();
    HANDLE thread = CreateThread(NULL, 0, use_in_thread, NULL, 0, NULL);
    CHECK(thread != NULL && WaitForSingleObject(thread, INFINITE) == WAIT_OBJECT_0 && CloseHandle(thread));
    CHECK(FreeLibrary(l.module) && GetModuleHandleA(name) == NULL);
}

static DWORD WINAPI rounds(void *name)
{
    held first = {0};
    for (int i = 0; i < count; i++) {
        round_of(name);
        if (i == FIRST)
            first = look();
    }
    held last = look();
    printf("%s: private %zu -> %zu KiB, address space %zu -> %zu MiB, handles %lu -> %lu\n", (char *)name,
           (size_t)first.private_bytes >> 10, (size_t)last.private_bytes >> 10, (size_t)first.address_space >> 20,
           (size_t)last.address_space >> 20, first.handles, last.handles);
    CHECK(last.handles <= first.handles + 2);
    CHECK(last.address_space <= first.address_space + (8 << 20));
    CHECK(last.private_bytes <= first.private_bytes + (4 << 20));
    return 0;
}

int main(int argc, char **argv)
{
    CHECK(argc == 3 && (count = atoi(argv[2])) > FIRST);
    rounds(argv[1]);
    HANDLE thread = CreateThread(NULL, 0, rounds, argv[1], 0, NULL);
    CHECK(thread != NULL && WaitForSingleObject(thread, INFINITE) == WAIT_OBJECT_0);
    return 0;
}
