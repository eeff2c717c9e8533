/* The OS contract on Windows: files that are replaced whole; hearing that memory is scarce. There are no sockets that answer and no
 * signals: those fail, with ENOSYS. SPDX-License-Identifier: MIT */
#include "os/os_windows.h"

#include "os/fmt.h"
#include "os/os.h"

#include <errno.h>
#include <psapi.h>
#include <string.h>

enum { PATH_BYTES = 1024, AGAIN_MS = 1000 };

/* --- files ----------------------------------------------------------------------------------------------------------- */

static bool widen(const char *path, wchar_t *wide)
{
    if (MultiByteToWideChar(CP_UTF8, 0, path, -1, wide, PATH_BYTES) != 0)
        return true;
    errno = ENAMETOOLONG;
    return false;
}

int rst_os_create(const char *path)
{
    wchar_t wide[PATH_BYTES];
    if (!widen(path, wide))
        return -1;
    HANDLE file = CreateFileW(wide, GENERIC_WRITE, FILE_SHARE_READ, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file != INVALID_HANDLE_VALUE)
        return rst_windows_descriptor_of(file);
    errno = rst_windows_errno(GetLastError());
    return -1;
}

bool rst_os_finish(int fd, const char *path, const char *to)
{
    wchar_t from[PATH_BYTES], place[PATH_BYTES];
    rst_os_close(fd);
    if (!widen(path, from))
        return false;
    if (to != NULL && widen(to, place) &&
        MoveFileExW(from, place, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) != 0)
        return true;
    int why = rst_windows_errno(GetLastError());
    DeleteFileW(from);
    errno = why;
    return false;
}

void rst_os_close(int fd)
{
    CloseHandle(rst_windows_handle_of(fd));
}

void rst_os_remove(const char *path)
{
    wchar_t wide[PATH_BYTES];
    if (widen(path, wide))
        DeleteFileW(wide);
}

/* --- what there is not ------------------------------------------------------------------------------------------------- */

int rst_os_listen(const char *path, uint64_t *identity)
{
    (void)path;
    (void)identity;
    errno = ENOSYS;
    return -1;
}

bool rst_os_is_socket(int fd, uint64_t identity)
{
    (void)fd;
    (void)identity;
    return false;
}

int rst_os_accept(int fd, uint32_t most_ms, int signal_number)
{
    (void)fd;
    (void)most_ms;
    (void)signal_number;
    return -1;
}

size_t rst_os_receive_line(int fd, char *out, size_t size)
{
    (void)fd;
    (void)size;
    out[0] = '\0';
    return 0;
}

void rst_os_hang_up(int fd)
{
    (void)fd;
}

bool rst_os_on_signal(int number, void (*handler)(int))
{
    (void)number;
    (void)handler;
    errno = ENOSYS;
    return false;
}

void rst_os_let_signal_in(int number, bool in)
{
    (void)number;
    (void)in;
}

const char *rst_os_error_text(int error)
{
    static const struct {
        int error;
        const char *text;
    } known[] = {{ENOENT, "No such file or directory"}, {EACCES, "Permission denied"},  {EEXIST, "File exists"},
                 {ENOSPC, "No space left on device"},   {EBADF, "Bad file descriptor"}, {EIO, "Input/output error"},
                 {ENAMETOOLONG, "File name too long"},  {ENOSYS, "Windows has none"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].error == error)
            return known[i].text;
    }
    return "unknown error";
}

/* --- how much memory there is ---------------------------------------------------------------------------------------------- */

static size_t private_bytes(void)
{
    PROCESS_MEMORY_COUNTERS_EX counters;
    memset(&counters, 0, sizeof counters);
    K32GetProcessMemoryInfo(GetCurrentProcess(), (PROCESS_MEMORY_COUNTERS *)&counters, sizeof counters);
    return counters.PrivateUsage;
}

/* The least limit that the process's job sets, on what is committed. */
static size_t job_limit(void)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION job;
    if (!QueryInformationJobObject(NULL, JobObjectExtendedLimitInformation, &job, sizeof job, NULL))
        return SIZE_MAX;
    size_t process =
        job.BasicLimitInformation.LimitFlags & JOB_OBJECT_LIMIT_PROCESS_MEMORY ? job.ProcessMemoryLimit : SIZE_MAX;
    size_t all = job.BasicLimitInformation.LimitFlags & JOB_OBJECT_LIMIT_JOB_MEMORY ? job.JobMemoryLimit : SIZE_MAX;
    return rst_min(process, all);
}

rst_os_memory rst_os_memory_left(void)
{
    DWORD saved = GetLastError();
    size_t physical = rst_os_physical_memory(), limit = job_limit(), used = private_bytes();
    rst_os_memory memory = {.least = rst_min(physical != 0 ? physical : SIZE_MAX, limit),
                            .limit = limit,
                            .room = limit == SIZE_MAX ? SIZE_MAX
                                    : limit > used    ? limit - used
                                                      : 0};
    SetLastError(saved);
    return memory;
}

/* --- hearing of it ----------------------------------------------------------------------------------------------------------- *
 * The notification stays set while memory is scarce: it is told once in AGAIN_MS. */

static HANDLE scarce; /* [the watching thread] */
static uint64_t told; /* [the watching thread] ms */

void rst_os_pressure_prepare(void)
{
}

bool rst_os_pressure_watch(bool say)
{
    scarce = CreateMemoryResourceNotification(LowMemoryResourceNotification);
    bool watches = scarce != NULL;
    if (say)
        rst_say("memory pressure: %s", watches ? "the system's low-memory notification is heard"
                                               : "the system has no low-memory notification");
    return watches;
}

bool rst_os_pressure_heard(void)
{
    uint64_t now = rst_os_clock_ms();
    if (now - told < AGAIN_MS || WaitForSingleObject(scarce, 0) != WAIT_OBJECT_0)
        return false;
    told = now;
    return true;
}

void rst_os_pressure_forget(void)
{
}

void rst_windows_stop_watching(void)
{
    if (scarce != NULL)
        CloseHandle(scarce);
    scarce = NULL;
}
