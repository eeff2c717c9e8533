/* Memory that idles goes back although nobody calls: what the steward does, as a program sees it from its commit charge. What of mt.steward
 * wants neither fork nor /proc. SPDX-License-Identifier: MIT */
#include "check.h"

#include <roost/roost.h>

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

enum { MIB = 1 << 20, BLOCK = 512, TOTAL = 96 * MIB, COUNT = TOTAL / BLOCK };

static void *blocks[COUNT];
static HANDLE filled, leave;

/* Private memory of the whole process, without a call of the allocator. */
static size_t committed_mib(void)
{
    MEMORY_BASIC_INFORMATION region;
    size_t found = 0;
    for (char *at = NULL; VirtualQuery(at, &region, sizeof region) != 0;
         at = (char *)region.BaseAddress + region.RegionSize)
        found += region.State == MEM_COMMIT && region.Type == MEM_PRIVATE ? region.RegionSize : 0;
    return found / MIB;
}

static void empty(void)
{
    for (int i = 0; i < COUNT; i++)
        roost_free(blocks[i]);
}

static DWORD WINAPI fill_and_sleep(void *frees_too)
{
    for (int i = 0; i < COUNT; i++) {
        CHECK((blocks[i] = roost_malloc(BLOCK)) != NULL);
        memset(blocks[i], 1, BLOCK);
    }
    if (frees_too != NULL)
        empty();
    CHECK(SetEvent(filled));
    return WaitForSingleObject(leave, INFINITE);
}

static void goes_back(size_t before, int frees_too)
{
    HANDLE thread = CreateThread(NULL, 0, fill_and_sleep, frees_too ? &leave : NULL, 0, NULL);
    CHECK(thread != NULL && WaitForSingleObject(filled, INFINITE) == WAIT_OBJECT_0);
    size_t most = committed_mib();
    if (!frees_too) {
        CHECK(most >= before + TOTAL / MIB);
        empty(); /* while their owner sleeps */
    }
    int passed = 0;
    for (; committed_mib() >= before + 16; passed += 50) {
        CHECK(passed < 20000);
        Sleep(50);
    }
    printf("freed by %s: %zu MiB, then %zu after %d ms\n", frees_too ? "their owner" : "another", most, committed_mib(),
           passed);
    CHECK(SetEvent(leave) && WaitForSingleObject(thread, INFINITE) == WAIT_OBJECT_0 && CloseHandle(thread));
}

int main(void)
{
    filled = CreateEventW(NULL, FALSE, FALSE, NULL);
    leave = CreateEventW(NULL, FALSE, FALSE, NULL);
    roost_free(roost_malloc(1));
    size_t before = committed_mib();
    goes_back(before, 1);
    goes_back(before, 0);
    return 0;
}
