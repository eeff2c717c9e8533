/* The OS contract: threads: one of our own, and what others write. SPDX-License-Identifier: MIT */
#include "os/os.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { STACK_BYTES = 256 * 1024 }; /* static TLS of the whole program lies in it too */

typedef struct own_thread {
    pthread_t thread;
    void (*body)(void);
    const char *name;
} own_thread;

static own_thread threads[RST_THREADS]; /* [who starts it] of the last start of each */

static void *thread_main(void *argument)
{
    const own_thread *self = argument;
    prctl(PR_SET_NAME, self->name, 0, 0, 0);
    self->body();
    return NULL;
}

static bool start_with(own_thread *own, pthread_attr_t *attributes)
{
    /* pthread_sigmask leaves out the signals that libc itself needs, for setuid for one. */
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return false;
    bool started = pthread_create(&own->thread, attributes, thread_main, own) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

bool rst_os_thread_start(rst_os_thread which, void (*body)(void), const char *name)
{
    pthread_attr_t attributes;
    struct sched_param priority = {.sched_priority = 0};
    own_thread *own = &threads[which];
    own->body = body;
    own->name = name;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    bool started = pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0 &&
                   pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED) == 0 &&
                   pthread_attr_setschedpolicy(&attributes, SCHED_OTHER) == 0 &&
                   pthread_attr_setschedparam(&attributes, &priority) == 0 && start_with(own, &attributes);
    pthread_attr_destroy(&attributes);
    return started || start_with(own, NULL); /* a program with very much static TLS needs the default stack */
}

void rst_os_thread_join(rst_os_thread which)
{
    pthread_join(threads[which].thread, NULL);
}

uint64_t rst_os_thread_cpu_us(void)
{
    struct timespec used;
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) != 0)
        return 0;
    return (uint64_t)used.tv_sec * 1000000u + (uint64_t)used.tv_nsec / 1000u;
}

/* --- other threads' stores ------------------------------------------------------------------------------------------------------- */

#if defined(__x86_64__)
bool rst_os_see_through(void)
{
    return true; /* stores are seen in the order in which they were made */
}
#else
/* From <linux/membarrier.h>, which older systems lack. */
enum { MEMBARRIER_PRIVATE_EXPEDITED = 1 << 3, MEMBARRIER_REGISTER_PRIVATE_EXPEDITED = 1 << 4 };

bool rst_os_see_through(void)
{
    int saved = errno;
    bool done = syscall(SYS_membarrier, MEMBARRIER_PRIVATE_EXPEDITED, 0) == 0;
    if (!done && errno == EPERM) /* not registered yet */
        done = syscall(SYS_membarrier, MEMBARRIER_REGISTER_PRIVATE_EXPEDITED, 0) == 0 &&
               syscall(SYS_membarrier, MEMBARRIER_PRIVATE_EXPEDITED, 0) == 0;
    errno = saved;
    return done;
}
#endif
