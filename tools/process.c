/* A live process: memory by process_vm_readv, mappings and threads from /proc, freezing by ptrace.
 * SPDX-License-Identifier: MIT */
#include "cli.h"
#include "target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

enum { FREEZE_ROUNDS = 1000, REFUSALS = 50 };

struct frozen {
    uint32_t thread;
    int signal; /* that was on its way to the thread when it stopped; 0: none */
};

struct process {
    uint64_t start_time;   /* tells a process from a later one with its number */
    int error;             /* errno of the last read that failed */
    struct frozen *frozen; /* threads that are held */
    size_t frozen_count;
    bool refused; /* a thread could not be frozen in this round */
};

static FILE *proc_open(uint32_t pid, const char *name)
{
    char path[96];
    snprintf(path, sizeof path, "/proc/%" PRIu32 "/%s", pid, name);
    return fopen(path, "re");
}

/* A field of /proc/PID/stat, behind the name, which may hold anything. 0: there is no such process. */
enum { STAT_FLAGS = 9, STAT_START = 22 };
static uint64_t stat_field(uint32_t pid, int wanted)
{
    char text[1024];
    uint64_t value = 0;
    FILE *file = proc_open(pid, "stat");
    if (file == NULL)
        return 0;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    const char *at = strrchr(text, ')');
    for (int field = 2; at != NULL && field < wanted; field++)
        at = strchr(at + 1, ' ');
    if (at != NULL)
        value = strtoull(at, NULL, 10);
    return value;
}

static bool process_read(struct target *target, uint64_t address, void *to, size_t size)
{
    struct process *process = target->own;
    char *at = to;
    while (size != 0) {
        struct iovec local = {.iov_base = at, .iov_len = size};
        struct iovec remote = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
        ssize_t got = process_vm_readv((pid_t)target->pid, &local, 1, &remote, 1, 0);
        if (got <= 0) {
            process->error = got == 0 ? EFAULT : errno;
            return false;
        }
        at += got;
        address += (uint64_t)got;
        size -= (size_t)got;
    }
    return true;
}

static int no_permission(uint32_t pid, struct problem *problem)
{
    return problem_set(problem, CLI_NO_PERMISSION,
                       "no permission to read process %" PRIu32 ": run as root or as its user, see ptrace(2)", pid);
}

static int process_why(struct target *target, uint64_t address, struct problem *problem)
{
    struct process *process = target->own;
    if (process->error == EPERM)
        return no_permission(target->pid, problem);
    if (process->error == ESRCH || stat_field(target->pid, STAT_START) != process->start_time)
        return problem_set(problem, CLI_LOST, "process %" PRIu32 " ended while it was read", target->pid);
    return problem_set(problem, CLI_LOST, "%s: its memory at %#" PRIx64 " cannot be read: %s", target->label, address,
                       strerror(process->error));
}

static void process_close(struct target *target)
{
    struct process *process = target->own;
    process_thaw(target);
    free(process->frozen);
    free(process);
}

/* --- opening --------------------------------------------------------------------------------------------------------- */

static bool read_maps(struct target *target)
{
    char *line = NULL;
    size_t capacity = 0;
    bool done = true;
    FILE *file = proc_open(target->pid, "maps");
    if (file == NULL)
        return false;
    while (done && getline(&line, &capacity, file) > 0) {
        struct target_region region = {.start = 0};
        char rights[5] = "";
        int path_at = 0;
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %n", &region.start, &region.end, rights,
                   &region.file_offset, &path_at) < 4)
            continue;
        region.executable = rights[0] != '\0' && strchr(rights, 'x') != NULL;
        line[strcspn(line, "\n")] = '\0';
        if (rights[0] == 'r')
            done = target_add_region(target, region, path_at != 0 && line[path_at] == '/' ? line + path_at : NULL);
    }
    if (ferror(file) != 0)
        done = false;
    free(line);
    fclose(file);
    return done;
}

static void read_name(uint32_t pid, char *name, size_t size)
{
    FILE *file = proc_open(pid, "comm");
    name[0] = '\0';
    if (file == NULL)
        return;
    if (fgets(name, (int)size, file) != NULL)
        name[strcspn(name, "\n")] = '\0';
    fclose(file);
    for (char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    }
}

/* The kernel's own threads have no memory, and a process that is ending has none any more. */
static void no_memory(struct target *target, struct problem *problem)
{
    const uint64_t kernel_thread = 0x00200000; /* PF_KTHREAD */
    if ((stat_field(target->pid, STAT_FLAGS) & kernel_thread) != 0)
        problem_set(problem, CLI_NO_ROOST, "%s has no memory of its own: it is the kernel's", target->label);
    else
        problem_set(problem, CLI_LOST, "%s has ended", target->label);
}

int process_open(struct target *target, uint32_t pid, struct problem *problem)
{
    struct process *process = calloc(1, sizeof *process);
    if (process == NULL)
        return problem_set(problem, CLI_FAILED, "out of memory");
    *target =
        (struct target){.pid = pid, .own = process, .read = process_read, .close = process_close, .why = process_why};
    snprintf(target->label, sizeof target->label, "process %" PRIu32, pid);
    process->start_time = pid == 0 ? 0 : stat_field(pid, STAT_START);
    if (process->start_time == 0) {
        problem_set(problem, CLI_NO_TARGET,
                    access("/proc/self/stat", R_OK) == 0 ? "there is no process %" PRIu32
                                                         : "process %" PRIu32
                                                           " cannot be looked up: /proc is not there",
                    pid);
    } else {
        read_name(pid, target->program, sizeof target->program);
        snprintf(target->label, sizeof target->label, "process %" PRIu32 " (%s)", pid, target->program);
        if (!read_maps(target)) {
            if (errno == EACCES || errno == EPERM)
                no_permission(pid, problem);
            else
                problem_set(problem, CLI_LOST, "the mappings of %s cannot be read: %s", target->label, strerror(errno));
        } else if (target->region_count == 0) {
            no_memory(target, problem);
        }
    }
    if (problem->code != CLI_OK)
        target_close(target);
    return problem->code;
}

/* --- threads --------------------------------------------------------------------------------------------------------- */

/* The number by which the process itself knows a thread: the last of NSpid, in the innermost PID namespace. */
static uint32_t inner_id(uint32_t pid, uint32_t tid)
{
    char name[64], line[512];
    uint32_t inner = tid;
    snprintf(name, sizeof name, "task/%" PRIu32 "/status", tid);
    FILE *file = proc_open(pid, name);
    if (file == NULL)
        return tid;
    while (fgets(line, sizeof line, file) != NULL) {
        char *last = strncmp(line, "NSpid:", 6) == 0 ? strrchr(line, '\t') : NULL;
        if (last != NULL)
            inner = (uint32_t)strtoul(last + 1, NULL, 10);
    }
    fclose(file);
    return inner;
}

/* Where a thread that does not run stands: the last two numbers of /proc/PID/task/TID/syscall. */
static void thread_place(uint32_t pid, struct target_thread *thread)
{
    char name[64], line[512];
    snprintf(name, sizeof name, "task/%" PRIu32 "/syscall", thread->outer_id);
    FILE *file = proc_open(pid, name);
    if (file == NULL)
        return;
    char *last = fgets(line, sizeof line, file) != NULL ? strrchr(line, ' ') : NULL;
    if (last != NULL) {
        thread->pc = strtoull(last, NULL, 16);
        *last = '\0';
        last = strrchr(line, ' ');
        thread->sp = last != NULL ? strtoull(last, NULL, 16) : 0;
    }
    fclose(file);
}

static uint64_t thread_cpu(uint32_t pid, uint32_t tid)
{
    char name[64];
    uint64_t ns = 0;
    snprintf(name, sizeof name, "task/%" PRIu32 "/schedstat", tid);
    FILE *file = proc_open(pid, name);
    if (file == NULL)
        return 0;
    if (fscanf(file, "%" SCNu64, &ns) != 1)
        ns = 0;
    fclose(file);
    return ns;
}

/* Call `each` with every thread's number; false as soon as it says so, or when there is no such process. */
static bool for_threads(uint32_t pid, bool (*each)(struct target *, uint32_t), struct target *target)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%" PRIu32 "/task", pid);
    DIR *directory = opendir(path);
    const struct dirent *entry;
    bool going = directory != NULL;
    while (going && (entry = readdir(directory)) != NULL) {
        uint32_t tid = (uint32_t)strtoul(entry->d_name, NULL, 10);
        if (tid != 0)
            going = each(target, tid);
    }
    if (directory != NULL)
        closedir(directory);
    return going;
}

static bool find_thread(struct target *target, uint32_t tid)
{
    struct target_thread thread = {
        .outer_id = tid, .id = inner_id(target->pid, tid), .cpu_ns = thread_cpu(target->pid, tid)};
    char name[64];
    thread_place(target->pid, &thread);
    snprintf(name, sizeof name, "task/%" PRIu32 "/comm", tid);
    FILE *file = proc_open(target->pid, name);
    if (file != NULL) {
        if (fgets(thread.name, sizeof thread.name, file) != NULL)
            thread.name[strcspn(thread.name, "\n")] = '\0';
        fclose(file);
    }
    return target_add_thread(target, thread);
}

void process_find_threads(struct target *target)
{
    free(target->threads);
    target->threads = NULL;
    target->thread_count = 0;
    for_threads(target->pid, find_thread, target);
}

/* --- freezing -------------------------------------------------------------------------------------------------------- */

static bool is_frozen(const struct process *process, uint32_t tid)
{
    for (size_t i = 0; i < process->frozen_count; i++) {
        if (process->frozen[i].thread == tid)
            return true;
    }
    return false;
}

/* True when the thread stands still, or has ended. */
static bool freeze_thread(struct target *target, uint32_t tid)
{
    struct process *process = target->own;
    int status;
    if (is_frozen(process, tid))
        return true;
    struct frozen *frozen = realloc(process->frozen, (process->frozen_count + 1) * sizeof *frozen);
    if (frozen == NULL) {
        process->error = ENOMEM;
        return false;
    }
    process->frozen = frozen;
    if (ptrace(PTRACE_SEIZE, (pid_t)tid, NULL, NULL) != 0 || ptrace(PTRACE_INTERRUPT, (pid_t)tid, NULL, NULL) != 0 ||
        waitpid((pid_t)tid, &status, __WALL) < 0) {
        process->error = errno;
        process->refused |= errno == EPERM;
        return errno == ESRCH || errno == EPERM;
    }
    if (!WIFSTOPPED(status))
        return true;
    /* A signal may have come first; it is passed on when the thread goes on, or it would be lost. */
    frozen[process->frozen_count++] =
        (struct frozen){.thread = tid, .signal = status >> 16 == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(status)};
    return true;
}

/* Rounds, until one finds no thread that is not held: threads are started meanwhile. One that is just ending is refused (EPERM) like one
 * that a debugger has, but is soon gone. */
int process_freeze(struct target *target, struct problem *problem)
{
    struct process *process = target->own;
    const struct timespec pause = {.tv_nsec = 1000000};
    size_t before = 0;
    int refusals = 0;
    bool all = true;
    for (int rounds = 0; all && rounds < FREEZE_ROUNDS && refusals < REFUSALS; rounds++) {
        before = process->frozen_count;
        process->refused = false;
        all = for_threads(target->pid, freeze_thread, target);
        if (!process->refused && process->frozen_count == before)
            break;
        if (process->refused) {
            refusals++;
            nanosleep(&pause, NULL);
        }
    }
    if (!all || process->refused || process->frozen_count != before) {
        int error = process->error;
        process_thaw(target);
        return problem_set(problem, error == EPERM ? CLI_NO_PERMISSION : CLI_LOST, "%s cannot be frozen: %s",
                           target->label, error == EPERM ? "no permission, or a debugger has it" : strerror(error));
    }
    target->still = true;
    return CLI_OK;
}

void process_thaw(struct target *target)
{
    struct process *process = target->own;
    for (size_t i = 0; i < process->frozen_count; i++)
        ptrace(PTRACE_DETACH, (pid_t)process->frozen[i].thread, NULL, (void *)(intptr_t)process->frozen[i].signal);
    process->frozen_count = 0;
    target->still = false;
}
