/* What the headers beside this file declare, and what is known of the process's memory (support/blocks.h, stress/run.h).
 * SPDX-License-Identifier: MIT */
#include "again.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WIN32_LEAN_AND_MEAN
#include <windows.h>
/* one include per block: windows.h must come first */

#include <psapi.h>

size_t resident_bytes(void);
size_t status_bytes(const char *field);

/* --- memory --------------------------------------------------------------------------------------------------------- */

static DWORD access_of(int protection)
{
    return protection == PROT_NONE ? PAGE_NOACCESS : protection & PROT_WRITE ? PAGE_READWRITE : PAGE_READONLY;
}

static int answer(BOOL done)
{
    if (!done)
        errno = EINVAL;
    return done ? 0 : -1;
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, long long offset)
{
    (void)flags, (void)fd, (void)offset;
    DWORD how = protection == PROT_NONE ? MEM_RESERVE : MEM_RESERVE | MEM_COMMIT;
    void *p = VirtualAlloc(address, size, how, access_of(protection));
    if (p == NULL)
        errno = ENOMEM;
    return p != NULL ? p : MAP_FAILED;
}

int munmap(void *address, size_t size)
{
    (void)size;
    return answer(VirtualFree(address, 0, MEM_RELEASE));
}

/* Each run of pages in the same state. */
static int each_region(char *address, size_t size,
                       BOOL (*does)(char *at, size_t length, const MEMORY_BASIC_INFORMATION *region, DWORD argument),
                       DWORD argument)
{
    MEMORY_BASIC_INFORMATION region;
    for (char *at = address; at < address + size;) {
        if (VirtualQuery(at, &region, sizeof region) == 0)
            return answer(FALSE);
        size_t length = region.RegionSize - (size_t)(at - (char *)region.BaseAddress);
        if (length > (size_t)(address + size - at))
            length = (size_t)(address + size - at);
        if (!does(at, length, &region, argument))
            return answer(FALSE);
        at += length;
    }
    return 0;
}

static BOOL protect(char *at, size_t length, const MEMORY_BASIC_INFORMATION *region, DWORD access)
{
    DWORD before;
    if (region->State == MEM_COMMIT)
        return VirtualProtect(at, length, access, &before);
    return access == PAGE_NOACCESS || VirtualAlloc(at, length, MEM_COMMIT, access) != NULL;
}

int mprotect(void *address, size_t size, int protection)
{
    return each_region(address, size, protect, access_of(protection));
}

static BOOL drop(char *at, size_t length, const MEMORY_BASIC_INFORMATION *region, DWORD unused)
{
    (void)unused;
    if (region->State != MEM_COMMIT)
        return TRUE;
    return VirtualFree(at, length, MEM_DECOMMIT) &&
           (region->Protect == PAGE_NOACCESS || VirtualAlloc(at, length, MEM_COMMIT, region->Protect) != NULL);
}

int madvise(void *address, size_t size, int advice)
{
    return advice == MADV_DONTNEED ? each_region(address, size, drop, 0) : answer(FALSE);
}

int mincore(void *address, size_t size, unsigned char *present)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < size / page; i++) {
        PSAPI_WORKING_SET_EX_INFORMATION one = {.VirtualAddress = (char *)address + i * page};
        if (!K32QueryWorkingSetEx(GetCurrentProcess(), &one, sizeof one))
            return answer(FALSE);
        present[i] = one.VirtualAttributes.Valid;
    }
    return 0;
}

size_t status_bytes(const char *field)
{
    PROCESS_MEMORY_COUNTERS memory = {.cb = sizeof memory};
    if (!K32GetProcessMemoryInfo(GetCurrentProcess(), &memory, sizeof memory))
        return 0;
    return strcmp(field, "VmHWM") == 0 ? memory.PeakWorkingSetSize : memory.WorkingSetSize;
}

size_t resident_bytes(void)
{
    return status_bytes("VmRSS");
}

/* --- files ----------------------------------------------------------------------------------------------------------- */

int memfd_create(const char *name, unsigned flags)
{
    (void)flags;
    char *path = _tempnam(NULL, name);
    int fd =
        path != NULL ? _open(path, _O_CREAT | _O_EXCL | _O_RDWR | _O_BINARY | _O_TEMPORARY, _S_IREAD | _S_IWRITE) : -1;
    free(path);
    return fd;
}

long long pread(int fd, void *out, size_t size, long long from)
{
    return _lseeki64(fd, from, SEEK_SET) == from ? _read(fd, out, (unsigned)size) : -1;
}

/* --- the process ----------------------------------------------------------------------------------------------------- */

long syscall(long number, ...)
{
    return number == SYS_gettid ? (long)GetCurrentThreadId() : -1;
}

int gettid(void)
{
    return (int)GetCurrentThreadId();
}

long sysconf(int what)
{
    SYSTEM_INFO system;
    GetSystemInfo(&system);
    return what == _SC_PAGESIZE ? (long)system.dwPageSize : -1;
}

static VOID CALLBACK too_late(PVOID unused, BOOLEAN fired)
{
    (void)unused, (void)fired;
    fputs("FAILED: it takes too long\n", stderr);
    fflush(stderr);
    TerminateProcess(GetCurrentProcess(), 142);
}

unsigned alarm(unsigned seconds)
{
    static HANDLE timer;
    if (timer != NULL)
        DeleteTimerQueueTimer(NULL, timer, NULL);
    timer = NULL;
    if (seconds != 0)
        CreateTimerQueueTimer(&timer, NULL, too_late, NULL, seconds * 1000, 0, WT_EXECUTEONLYONCE);
    return 0;
}

/* --- the program again -------------------------------------------------------------------------------------------------- */

static void read_all(HANDLE from, char *text, size_t size)
{
    size_t used = 0;
    for (DWORD n; used < size - 1 && ReadFile(from, text + used, (DWORD)(size - 1 - used), &n, NULL) && n != 0;)
        used += n;
    text[used] = '\0';
    CloseHandle(from);
}

int run_again(const char *argument, char *out, char *err, size_t size)
{
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    STARTUPINFOA start = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION process;
    HANDLE ends[2];
    char path[MAX_PATH], line[2 * MAX_PATH];
    DWORD code = 0;
    GetModuleFileNameA(NULL, path, sizeof path);
    snprintf(line, sizeof line, "\"%s\" %s", path, argument);
    if (!CreatePipe(&ends[0], &start.hStdOutput, &inherited, 0) ||
        !CreatePipe(&ends[1], &start.hStdError, &inherited, 0) ||
        !SetHandleInformation(ends[0], HANDLE_FLAG_INHERIT, 0) ||
        !SetHandleInformation(ends[1], HANDLE_FLAG_INHERIT, 0) ||
        !CreateProcessA(path, line, NULL, NULL, TRUE, 0, NULL, NULL, &start, &process))
        return -1;
    CloseHandle(start.hStdOutput);
    CloseHandle(start.hStdError);
    read_all(ends[0], out, size);
    read_all(ends[1], err, size);
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &code);
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
    return (int)code;
}

void addresses_as_elsewhere(char *text)
{
    for (char *at = text; *at != '\0'; at++) {
        size_t digits = strspn(at, "0123456789abcdef"), zeros = strspn(at, "0");
        if (digits == 16 && zeros >= 2 && (at == text || at[-1] != 'x')) {
            at[1] = 'x';
            memmove(at + 2, at + zeros, strlen(at + zeros) + 1);
            digits += 2 - zeros;
        }
        at += digits != 0 ? digits - 1 : 0;
    }
}
