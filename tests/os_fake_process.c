/* The OS contract in memory, what is not memory: clock, environment, standard error, hooks. See os_fake.h.
 * SPDX-License-Identifier: MIT */
#include "os_fake.h"

#include "os/os.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { VARIABLES_MAX = 32 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char errors[1 << 14]; /* [under lock] */
static size_t errors_used;   /* [under lock] */

static struct {
    const char *name, *value;
} variables[VARIABLES_MAX];
static _Atomic uint64_t clock_ms = 1000;
static void (*on_clock)(void); /* [the test's thread] */
static _Atomic size_t physical_memory;
static _Atomic size_t address_space = SIZE_MAX;
static _Atomic unsigned memory_looks;
static void (*exit_hook)(void);
static pthread_key_t exit_key;
static const char *file_path, *file_content;
static bool secure;

size_t rst_os_physical_memory(void)
{
    return physical_memory;
}

size_t rst_os_address_space_left(void)
{
    return address_space;
}

__attribute__((no_sanitize("thread"), noinline)) void rst_os_snapshot(void *to, const void *from, size_t size)
{
    if ((uintptr_t)from % 8 != 0 || size % 8 != 0)
        abort();
    uint64_t *out = to;
    const volatile uint64_t *in = from;
    for (size_t i = 0; i < size / 8; i++)
        out[i] = in[i];
}

bool rst_os_see_through(void)
{
    return true;
}

uint64_t rst_os_clock_ms(void)
{
    void (*call)(void) = on_clock;
    if (call != NULL) {
        on_clock = NULL;
        call();
    }
    return clock_ms;
}

uint64_t rst_os_clock_us(void)
{
    return clock_ms * 1000;
}

void rst_os_faults(uint64_t *minor, uint64_t *major)
{
    *minor = *major = 0;
}

uint64_t rst_os_random(void)
{
    return 0x9e3779b97f4a7c15ull;
}

static rst_os_memory memory_left = {SIZE_MAX, SIZE_MAX, SIZE_MAX};

rst_os_memory rst_os_memory_left(void)
{
    memory_looks++;
    return memory_left;
}

#ifdef _WIN32
#define roost_default_options NULL /* nothing can be bound weakly */
#else
extern const char roost_default_options[] __attribute__((weak));
#endif

const char *rst_os_default_options(void)
{
    return roost_default_options;
}

bool rst_os_environment_ready(void)
{
    return true;
}

const char *rst_os_environment(const char *name)
{
    for (unsigned i = 0; i < VARIABLES_MAX && variables[i].name != NULL; i++) {
        if (strcmp(variables[i].name, name) == 0)
            return variables[i].value;
    }
    return NULL;
}

const char *rst_os_environment_entry(size_t n)
{
    static char entry[6000];
    for (unsigned i = 0; i < VARIABLES_MAX && variables[i].name != NULL; i++) {
        if (variables[i].value == NULL || n-- != 0)
            continue;
        snprintf(entry, sizeof entry, "%s=%s", variables[i].name, variables[i].value);
        return entry;
    }
    return NULL;
}

bool rst_os_secure(void)
{
    return secure;
}

size_t rst_os_read_file(const char *path, char *out, size_t size)
{
    if (file_path == NULL || strcmp(path, file_path) != 0)
        return SIZE_MAX;
    snprintf(out, size, "%s", file_content);
    return strlen(out);
}

void rst_os_write_error(const char *text, size_t length)
{
    pthread_mutex_lock(&lock);
    length = rst_min(length, sizeof errors - 1 - errors_used);
    memcpy(errors + errors_used, text, length);
    errors_used += length;
    errors[errors_used] = '\0';
    pthread_mutex_unlock(&lock);
}

bool rst_os_write(int fd, const char *text, size_t length)
{
    return write(fd, text, length) == (ssize_t)length;
}

void rst_os_keep_error_output(void)
{
}

_Noreturn void rst_os_abort(void)
{
    fprintf(stderr, "%s", errors);
    abort();
}

uint32_t rst_os_process_id(void)
{
    return (uint32_t)getpid();
}

uint32_t rst_os_thread_id(void)
{
    return (uint32_t)syscall(SYS_gettid);
}

size_t rst_os_resident(void)
{
    size_t bytes = 0, size;
    void *address;
    for (unsigned i = 0; fake_reservation(i, &address, &size); i++)
        bytes += fake_resident(address, size);
    return bytes;
}

size_t rst_os_peak_resident(void)
{
    return rst_os_resident();
}

rst_os_place rst_os_place_of(const void *address, char *name, size_t size)
{
    (void)address;
    (void)size;
    name[0] = '\0';
    return RST_OS_PLACE_UNKNOWN;
}

bool rst_os_is_ours(const void *address)
{
    (void)address;
    return true;
}

char *rst_os_first_environment(const char *name)
{
    (void)name;
    return NULL;
}

void rst_os_begin_anew(void)
{
}

static _Atomic unsigned thread_looks;

bool rst_os_thread_gone(uint32_t thread_id)
{
    (void)thread_id;
    thread_looks++;
    return false;
}

unsigned fake_thread_looks(void)
{
    return thread_looks;
}

void rst_os_wait(void *word, uint32_t expected)
{
    (void)word;
    (void)expected;
    sched_yield(); /* "may return early" */
}

void rst_os_wait_ms(void *word, uint32_t expected, uint32_t ms)
{
    (void)ms;
    rst_os_wait(word, expected);
}

void rst_os_pressure_prepare(void)
{
}

bool rst_os_pressure_watch(bool say)
{
    (void)say;
    return false;
}

bool rst_os_pressure_heard(void)
{
    return false;
}

void rst_os_pressure_forget(void)
{
}

static pthread_t own_thread;
static void (*own_body)(void);

static void *own_main(void *unused)
{
    own_body();
    return unused;
}

bool rst_os_thread_start(rst_os_thread which, void (*body)(void), const char *name)
{
    (void)name, (void)which;
    own_body = body;
    return pthread_create(&own_thread, NULL, own_main, NULL) == 0;
}

void rst_os_thread_join(rst_os_thread which)
{
    (void)which;
    pthread_join(own_thread, NULL);
}

uint64_t rst_os_thread_cpu_us(void)
{
    return 0;
}

void rst_os_wake(void *word)
{
    (void)word;
}

static void on_exit_key(void *unused)
{
    (void)unused;
    exit_hook();
}

void rst_os_set_thread_exit(void (*hook)(void))
{
    exit_hook = hook;
    if (pthread_key_create(&exit_key, on_exit_key) != 0)
        abort();
}

bool rst_os_arm_thread_exit(bool again)
{
    (void)again;
    return pthread_setspecific(exit_key, &exit_key) == 0;
}

bool rst_os_single_threaded(void)
{
    return false;
}

bool rst_os_several_threads(void)
{
    return false;
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
    (void)before, (void)parent, (void)child; /* a macro that drops them, where there is no fork */
    return pthread_atfork(before, parent, child) == 0;
}

/* --- what a test asks --------------------------------------------------------------------------------------------- */

void fake_at_clock(void (*call)(void))
{
    on_clock = call;
}

void fake_clock_set(uint64_t ms)
{
    clock_ms = ms;
}

void fake_set_limits(size_t physical, size_t address_space_left)
{
    physical_memory = physical;
    address_space = address_space_left;
}

void fake_memory_set(size_t least, size_t limit, size_t room)
{
    memory_left = (rst_os_memory){least, limit, room};
}

unsigned fake_memory_looks(void)
{
    return memory_looks;
}

void fake_environment(const char *name, const char *value)
{
    unsigned i = 0;
    while (variables[i].name != NULL && strcmp(variables[i].name, name) != 0)
        i++;
    if (i >= VARIABLES_MAX - 1)
        abort();
    variables[i].name = name;
    variables[i].value = value;
}

void fake_environment_clear(void)
{
    for (unsigned i = 0; i < VARIABLES_MAX; i++)
        variables[i].name = variables[i].value = NULL;
}

void fake_file(const char *path, const char *content)
{
    file_path = path;
    file_content = content;
}

void fake_secure(bool yes)
{
    secure = yes;
}

const char *fake_errors(void)
{
    return errors;
}

void fake_errors_clear(void)
{
    errors_used = 0;
    errors[0] = '\0';
}

void (*fake_thread_exit_hook(void))(void)
{
    return exit_hook;
}
