/* Threads that end, in storms and in waves: each end is heard of, what one leaves is adopted, blocks that others free come home; a thread that is
 * ended by force leaves a heap that the next ones find. SPDX-License-Identifier: MIT */
#include "check.h"

#define WIN32_LEAN_AND_MEAN
#include <roost/roost.h>
#include <roost/stats.h>
#include <windows.h>

enum { WAVES = 40, AT_ONCE = 50, BLOCKS = 64 };

static void *volatile left[AT_ONCE][BLOCKS];

static DWORD WINAPI leave_blocks(void *argument)
{
    size_t n = (size_t)(uintptr_t)argument;
    for (size_t i = 0; i < BLOCKS; i++) {
        CHECK((left[n][i] = roost_malloc(16 + i * 61)) != NULL);
        roost_free(roost_malloc(16 + i * 511));
    }
    return 0;
}

static DWORD WINAPI attach_and_sleep(void *event)
{
    roost_free(roost_malloc(100));
    SetEvent(event);
    Sleep(INFINITE);
    return 0;
}

static roost_stats figures(void)
{
    roost_stats stats = ROOST_STATS_INIT;
    CHECK(roost_stats_read(&stats) == 0);
    return stats;
}

static void storms(void)
{
    for (int wave = 0; wave < WAVES; wave++) {
        HANDLE threads[AT_ONCE];
        for (size_t n = 0; n < AT_ONCE; n++)
            CHECK((threads[n] = CreateThread(NULL, 0, leave_blocks, (void *)(uintptr_t)n, 0, NULL)) != NULL);
        CHECK(WaitForMultipleObjects(AT_ONCE, threads, TRUE, INFINITE) == WAIT_OBJECT_0);
        for (size_t n = 0; n < AT_ONCE; n++) {
            CloseHandle(threads[n]);
            for (size_t i = 0; i < BLOCKS; i++)
                roost_free(left[n][i]);
        }
        roost_thread_flush();
    }
    roost_purge(0, NULL);
    roost_stats stats = figures();
    printf("threads %llu, attached ever %llu, heaps %llu, allocated %llu\n", (unsigned long long)stats.threads,
           (unsigned long long)stats.threads_attached, (unsigned long long)stats.heaps,
           (unsigned long long)stats.allocated);
    CHECK(stats.threads == 1 && stats.heaps <= AT_ONCE + 8 && stats.allocated == 0);
    CHECK(stats.threads_attached > (uint64_t)WAVES * AT_ONCE);
}

static void by_force(void)
{
    HANDLE event = CreateEventW(NULL, FALSE, FALSE, NULL);
    for (int i = 0; i < 100; i++) {
        HANDLE thread = CreateThread(NULL, 0, attach_and_sleep, event, 0, NULL);
        CHECK(thread != NULL && WaitForSingleObject(event, INFINITE) == WAIT_OBJECT_0);
        CHECK(TerminateThread(thread, 1) && WaitForSingleObject(thread, INFINITE) == WAIT_OBJECT_0 &&
              CloseHandle(thread));
    }
    CHECK(figures().heaps <= AT_ONCE + 16);
    CloseHandle(event);
}

int main(void)
{
    RUN(storms);
    RUN(by_force);
    return 0;
}
