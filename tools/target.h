/* What is looked at: a live process or a core file, as memory that can be read, its mappings and its threads.
 * Everything that comes from it is to be doubted. SPDX-License-Identifier: MIT */
#ifndef ROOST_TOOLS_TARGET_H
#define ROOST_TOOLS_TARGET_H

#include "problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct target_region {
    uint64_t start, end;
    uint64_t file_offset;
    bool executable;
    char *path; /* of the file, or NULL */
};

struct target_thread {
    uint32_t id;       /* as the process itself knows it */
    uint32_t outer_id; /* as this command's PID namespace knows it */
    uint64_t pc;       /* where it stands; 0: not known */
    uint64_t sp;       /* its stack pointer; 0: not known */
    uint64_t cpu_ns;   /* processor time it has used; 0: not known */
    char name[16];     /* empty: not known */
};

struct target {
    char label[300];  /* "process 123 (redis-server)" or the core's path */
    char program[64]; /* its name, or empty */
    bool is_core;
    bool cut;     /* a core file that ends before what it should have */
    bool still;   /* nothing changes while it is read: a core, or frozen */
    uint32_t pid; /* 0: not known */
    struct target_region *regions;
    size_t region_count;
    struct target_thread *threads; /* those that could be found; only what target_find_threads() was asked for */
    size_t thread_count;
    /* Copy memory; false: not all of it can be read. */
    bool (*read)(struct target *target, uint64_t address, void *to, size_t size);
    void (*close)(struct target *target);
    /* What a read that failed means, as one line. */
    int (*why)(struct target *target, uint64_t address, struct problem *problem);
    void *own; /* the reader's */
};

/* Open what a user named: a number is a process, everything else the path of a core file. Returns CLI_OK or an exit code, the cause
 * in *problem; then nothing is open. `freeze` stops a live process until target_close(), or the end of this command. */
int target_open(struct target *target, const char *word, bool freeze, struct problem *problem);
void target_close(struct target *target);

/* --- for the readers themselves ---------------------------------------------------------------------------------------------------- */

int process_open(struct target *target, uint32_t pid, struct problem *problem);
/* Stop all threads by ptrace: the kernel lets them go on when this command ends, in whatever way. */
int process_freeze(struct target *target, struct problem *problem);
void process_thaw(struct target *target);
/* Threads of a live process with their names and, as far as the system tells, where they stand. */
void process_find_threads(struct target *target);

int core_open(struct target *target, const char *path, struct problem *problem);
/* The same with the file's bytes in memory, for tests. */
int core_open_bytes(struct target *target, const void *bytes, size_t size, struct problem *problem);

/* Append a region; false: out of memory. `path` is copied, may be NULL. */
bool target_add_region(struct target *target, struct target_region region, const char *path);
bool target_add_thread(struct target *target, struct target_thread thread);

#endif
