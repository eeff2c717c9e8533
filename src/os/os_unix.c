/* The OS contract on any Unix: mappings, limits, environment, locks' sleepers aside (os_linux.c).
 * Keeps errno. SPDX-License-Identifier: MIT */
#include "os/os_unix.h"
#include "os/atomic.h"
#include "os/calls.h"
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>
#if __has_include(<sys/auxv.h>)
#include <sys/auxv.h>
#endif
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

/* The kernel's word where it can be had: sysconf's table is another 64 KiB of libc in memory, in a process that has just begun. */
static long page_size_told(void)
{
#ifdef AT_PAGESZ
    long told = (long)getauxval(AT_PAGESZ);
    if (told > 0)
        return told;
#endif
    return sysconf(_SC_PAGESIZE);
}

size_t rst_os_page_size(void)
{
    static _Atomic size_t page_size; /* relaxed: the same value whoever computes it */
    size_t known = rst_load_relaxed(&page_size);
    if (known == 0) {
        long answer = page_size_told();
        known = answer > 0 ? (size_t)answer : 4096;
        rst_store_relaxed(&page_size, known);
    }
    return known;
}

size_t rst_os_physical_memory(void)
{
    struct sysinfo info; /* not through sysconf either */
    return syscall(SYS_sysinfo, &info) == 0 ? (size_t)info.totalram * info.mem_unit : 0;
}

size_t rst_os_address_space_left(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    size_t used = rst_unix_pages(0) * rst_os_page_size();
    return limit.rlim_cur > used ? (size_t)limit.rlim_cur - used : 0;
}

static void *map_inaccessible(size_t size)
{
    rst_os_count(map);
    void *p = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static bool unmap(void *address, size_t size)
{
    rst_os_count(unmap);
    return munmap(address, size) == 0;
}

/* Reserve more than asked and cut the ends off. */
static void *map_aligned(size_t size, size_t alignment)
{
    char *p = map_inaccessible(size + alignment);
    if (p == NULL)
        return NULL;
    char *start = (char *)rst_align_up((uintptr_t)p, alignment);
    if (start != p)
        unmap(p, (size_t)(start - p));
    size_t tail = (size_t)(p + size + alignment - (start + size));
    if (tail != 0)
        unmap(start + size, tail);
    return start;
}

void *rst_os_reserve(size_t size, size_t alignment)
{
    int saved = errno;
    char *p = NULL;
    if (size + alignment > size) {
        p = map_inaccessible(size);
        if (p != NULL && ((uintptr_t)p & (alignment - 1)) != 0) {
            unmap(p, size);
            p = map_aligned(size, alignment);
        }
    }
    if (p != NULL)
        rst_unix_mark_reserved(p, size);
    errno = saved;
    return p;
}

bool rst_os_commit(void *address, size_t size)
{
    int saved = errno;
    rst_os_count(protect);
    bool done = mprotect(address, size, PROT_READ | PROT_WRITE) == 0;
    if (!done && errno != ENOMEM) /* a sandbox: map anew what has not been touched yet */
        done = rst_os_remap(address, size);
    if (done)
        rst_unix_mark_committed(address, size);
    errno = saved;
    return done;
}

bool rst_os_decommit(void *address, size_t size)
{
    int saved = errno;
    rst_os_count(map);
    void *p = mmap(address, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    bool done = p == address;
    if (done)
        rst_unix_mark_reserved(address, size);
    errno = saved;
    return done;
}

bool rst_os_purge_inside(void *address, size_t size)
{
    return rst_os_purge(address, size);
}

bool rst_os_use(void *address, size_t size)
{
    (void)address;
    (void)size;
    return true; /* pages come back when they are touched */
}

bool rst_os_remap(void *address, size_t size)
{
    int saved = errno;
    rst_os_count(map);
    void *p =
        mmap(address, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    bool done = p == address;
    if (done) {
        rst_unix_mark_named(address, size);
        rst_os_huge(address, size, false);
    }
    errno = saved;
    return done;
}

bool rst_os_release(void *address, size_t size)
{
    int saved = errno;
    bool done = unmap(address, size);
    errno = saved;
    return done;
}

bool rst_os_release_part(void *address, size_t size)
{
    return rst_os_release(address, size);
}

/* The only place where memory is read that its owner writes without atomics: the owner's hot path would pay two instructions
 * for them. An aligned word does not tear on any processor we build for, and what is read is a figure, never followed
 * unchecked. Left out of ThreadSanitizer for that reason, which docs/memory-model.md repeats. */
__attribute__((no_sanitize("thread"), noinline)) void rst_os_snapshot(void *to, const void *from, size_t size)
{
    uint64_t *out = to;
    const volatile uint64_t *in = from;
#if !RST_THREAD_SANITIZER
    atomic_thread_fence(memory_order_acquire); /* after what was copied before; no instruction on x86-64 */
#endif
    for (size_t i = 0; i < size / sizeof *out; i++)
        out[i] = in[i];
}

uint64_t rst_os_clock_ms(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC_COARSE, &now) != 0)
        return 0;
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

uint64_t rst_os_clock_us(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 0;
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

extern const char roost_default_options[] __attribute__((weak));

const char *rst_os_default_options(void)
{
    return roost_default_options;
}

bool rst_os_environment_ready(void)
{
    return environ != NULL;
}

const char *rst_os_environment(const char *name)
{
    return rst_unix_value_of(environ, name);
}

const char *rst_os_environment_entry(size_t n)
{
    return environ != NULL ? environ[n] : NULL;
}

size_t rst_os_read_file(const char *path, char *out, size_t size)
{
    int saved = errno;
    size_t length = SIZE_MAX;
    int fd = rst_unix_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0) {
        ssize_t n = 1;
        for (length = 0; n > 0 && length < size - 1; length += (size_t)n) {
            n = rst_unix_read(fd, out + length, size - 1 - length);
            if (n < 0)
                break;
        }
        length = n < 0 ? SIZE_MAX : length;
        rst_unix_close(fd);
    }
    if (length != SIZE_MAX)
        out[length] = '\0';
    errno = saved;
    return length;
}

static _Atomic int kept_error = -1; /* a copy of standard error, out of the way of descriptors counted from 0 */

void rst_os_keep_error_output(void)
{
    int saved = errno;
    if (rst_load_relaxed(&kept_error) < 0)
        rst_store_relaxed(&kept_error, fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 512));
    errno = saved;
}

/* Write all; false: the descriptor is not open. */
static bool write_all(int fd, const char *text, size_t length)
{
    while (length != 0) {
        ssize_t n = rst_unix_write(fd, text, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 || errno != EBADF;
        text += n;
        length -= (size_t)n;
    }
    return true;
}

/* By a thread whose descriptors are not the program's. */
static bool write_elsewhere(int number, const char *text, size_t length)
{
    int fd = rst_unix_fetch_descriptor(number);
    if (fd < 0)
        return false;
    write_all(fd, text, length);
    rst_unix_close(fd);
    return true;
}

void rst_os_write_error(const char *text, size_t length)
{
    int saved = errno;
    int kept = rst_load_relaxed(&kept_error);
    bool (*write_to)(int, const char *, size_t) = rst_unix_own_descriptors() ? write_elsewhere : write_all;
    if (!write_to(STDERR_FILENO, text, length) && kept >= 0)
        write_to(kept, text, length);
    errno = saved;
}

bool rst_os_write(int fd, const char *text, size_t length)
{
    int saved = errno;
    while (length != 0) {
        ssize_t n = rst_unix_write(fd, text, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text += n;
        length -= (size_t)n;
    }
    errno = saved;
    return true;
}

_Noreturn void rst_os_abort(void)
{
    abort();
}

uint32_t rst_os_process_id(void)
{
    return (uint32_t)getpid();
}

size_t rst_os_resident(void)
{
    return rst_unix_pages(1) * rst_os_page_size();
}

size_t rst_os_peak_resident(void)
{
    struct rusage usage; /* its figure outlives exec: that of the program before may be in it */
    size_t peak = rst_unix_peak_kib();
    if (peak != 0)
        return peak * RST_KIB;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (size_t)usage.ru_maxrss * RST_KIB : 0;
}

void rst_os_faults(uint64_t *minor, uint64_t *major)
{
    struct rusage usage;
    bool known = getrusage(RUSAGE_SELF, &usage) == 0;
    *minor = known ? (uint64_t)usage.ru_minflt : 0;
    *major = known ? (uint64_t)usage.ru_majflt : 0;
}

bool rst_os_single_threaded(void)
{
#if defined(__GLIBC__) && __has_include(<sys/single_threaded.h>)
    return __libc_single_threaded != 0;
#else
    return false;
#endif
}

bool rst_os_several_threads(void)
{
#if defined(__GLIBC__) && __has_include(<sys/single_threaded.h>)
    return __libc_single_threaded == 0;
#else
    return false;
#endif
}

rst_os_end rst_os_how_it_ends(void)
{
    return RST_OS_END_UNKNOWN;
}

void rst_os_leave(void)
{
}

bool rst_os_set_fork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
    return pthread_atfork(before, parent, child) == 0;
}
