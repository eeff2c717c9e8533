/* The OS contract on Windows: clocks, the environment, files that are read, standard error, what is known of the process.
 * Keeps errno and what GetLastError says. SPDX-License-Identifier: MIT */
#include "os/os_windows.h"

#include "os/atomic.h"
#include "os/os.h"

#include <errno.h>
#include <io.h>
#include <psapi.h>
#include <stdlib.h>

/* --- clocks --------------------------------------------------------------------------------------------------------- */

uint64_t rst_os_clock_ms(void)
{
    return GetTickCount64();
}

uint64_t rst_os_clock_us(void)
{
    LARGE_INTEGER now, frequency; /* neither can fail */
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&now);
    uint64_t ticks = (uint64_t)now.QuadPart, each_second = (uint64_t)frequency.QuadPart;
    return ticks / each_second * 1000000u + ticks % each_second * 1000000u / each_second;
}

/* The system's generator where its library is loaded; nothing may be loaded here, which also runs while libraries are. */
uint64_t rst_os_random(void)
{
    typedef LONG(WINAPI * generate)(void *, UCHAR *, ULONG, ULONG);
    const ULONG preferred = 2; /* BCRYPT_USE_SYSTEM_PREFERRED_RNG */
    uint64_t value = 0;
    DWORD saved = GetLastError();
    generate generator = (generate)rst_windows_find(L"bcrypt.dll", "BCryptGenRandom");
    if (generator == NULL || generator(NULL, (UCHAR *)&value, sizeof value, preferred) != 0)
        value = (uintptr_t)&value ^ (uintptr_t)rst_os_random << 21 ^ rst_os_clock_us() * 0x9e3779b97f4a7c15ull ^
                (uint64_t)GetCurrentProcessId() << 40;
    SetLastError(saved);
    value = (value ^ (value >> 31)) * 0xbf58476d1ce4e5b9ull;
    return value ^ (value >> 29);
}

/* --- the environment ------------------------------------------------------------------------------------------------- *
 * The system's, not a C library's: each has its own, or none yet. Kept as UTF-8, the variables that roost may ask for alone. */

enum { ENVIRONMENT_BYTES = 32 * 1024 };
static char environment
    [ENVIRONMENT_BYTES]; /* [the thread that starts the library] NAME=value, each terminated; an empty one ends it */

static bool begins_with(const wchar_t *entry, const char *prefix)
{
    while (*prefix != '\0' && *entry == (wchar_t)*prefix) {
        entry++;
        prefix++;
    }
    return *prefix == '\0';
}

static size_t wide_length(const wchar_t *text)
{
    size_t length = 0;
    while (text[length] != 0)
        length++;
    return length;
}

static void read_environment(void)
{
    size_t used = 0;
    DWORD saved = GetLastError();
    wchar_t *all = GetEnvironmentStringsW();
    for (const wchar_t *entry = all; entry != NULL && *entry != 0; entry += wide_length(entry) + 1) {
        if (!begins_with(entry, "ROOST_"))
            continue;
        int size = (int)(sizeof environment - 1 - used);
        int length = WideCharToMultiByte(CP_UTF8, 0, entry, -1, environment + used, size, NULL, NULL);
        used += length > 0 ? (size_t)length : 0;
    }
    environment[used] = '\0';
    if (all != NULL)
        FreeEnvironmentStringsW(all);
    SetLastError(saved);
}

/* By name: a library cannot refer to what a program may have or not. */
const char *rst_os_default_options(void)
{
    DWORD saved = GetLastError();
    const char *found = (const char *)(void *)GetProcAddress(GetModuleHandleW(NULL), "roost_default_options");
    SetLastError(saved);
    return found;
}

bool rst_os_environment_ready(void)
{
    return true;
}

const char *rst_os_environment_entry(size_t n)
{
    if (n == 0)
        read_environment();
    const char *entry = environment;
    for (; n != 0 && *entry != '\0'; n--) {
        while (*entry != '\0')
            entry++;
        entry++;
    }
    return *entry != '\0' ? entry : NULL;
}

const char *rst_os_environment(const char *name)
{
    const char *entry;
    for (size_t n = 0; (entry = rst_os_environment_entry(n)) != NULL; n++) {
        size_t i = 0;
        while (name[i] != '\0' && entry[i] == name[i])
            i++;
        if (name[i] == '\0' && entry[i] == '=')
            return entry + i + 1;
    }
    return NULL;
}

bool rst_os_secure(void)
{
    return false; /* no program has more rights than who starts it without being asked */
}

/* --- files and standard error ------------------------------------------------------------------------------------------ */

/* A path that names no drive is no path of Windows': anyone could make C:\etc. */
static HANDLE open_to_read(const char *path)
{
    wchar_t wide[MAX_PATH];
    if (path[0] == '/' || MultiByteToWideChar(CP_UTF8, 0, path, -1, wide, MAX_PATH) == 0)
        return INVALID_HANDLE_VALUE;
    HANDLE file = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                              OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file != INVALID_HANDLE_VALUE && GetFileType(file) != FILE_TYPE_DISK) { /* a pipe might wait for a writer */
        CloseHandle(file);
        return INVALID_HANDLE_VALUE;
    }
    return file;
}

size_t rst_os_read_file(const char *path, char *out, size_t size)
{
    DWORD saved = GetLastError();
    size_t length = SIZE_MAX;
    HANDLE file = open_to_read(path);
    if (file != INVALID_HANDLE_VALUE) {
        DWORD got = 1;
        for (length = 0; got != 0 && length < size - 1; length += got) {
            if (!ReadFile(file, out + length, (DWORD)(size - 1 - length), &got, NULL)) {
                length = SIZE_MAX;
                break;
            }
        }
        CloseHandle(file);
    }
    if (length != SIZE_MAX)
        out[length] = '\0';
    SetLastError(saved);
    return length;
}

static _Atomic(HANDLE) kept_error; /* a copy of standard error; NULL: none */

void rst_os_keep_error_output(void)
{
    HANDLE copy, process = GetCurrentProcess();
    DWORD saved = GetLastError();
    if (rst_load_relaxed(&kept_error) == NULL &&
        DuplicateHandle(process, GetStdHandle(STD_ERROR_HANDLE), process, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS))
        rst_store_relaxed(&kept_error, copy);
    SetLastError(saved);
}

void rst_windows_drop_kept_error(void)
{
    HANDLE kept = rst_load_relaxed(&kept_error);
    rst_store_relaxed(&kept_error, NULL);
    if (kept != NULL)
        CloseHandle(kept);
}

static bool write_all(HANDLE handle, const char *text, size_t length)
{
    while (length != 0) {
        DWORD written = 0;
        if (!WriteFile(handle, text, (DWORD)rst_min(length, RST_MIB), &written, NULL) || written == 0)
            return false;
        text += written;
        length -= written;
    }
    return true;
}

void rst_os_write_error(const char *text, size_t length)
{
    DWORD saved = GetLastError();
    HANDLE kept = rst_load_relaxed(&kept_error);
    if (!write_all(GetStdHandle(STD_ERROR_HANDLE), text, length) && kept != NULL)
        write_all(kept, text, length);
    SetLastError(saved);
}

HANDLE rst_windows_handle_of(int fd)
{
    static const DWORD standard[] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
    if (fd >= 0 && (fd & RST_WINDOWS_OURS) != 0)
        return (HANDLE)(intptr_t)(fd & ~RST_WINDOWS_OURS);
    return fd >= 0 && fd < 3 ? GetStdHandle(standard[fd]) : NULL;
}

/* Another descriptor is one of the C library that roost itself was linked with. */
bool rst_os_write(int fd, const char *text, size_t length)
{
    DWORD saved = GetLastError();
    HANDLE handle = rst_windows_handle_of(fd);
    if (handle == NULL)
        handle = (HANDLE)_get_osfhandle(fd);
    if (handle == INVALID_HANDLE_VALUE || !write_all(handle, text, length)) {
        errno = handle == INVALID_HANDLE_VALUE ? EBADF : rst_windows_errno(GetLastError());
        return false;
    }
    SetLastError(saved);
    return true;
}

int rst_windows_errno(DWORD error)
{
    switch (error) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        return ENOENT;
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION:
        return EACCES;
    case ERROR_ALREADY_EXISTS:
    case ERROR_FILE_EXISTS:
        return EEXIST;
    case ERROR_DISK_FULL:
        return ENOSPC;
    case ERROR_INVALID_HANDLE:
        return EBADF;
    default:
        return EIO;
    }
}

/* --- the process ---------------------------------------------------------------------------------------------------- */

extern const char __ImageBase[]; /* by the linker: where we are loaded */

bool rst_os_is_ours(const void *address)
{
    const IMAGE_DOS_HEADER *image = (const IMAGE_DOS_HEADER *)__ImageBase;
    const IMAGE_NT_HEADERS *headers = (const IMAGE_NT_HEADERS *)(__ImageBase + image->e_lfanew);
    return (uintptr_t)address - (uintptr_t)__ImageBase < headers->OptionalHeader.SizeOfImage;
}

_Noreturn void rst_os_abort(void)
{
    abort();
}

char *rst_os_first_environment(const char *name)
{
    (void)name;
    return NULL;
}

void rst_os_begin_anew(void)
{
}

uint32_t rst_os_process_id(void)
{
    return GetCurrentProcessId();
}

static bool memory_counters(PROCESS_MEMORY_COUNTERS *counters)
{
    DWORD saved = GetLastError();
    bool known = K32GetProcessMemoryInfo(GetCurrentProcess(), counters, sizeof *counters) != 0;
    SetLastError(saved);
    return known;
}

size_t rst_os_resident(void)
{
    PROCESS_MEMORY_COUNTERS counters;
    return memory_counters(&counters) ? counters.WorkingSetSize : 0;
}

size_t rst_os_peak_resident(void)
{
    PROCESS_MEMORY_COUNTERS counters;
    return memory_counters(&counters) ? counters.PeakWorkingSetSize : 0;
}

/* Windows counts all of them in one. */
void rst_os_faults(uint64_t *minor, uint64_t *major)
{
    PROCESS_MEMORY_COUNTERS counters;
    *minor = memory_counters(&counters) ? counters.PageFaultCount : 0;
    *major = 0;
}

rst_os_place rst_os_place_of(const void *address, char *name, size_t size)
{
    MEMORY_BASIC_INFORMATION found;
    wchar_t path[MAX_PATH];
    DWORD saved = GetLastError();
    rst_os_place place = RST_OS_PLACE_UNKNOWN;
    name[0] = '\0';
    if (VirtualQuery(address, &found, sizeof found) != 0)
        place = found.State == MEM_COMMIT ? RST_OS_PLACE_MAPPED : RST_OS_PLACE_UNMAPPED;
    if (place == RST_OS_PLACE_MAPPED && found.Type != MEM_PRIVATE &&
        K32GetMappedFileNameW(GetCurrentProcess(), (void *)(uintptr_t)address, path, MAX_PATH) != 0 &&
        WideCharToMultiByte(CP_UTF8, 0, path, -1, name, (int)size, NULL, NULL) == 0)
        name[0] = '\0';
    SetLastError(saved);
    return place;
}
