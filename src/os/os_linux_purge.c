/* Many runs purged by one system call. SPDX-License-Identifier: MIT */
#include "os/atomic.h"
#include "os/calls.h"
#include "os/os.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* From newer headers. The first is the number on every processor. */
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
enum { OWN_PROCESS = -10000, STATUS_SIZE = 4096, BELIEVE_MS = 10 };

/* Whether no filter of system calls is set. One may end the process for a call that it does not know, and new calls are the ones that it does not;
 * it may be set at any time, so that what was found is believed for a moment alone. */
static bool is_unfiltered(void)
{
    static _Atomic uint64_t found; /* ms, and the lowest bit: unfiltered. relaxed: found once more does no harm */
    uint64_t now = rst_os_clock_ms(), last = rst_load_relaxed(&found);
    if (last != 0 && now - last / 2 < BELIEVE_MS)
        return (last & 1) != 0;
    char status[STATUS_SIZE];
    bool unfiltered = rst_os_read_file("/proc/thread-self/status", status, sizeof status) != SIZE_MAX &&
                      strstr(status, "\nSeccomp:\t0\n") != NULL;
    rst_store_relaxed(&found, now * 2 + unfiltered);
    return unfiltered;
}

/* Bytes from the first run on; 0: the kernel is older than 6.14, or a filter is set. */
static size_t purge_together(const rst_os_run *run, unsigned count)
{
    static _Atomic bool refused; /* relaxed: asked once more does no harm */
    static_assert(sizeof *run == sizeof(struct iovec) && offsetof(rst_os_run, size) == offsetof(struct iovec, iov_len),
                  "a run is an iovec");
    if (rst_load_relaxed(&refused) || !is_unfiltered())
        return 0;
    int saved = errno;
    rst_os_count(advise);
    long done = syscall(SYS_process_madvise, OWN_PROCESS, run, (unsigned long)count, MADV_DONTNEED, 0u);
    if (done < 0 && (errno == ENOSYS || errno == EBADF || errno == EPERM))
        rst_store_relaxed(&refused, true);
    errno = saved;
    return done > 0 ? (size_t)done : 0;
}

uint64_t rst_os_purge_runs(const rst_os_run *run, unsigned count, bool inside, bool files)
{
    if (count < 2 || !files)
        return rst_os_purge_each(run, count, inside);
    size_t bytes = purge_together(run, count);
    unsigned n = 0;
    for (; n < count && run[n].size <= bytes; n++)
        bytes -= run[n].size;
    uint64_t together = n == RST_OS_RUNS_MAX ? UINT64_MAX : ((uint64_t)1 << n) - 1;
    return n == count ? together : together | rst_os_purge_each(run + n, count - n, inside) << n;
}
