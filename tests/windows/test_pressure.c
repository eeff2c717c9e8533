/* Want of memory, as Windows tells of it: the low-memory notification, and a limit of the process's job. wine has neither in earnest, so the
 * functions that roost asks are this program's own: an archive's imports can be stood in for. SPDX-License-Identifier: MIT */
#include "check.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>
/* one include per block: windows.h must come first */

#include <psapi.h>
#include <roost/roost.h>
#include <roost/stats.h>
#include <stdatomic.h>

enum { MIB = 1 << 20, IDLE = 32 * MIB };

__declspec(dllexport) const char roost_default_options[] = "purge_delay=3600000,verbose=1";

/* --- what the system says ------------------------------------------------------------------------------------------- */

static HANDLE scarce;
static _Atomic size_t job_limit, used; /* 0: no limit */

static HANDLE WINAPI fake_notification(MEMORY_RESOURCE_NOTIFICATION_TYPE type)
{
    CHECK(type == LowMemoryResourceNotification);
    return scarce = CreateEventW(NULL, TRUE, FALSE, NULL); /* it stays set */
}

static BOOL WINAPI fake_job(HANDLE job, JOBOBJECTINFOCLASS what, LPVOID out, DWORD size, LPDWORD length)
{
    (void)length;
    CHECK(job == NULL && what == JobObjectExtendedLimitInformation);
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION *limits = out;
    CHECK(size == sizeof *limits);
    memset(limits, 0, sizeof *limits);
    if (atomic_load(&job_limit) == 0)
        return FALSE; /* in no job */
    limits->BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_PROCESS_MEMORY;
    limits->ProcessMemoryLimit = atomic_load(&job_limit);
    return TRUE;
}

BOOL WINAPI K32GetProcessMemoryInfo(HANDLE process, PPROCESS_MEMORY_COUNTERS out, DWORD size)
{
    (void)process;
    memset(out, 0, size);
    if (size >= sizeof(PROCESS_MEMORY_COUNTERS_EX))
        ((PROCESS_MEMORY_COUNTERS_EX *)(void *)out)->PrivateUsage = atomic_load(&used);
    return TRUE;
}

void *const imported_notification __asm__("__imp_CreateMemoryResourceNotification") = (void *)fake_notification;
void *const imported_job __asm__("__imp_QueryInformationJobObject") = (void *)fake_job;

/* --- what roost does ------------------------------------------------------------------------------------------------- */

static roost_stats figures(void)
{
    roost_stats stats = ROOST_STATS_INIT;
    CHECK(roost_stats_read(&stats) == 0);
    return stats;
}

static DWORD WINAPI attach_and_sleep(void *event)
{
    roost_free(roost_malloc(100));
    SetEvent(event);
    Sleep(INFINITE);
    return 0;
}

static size_t committed(const char *block)
{
    MEMORY_BASIC_INFORMATION region;
    size_t found = 0;
    for (const char *at = block; at < block + IDLE; at = (char *)region.BaseAddress + region.RegionSize) {
        CHECK(VirtualQuery(at, &region, sizeof region) != 0);
        size_t end = (size_t)((char *)region.BaseAddress + region.RegionSize - at);
        found += region.State == MEM_COMMIT ? (end < IDLE ? end : IDLE) : 0;
    }
    return found;
}

static char *make_idle(void)
{
    char *block = roost_malloc(IDLE);
    CHECK(block != NULL);
    memset(block, 1, IDLE);
    roost_free(block);
    CHECK(committed(block) >= IDLE / 2); /* warm, for an hour */
    return block;
}

/* Bounded waiting for what the steward does by itself. */
static void goes_back(const char *block)
{
    for (int passed = 0; committed(block) >= 2 * MIB; passed += 10) {
        CHECK(passed < 20000);
        Sleep(10);
    }
}

static void the_notification_is_answered(void)
{
    char *block = make_idle();
    uint64_t before = figures().pressure_events;
    for (int passed = 0; scarce == NULL; passed += 10) { /* the steward is on its way */
        CHECK(passed < 20000);
        Sleep(10);
    }
    Sleep(300);
    CHECK(figures().pressure_events == before && committed(block) >= IDLE / 2);
    CHECK(SetEvent(scarce));
    goes_back(block);
    CHECK(figures().pressure_events > before);
    for (int passed = 0; figures().pressure_purged < IDLE / 2; passed += 10) { /* a pass is counted when it is done */
        CHECK(passed < 20000);
        Sleep(10);
    }
    CHECK(ResetEvent(scarce));
}

static void a_limit_of_the_job_is_kept_clear_of(void)
{
    uint64_t before = figures().pressure_limits;
    char *block = make_idle();
    atomic_store(&used, (size_t)255 * MIB);
    atomic_store(&job_limit, (size_t)256 * MIB);
    goes_back(block);
    CHECK(figures().pressure_limits > before);
    atomic_store(&job_limit, 0);
}

int main(void)
{
    HANDLE event = CreateEventW(NULL, FALSE, FALSE, NULL);
    HANDLE thread = CreateThread(NULL, 0, attach_and_sleep, event, 0, NULL);
    CHECK(thread != NULL && WaitForSingleObject(event, INFINITE) == WAIT_OBJECT_0);
    CHECK(memset(roost_malloc(16 * MIB), 1, 100) != NULL); /* so much that there is a steward */
    RUN(a_limit_of_the_job_is_kept_clear_of);
    RUN(the_notification_is_answered);
    return 0;
}
