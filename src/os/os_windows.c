/* The OS contract on Windows: memory. A reservation is released whole; what is purged is decommitted, so that the system's
 * commit charge goes down too, and committed again when it is to be used.
 * Keeps errno, and what GetLastError says: programs ask for it after a free. SPDX-License-Identifier: MIT */
#include "os/os_windows.h"

#include "os/atomic.h"
#include "os/calls.h"
#include "os/os.h"

enum { ALIGN_TRIES = 16 };

size_t rst_os_page_size(void)
{
    static _Atomic size_t page_size; /* relaxed: the same value whoever computes it */
    size_t known = rst_load_relaxed(&page_size);
    if (known == 0) {
        SYSTEM_INFO info;
        GetSystemInfo(&info);
        known = info.dwPageSize;
        rst_store_relaxed(&page_size, known);
    }
    return known;
}

static bool memory_status(MEMORYSTATUSEX *status)
{
    DWORD saved = GetLastError();
    status->dwLength = sizeof *status;
    bool known = GlobalMemoryStatusEx(status) != 0;
    SetLastError(saved);
    return known;
}

size_t rst_os_physical_memory(void)
{
    MEMORYSTATUSEX status;
    return memory_status(&status) ? (size_t)status.ullTotalPhys : 0;
}

bool rst_windows_is_wine(void)
{
    return rst_windows_find(L"ntdll.dll", "wine_get_version") != NULL;
}

/* wine keeps, and writes at once, a byte for each page of a reservation: 256 MiB for 1 TiB. A quarter of this is asked for. */
#define WINE_ADDRESS_SPACE (64 * RST_GIB)

size_t rst_os_address_space_left(void)
{
    MEMORYSTATUSEX status;
    size_t left = memory_status(&status) ? (size_t)status.ullAvailVirtual : SIZE_MAX;
    return rst_windows_is_wine() ? rst_min(left, WINE_ADDRESS_SPACE) : left;
}

/* --- reservations ------------------------------------------------------------------------------------------------ */

static char *reserve_at(void *address, size_t size)
{
    rst_os_count(map);
    return VirtualAlloc(address, size, MEM_RESERVE, PAGE_NOACCESS);
}

/* Windows 10: the system aligns. NULL also where it cannot. */
static void *reserve_aligned(size_t size, size_t alignment)
{
    typedef PVOID(WINAPI * allocate)(HANDLE, PVOID, SIZE_T, ULONG, ULONG, MEM_EXTENDED_PARAMETER *, ULONG);
    allocate virtual_alloc2 = (allocate)rst_windows_find(L"kernelbase.dll", "VirtualAlloc2");
    MEM_ADDRESS_REQUIREMENTS requirements = {.Alignment = alignment};
    MEM_EXTENDED_PARAMETER parameter;
    if (virtual_alloc2 == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof parameter; i++)
        ((char *)&parameter)[i] = 0;
    parameter.Type = MemExtendedParameterAddressRequirements;
    parameter.Pointer = &requirements;
    rst_os_count(map);
    return virtual_alloc2(GetCurrentProcess(), NULL, size, MEM_RESERVE, PAGE_NOACCESS, &parameter, 1);
}

static bool release(void *address)
{
    rst_os_count(unmap);
    return VirtualFree(address, 0, MEM_RELEASE) != 0;
}

/* See where more than asked would fit, and take the aligned part of that, unless another thread is quicker. */
static void *reserve_in_gap(size_t size, size_t alignment)
{
    for (int tries = 0; tries < ALIGN_TRIES; tries++) {
        char *p = reserve_at(NULL, size + alignment);
        if (p == NULL)
            return NULL;
        char *start = (char *)rst_align_up((uintptr_t)p, alignment);
        release(p);
        p = reserve_at(start, size);
        if (p != NULL)
            return p;
    }
    return NULL;
}

void *rst_os_reserve(size_t size, size_t alignment)
{
    DWORD saved = GetLastError();
    char *p = NULL;
    if (size + alignment > size) {
        p = reserve_at(NULL, size);
        if (p != NULL && ((uintptr_t)p & (alignment - 1)) != 0) {
            release(p);
            p = reserve_aligned(size, alignment);
            if (p == NULL)
                p = reserve_in_gap(size, alignment);
        }
    }
    SetLastError(saved);
    return p;
}

bool rst_os_release(void *address, size_t size)
{
    (void)size;
    DWORD saved = GetLastError();
    bool done = release(address);
    SetLastError(saved);
    return done;
}

bool rst_os_release_part(void *address, size_t size)
{
    (void)address;
    (void)size;
    return false; /* only whole */
}

/* --- parts of them ------------------------------------------------------------------------------------------------ */

bool rst_os_commit(void *address, size_t size)
{
    DWORD saved = GetLastError();
    rst_os_count(protect);
    bool done = VirtualAlloc(address, size, MEM_COMMIT, PAGE_READWRITE) != NULL;
    SetLastError(saved);
    return done;
}

bool rst_os_decommit(void *address, size_t size)
{
    DWORD saved = GetLastError();
    rst_os_count(advise);
    bool done = VirtualFree(address, size, MEM_DECOMMIT) != 0;
    SetLastError(saved);
    return done;
}

bool rst_os_purge(void *address, size_t size)
{
    return rst_os_decommit(address, size);
}

bool rst_os_purge_inside(void *address, size_t size)
{
    (void)address;
    (void)size;
    return false; /* what is decommitted faults */
}

uint64_t rst_os_purge_runs(const rst_os_run *run, unsigned count, bool inside, bool files)
{
    (void)files;
    return rst_os_purge_each(run, count, inside);
}

/* What is committed already stays as it is. */
bool rst_os_use(void *address, size_t size)
{
    return rst_os_commit(address, size);
}

/* The right must be held, and be switched on. */
static bool may_lock_pages(void)
{
    enum { LOCK_MEMORY = 4 }; /* SE_LOCK_MEMORY_PRIVILEGE, the same on every system */
    typedef BOOL(WINAPI * open_token)(HANDLE, DWORD, PHANDLE);
    typedef BOOL(WINAPI * adjust)(HANDLE, BOOL, PTOKEN_PRIVILEGES, DWORD, PTOKEN_PRIVILEGES, PDWORD);
    open_token open_process_token = (open_token)rst_windows_find(L"kernelbase.dll", "OpenProcessToken");
    adjust adjust_token = (adjust)rst_windows_find(L"kernelbase.dll", "AdjustTokenPrivileges");
    TOKEN_PRIVILEGES wanted = {.PrivilegeCount = 1,
                               .Privileges = {{.Luid = {.LowPart = LOCK_MEMORY}, .Attributes = SE_PRIVILEGE_ENABLED}}};
    HANDLE token;
    if (open_process_token == NULL || adjust_token == NULL ||
        !open_process_token(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &token))
        return false;
    bool done = adjust_token(token, FALSE, &wanted, 0, NULL, NULL) && GetLastError() == ERROR_SUCCESS;
    CloseHandle(token);
    return done;
}

/* Large pages are had as memory is reserved, so the reservation makes room for them, and is made anew behind them. */
static size_t pin_largest(char *address, size_t size, size_t page, size_t total)
{
    size_t got = size;
    release(address);
    for (; got >= page; got = rst_align_down(got / 2, page)) {
        rst_os_count(map);
        if (VirtualAlloc(address, got, MEM_RESERVE | MEM_COMMIT | MEM_LARGE_PAGES, PAGE_READWRITE) == address)
            break;
    }
    got = got >= page ? got : 0;
    if (got == total || reserve_at(address + got, total - got) != NULL)
        return got;
    if (got != 0)
        release(address);
    return SIZE_MAX;
}

size_t rst_os_pin(void *address, size_t size, size_t page, size_t total, const char **why)
{
    DWORD saved = GetLastError();
    size_t got = 0;
    *why = "the system has no such piece of memory free";
    if (page != GetLargePageMinimum())
        *why = "this system has no pages of that size";
    else if (!may_lock_pages())
        *why = "the user has no right to lock pages in memory (SeLockMemoryPrivilege)";
    else
        got = pin_largest(address, size, page, total);
    SetLastError(saved);
    return got;
}

bool rst_os_huge(void *address, size_t size, bool wanted)
{
    (void)address;
    (void)size;
    (void)wanted;
    return false; /* large pages are had as memory is reserved, and stay: see rst_os_pin */
}

bool rst_os_huge_make(void *address, size_t size)
{
    (void)address;
    (void)size;
    return false;
}

bool rst_os_move(void *from, void *to, size_t size)
{
    (void)from;
    (void)to;
    (void)size;
    return false;
}

bool rst_os_remap(void *address, size_t size)
{
    (void)address;
    (void)size;
    return false; /* nothing is ever moved */
}

/* --- copying what may go away ---------------------------------------------------------------------------------------- *
 * A reader of statistics may follow a list into memory that is being decommitted. What cannot be read is left out: the fault ends the copy. */

#if defined(__x86_64__)

EXCEPTION_DISPOSITION rst_windows_copy_fault(EXCEPTION_RECORD *record, void *frame, CONTEXT *context, void *dispatcher);
void rst_windows_copy_words(void *to, const void *from, size_t words);
extern const char rst_windows_copy_end[];

__attribute__((used)) EXCEPTION_DISPOSITION rst_windows_copy_fault(EXCEPTION_RECORD *record, void *frame,
                                                                   CONTEXT *context, void *dispatcher)
{
    (void)frame;
    (void)dispatcher;
    if (record->ExceptionCode != (DWORD)EXCEPTION_ACCESS_VIOLATION)
        return ExceptionContinueSearch;
    context->Rip = (DWORD64)(uintptr_t)rst_windows_copy_end;
    return ExceptionContinueExecution;
}

/* rcx: to, rdx: from, r8: how many. */
__asm__(".text\n"
        ".def rst_windows_copy_words; .scl 2; .type 32; .endef\n"
        ".globl rst_windows_copy_words, rst_windows_copy_end\n"
        ".seh_proc rst_windows_copy_words\n"
        "rst_windows_copy_words:\n"
        ".seh_handler rst_windows_copy_fault, @except\n"
        ".seh_endprologue\n"
        "1: testq %r8, %r8\n"
        "jz rst_windows_copy_end\n"
        "movq (%rdx), %rax\n"
        "movq %rax, (%rcx)\n"
        "addq $8, %rdx\n"
        "addq $8, %rcx\n"
        "decq %r8\n"
        "jmp 1b\n"
        "rst_windows_copy_end:\n"
        "ret\n"
        ".seh_endproc\n");

void rst_os_snapshot(void *to, const void *from, size_t size)
{
    for (size_t i = 0; i < size / sizeof(uint64_t); i++)
        ((uint64_t *)to)[i] = 0;
    rst_windows_copy_words(to, from, size / sizeof(uint64_t));
}

#else

void rst_os_snapshot(void *to, const void *from, size_t size)
{
    SIZE_T copied;
    for (size_t i = 0; i < size / sizeof(uint64_t); i++)
        ((uint64_t *)to)[i] = 0;
    ReadProcessMemory(GetCurrentProcess(), from, to, size, &copied);
}

#endif
