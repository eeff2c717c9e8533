/* What os_unix.c asks of the system beside it (os_linux.c). All keep errno-insensitive callers in mind: they may set
 * it. SPDX-License-Identifier: MIT */
#ifndef RST_OS_OS_UNIX_H
#define RST_OS_OS_UNIX_H

#include "os/base.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* open, read, write and close by the system calls themselves. libc's are points where a cancelled thread ends, and malloc is none. And sanitizers
 * believe that all threads have the same descriptors, but one of ours has its own. */
static inline int rst_unix_create(const char *path, int flags, unsigned mode)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static inline int rst_unix_open(const char *path, int flags)
{
    return rst_unix_create(path, flags, 0);
}

static inline ssize_t rst_unix_read(int fd, void *to, size_t size)
{
    return (ssize_t)syscall(SYS_read, fd, to, size);
}

static inline ssize_t rst_unix_write(int fd, const void *from, size_t size)
{
    return (ssize_t)syscall(SYS_write, fd, from, size);
}

static inline bool rst_unix_close(int fd)
{
    return syscall(SYS_close, fd) == 0;
}

/* Pages of the process: 0 mapped, 1 resident. 0 where it cannot be read. */
size_t rst_unix_pages(unsigned field);

/* The most that was resident since the program started, KiB; 0 where it cannot be read. */
size_t rst_unix_peak_kib(void);

/* The beginning of a file, terminated; returns its length, 0 also where it cannot be read. */
size_t rst_unix_read_text(const char *path, char *text, size_t size);

/* The decimal number that begins at `text`, after blanks. */
size_t rst_unix_number_at(const char *text);

/* The value of NAME=value among entries that end with NULL; NULL: not there, or `entries` is NULL. */
static inline char *rst_unix_value_of(char **entries, const char *name)
{
    for (; entries != NULL && *entries != NULL; entries++) {
        size_t i = 0;
        while (name[i] != '\0' && (*entries)[i] == name[i])
            i++;
        if (name[i] == '\0' && (*entries)[i] == '=')
            return *entries + i + 1;
    }
    return NULL;
}

/* What stands before "/proc" and "/sys": "", or a directory of a test's. */
extern RST_HIDDEN const char *rst_unix_root;

/* Which thread has a table of descriptors of its own; whether the calling one has; and how it gets at one of the program's: a duplicate, -1 if that
 * cannot be had. */
void rst_unix_set_own_descriptors(uint32_t thread_id); /* 0: none */
bool rst_unix_own_descriptors(void);
int rst_unix_fetch_descriptor(int number);

/* The directory of the process's control group in the hierarchy of version 2; NULL: none, or the root of all. One call at a time, and not
 * beside rst_os_memory_left. */
const char *rst_unix_group_directory(void);

/* Tell the system what a fresh reservation is: its name, and that core dumps leave it out. */
void rst_unix_mark_reserved(void *address, size_t size);

/* The same for memory that is in use from now on: core dumps take it. */
void rst_unix_mark_committed(void *address, size_t size);

/* Name a mapping, so that it can merge with its named neighbours. */
void rst_unix_mark_named(void *address, size_t size);

#endif
