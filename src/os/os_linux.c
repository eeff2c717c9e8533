/* The OS contract, what is Linux's own: advice, names, moving of pages, futex, /proc, thread exit.
 * Works with /proc and /sys absent. SPDX-License-Identifier: MIT */
#include "os/atomic.h"
#include "os/calls.h"
#include "os/os.h"
#include "os/os_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#ifndef PR_SET_VMA_ANON_NAME
#define PR_SET_VMA_ANON_NAME 0
#endif

/* --- memory ---------------------------------------------------------------------------------------------------- */

/* Kernels without names, which are many, are asked once. */
void rst_unix_mark_named(void *address, size_t size)
{
    static _Atomic bool refused; /* relaxed: asked once more does no harm */
    if (rst_load_relaxed(&refused))
        return;
    rst_os_count(name);
    if (prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, (unsigned long)address, size, (unsigned long)"roost") != 0 &&
        errno == EINVAL)
        rst_store_relaxed(&refused, true);
}

void rst_unix_mark_reserved(void *address, size_t size)
{
    rst_unix_mark_named(address, size);
    rst_os_count(advise);
    madvise(address, size, MADV_DONTDUMP);
}

void rst_unix_mark_committed(void *address, size_t size)
{
    rst_os_count(advise);
    madvise(address, size, MADV_DODUMP);
}

bool rst_os_purge(void *address, size_t size)
{
    int saved = errno;
    rst_os_count(advise);
    bool done = madvise(address, size, MADV_DONTNEED) == 0;
    if (!done && errno == EINVAL) { /* mlockall: kernels from 5.18 on can still do it */
        rst_os_count(advise);
        done = madvise(address, size, MADV_DONTNEED_LOCKED) == 0;
    }
    errno = saved;
    return done;
}

bool rst_os_huge(void *address, size_t size, bool wanted)
{
    int saved = errno;
    rst_os_count(advise);
    bool done = madvise(address, size, wanted ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) == 0;
    errno = saved;
    return done;
}

/* From newer headers; Linux 6.1 and later. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

bool rst_os_huge_make(void *address, size_t size)
{
    int saved = errno;
    rst_os_count(advise);
    bool done = madvise(address, size, MADV_COLLAPSE) == 0;
    errno = saved;
    return done;
}

static void *map_huge(void *address, size_t size, size_t page, int how)
{
    int kind = MAP_HUGETLB | (int)((unsigned)__builtin_ctzll(page) << 26); /* MAP_HUGE_SHIFT */
    rst_os_count(map);
    return mmap(address, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | kind | how, -1, 0);
}

typedef enum pin_result { PIN_DONE, PIN_REFUSED, PIN_LOST } pin_result;

/* They are set aside for us as they are mapped, so that a touch does not fail later. A mapping in a fixed place that is refused takes away what was
 * there: so it is tried elsewhere first. */
static pin_result pin_some(void *address, size_t size, size_t page)
{
    void *p = map_huge(NULL, size, page, 0);
    if (p == MAP_FAILED)
        return PIN_REFUSED;
    rst_os_count(unmap);
    munmap(p, size);
    if (map_huge(address, size, page, MAP_FIXED) == address)
        return PIN_DONE;
    int refused = errno; /* another process was quicker */
    rst_os_count(map);
    p = mmap(address, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    errno = refused;
    return p == address ? PIN_REFUSED : PIN_LOST;
}

/* As much as there is: all of it, else halves of what is wanted. */
size_t rst_os_pin(void *address, size_t size, size_t page, size_t total, const char **why)
{
    (void)total;
    int saved = errno, refused = 0;
    size_t got = 0;
    for (size_t step = size; step >= page; step = rst_min(rst_align_down(step / 2, page), size - got)) {
        pin_result result = PIN_DONE;
        while (step <= size - got && (result = pin_some((char *)address + got, step, page)) == PIN_DONE)
            got += step;
        refused = errno;
        if (result == PIN_LOST) {
            errno = saved;
            return SIZE_MAX;
        }
        if (result == PIN_REFUSED && refused != ENOMEM)
            break;
    }
    if (got != 0)
        rst_unix_mark_committed(address, got);
    *why = refused == EINVAL ? "this system has no pages of that size"
                             : "the system has no more of them (vm.nr_hugepages)";
    errno = saved;
    return got;
}

bool rst_os_move(void *from, void *to, size_t size)
{
    int saved = errno;
    rst_os_count(move);
    void *p = mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to);
    errno = saved;
    return p == to;
}

/* --- a thread with descriptors of its own ------------------------------------------------------------------------------- */

static _Atomic uint32_t own_descriptors; /* relaxed: written by the thread that it is about */

void rst_unix_set_own_descriptors(uint32_t thread_id)
{
    rst_store_relaxed(&own_descriptors, thread_id);
}

bool rst_unix_own_descriptors(void)
{
    uint32_t thread = rst_load_relaxed(&own_descriptors);
    return thread != 0 && thread == rst_os_thread_id();
}

int rst_unix_fetch_descriptor(int number)
{
    int process = (int)syscall(SYS_pidfd_open, getpid(), 0);
    int fd = process >= 0 ? (int)syscall(SYS_pidfd_getfd, process, number, 0) : -1;
    if (process >= 0)
        rst_unix_close(process);
    return fd;
}

/* --- figures from /proc ------------------------------------------------------------------------------------------ */

size_t rst_unix_read_text(const char *path, char *text, size_t size)
{
    int saved = errno;
    ssize_t length = 0;
    int fd = rst_unix_open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        length = rst_unix_read(fd, text, size - 1);
        rst_unix_close(fd);
    }
    errno = saved;
    text[length > 0 ? length : 0] = '\0';
    return length > 0 ? (size_t)length : 0;
}

size_t rst_unix_number_at(const char *text)
{
    size_t value = 0;
    while (*text == ' ' || *text == '\t')
        text++;
    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (size_t)(*text - '0');
    return value;
}

size_t rst_unix_pages(unsigned field)
{
    char text[128];
    if (rst_unix_read_text("/proc/self/statm", text, sizeof text) == 0)
        return 0;
    const char *at = text;
    while (field != 0 && *at != '\0')
        field -= *at++ == ' ';
    return rst_unix_number_at(at);
}

size_t rst_unix_peak_kib(void)
{
    char text[2048];
    rst_unix_read_text("/proc/self/status", text, sizeof text);
    const char *at = strstr(text, "\nVmHWM:");
    return at != NULL ? rst_unix_number_at(at + sizeof "\nVmHWM:" - 1) : 0;
}

/* --- the process anew ------------------------------------------------------------------------------------------- */

extern const char __ehdr_start[] __attribute__((visibility("hidden"))); /* by the linker: where we are loaded */
extern const char _end[] __attribute__((visibility("hidden")));

bool rst_os_is_ours(const void *address)
{
    return (uintptr_t)address >= (uintptr_t)__ehdr_start && (uintptr_t)address < (uintptr_t)_end;
}

/* The kernel puts the number of arguments, the arguments, NULL, and the environment in one row on the stack. glibc's linker tells where; that
 * is known before libc has its `environ`. */
extern uintptr_t *__libc_stack_end __attribute__((weak));

static char **first_arguments(size_t *count)
{
    if (&__libc_stack_end == NULL || __libc_stack_end == NULL)
        return NULL;
    *count = __libc_stack_end[0];
    return (char **)(__libc_stack_end + 1);
}

char *rst_os_first_environment(const char *name)
{
    size_t count;
    char **arguments = first_arguments(&count);
    return rst_unix_value_of(arguments != NULL ? arguments + count + 1 : NULL, name);
}

void rst_os_begin_anew(void)
{
    size_t count;
    char **arguments = first_arguments(&count);
    const char *program = (const char *)getauxval(AT_EXECFN);
    if (arguments != NULL && program != NULL)
        syscall(SYS_execve, program, arguments, arguments + count + 1);
}

/* --- the process ------------------------------------------------------------------------------------------------- */

uint64_t rst_os_random(void)
{
    uint64_t value = (uintptr_t)&value;
    const uint64_t *seed = (const uint64_t *)getauxval(AT_RANDOM); /* 16 random bytes from the kernel */
    if (seed != NULL)
        value ^= seed[0] * 0x9e3779b97f4a7c15ull ^ seed[1];
    value = (value ^ (value >> 31)) * 0xbf58476d1ce4e5b9ull;
    return value ^ (value >> 29);
}

bool rst_os_secure(void)
{
    return getauxval(AT_SECURE) != 0;
}

uint32_t rst_os_thread_id(void)
{
    return (uint32_t)syscall(SYS_gettid);
}

bool rst_os_thread_gone(uint32_t thread_id)
{
    int saved = errno;
    bool gone = syscall(SYS_tgkill, getpid(), thread_id, 0) != 0 && errno == ESRCH;
    errno = saved;
    return gone;
}

void rst_os_thread_signal(uint32_t thread_id, int number)
{
    int saved = errno;
    syscall(SYS_tgkill, getpid(), thread_id, number);
    errno = saved;
}

void rst_os_wait(void *word, uint32_t expected)
{
    int saved = errno;
    rst_os_count(sleep);
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
    errno = saved;
}

void rst_os_wait_ms(void *word, uint32_t expected, uint32_t ms)
{
    int saved = errno;
    struct timespec most = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    rst_os_count(sleep);
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &most, NULL, 0);
    errno = saved;
}

void rst_os_wake(void *word)
{
    int saved = errno;
    rst_os_count(sleep);
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    errno = saved;
}

/* --- thread exit ------------------------------------------------------------------------------------------------- *
 * First means: the C++ runtime's list of thread-local destructors (glibc). It takes no pthread key, runs before the
 * keys' destructors, and keeps this library loaded until it has run. Second means, for a thread that allocates again
 * after that list has run, and for systems without it: a pthread key, made only when first wanted. */

extern int __cxa_thread_atexit_impl(void (*function)(void *), void *argument, void *dso) __attribute__((weak));
extern void *__dso_handle __attribute__((visibility("hidden")));

static void (*exit_hook)(void); /* fixed before the first thread is armed */
static pthread_key_t exit_key;
static pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;
static _Atomic bool exit_key_made;

static void on_thread_exit(void *unused)
{
    (void)unused;
    exit_hook();
}

static void make_exit_key(void)
{
    rst_store_release(&exit_key_made, pthread_key_create(&exit_key, on_thread_exit) == 0);
}

void rst_os_set_thread_exit(void (*hook)(void))
{
    exit_hook = hook;
}

bool rst_os_arm_thread_exit(bool again)
{
    int saved = errno;
    bool armed = false;
    if (!again && __cxa_thread_atexit_impl != NULL) {
        armed = __cxa_thread_atexit_impl(on_thread_exit, NULL, &__dso_handle) == 0;
    } else {
        pthread_once(&exit_key_once, make_exit_key);
        /* acquire: pairs with make_exit_key, though pthread_once already orders it. */
        armed = rst_load_acquire(&exit_key_made) && pthread_setspecific(exit_key, &exit_key) == 0;
    }
    errno = saved;
    return armed;
}

/* Nothing of ours may be called once the library is gone. */
__attribute__((destructor)) static void drop_exit_key(void)
{
    if (rst_load_acquire(&exit_key_made)) {
        rst_store_release(&exit_key_made, false);
        pthread_key_delete(exit_key);
    }
}
