/* Finding libroost.so: one the user names must be good; else the first place that has one is taken.
 * SPDX-License-Identifier: MIT */
#include "library.h"

#include "cli.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first is what an installation without development files has. */
static const char *const file_names[] = {"libroost.so.0", "libroost.so"};
enum { FILE_NAMES = sizeof file_names / sizeof file_names[0] };

/* NULL when `path` is a shared library for this machine, else what is wrong with it. */
static const char *library_problem(const char *path)
{
    Elf64_Ehdr header;
    struct stat status;
    if (stat(path, &status) != 0)
        return strerror(errno);
    if (!S_ISREG(status.st_mode))
        return "not a file";
    FILE *file = fopen(path, "rb");
    if (!file)
        return strerror(errno);
    size_t got = fread(&header, sizeof header, 1, file);
    fclose(file);
    if (got != 1 || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_type != ET_DYN)
        return "not a shared library";
    if (header.e_ident[EI_CLASS] != ELFCLASS64)
        return "not a 64-bit library";
    return NULL;
}

/* Make `path` absolute, and see that LD_PRELOAD can hold it: it has no way to quote its separators. */
static int library_take(const char *found, char path[PATH_MAX])
{
    const char *problem = library_problem(found);
    if (problem)
        return cli_error(CLI_NOT_FOUND, "cannot use the library %s: %s", found, problem);
    if (!realpath(found, path))
        return cli_error(CLI_NOT_FOUND, "cannot use the library %s: %s", found, strerror(errno));
    if (strpbrk(path, ": \t\n"))
        return cli_error(CLI_NOT_FOUND, "cannot preload %s: its path has a blank or a colon", path);
    return CLI_OK;
}

/* The directory of this command, or an empty string. /proc may be absent; then the kernel's note of the path that
 * was executed serves, which is relative when the command was. */
static void own_directory(char directory[PATH_MAX])
{
    directory[0] = '\0';
    ssize_t length = readlink("/proc/self/exe", directory, PATH_MAX - 1);
    if (length > 0) {
        directory[length] = '\0';
    } else {
        const char *executed = (const char *)getauxval(AT_EXECFN);
        if (!executed || !realpath(executed, directory))
            directory[0] = '\0';
    }
    char *slash = strrchr(directory, '/');
    if (slash)
        *slash = '\0';
}

/* The library in one directory, if there is one. */
static int try_directory(const char *base, const char *below, char found[PATH_MAX])
{
    for (int i = 0; i < FILE_NAMES; i++) {
        int length = snprintf(found, PATH_MAX, "%s%s/%s", base, below, file_names[i]);
        if (length > 0 && length < PATH_MAX && access(found, F_OK) == 0)
            return 1;
    }
    return 0;
}

int library_find(const char *wanted, char path[PATH_MAX])
{
    char found[PATH_MAX];
    char beside[PATH_MAX];
    if (!wanted)
        wanted = getenv("ROOST_LIBRARY");
    if (wanted)
        return library_take(wanted, path);
    own_directory(beside);
    if (beside[0] != '\0' &&
        (try_directory(beside, "", found) || try_directory(beside, "/../lib/" ROOST_MULTIARCH, found) ||
         try_directory(beside, "/../lib", found) || try_directory(beside, "/../lib64", found)))
        return library_take(found, path);
    if (try_directory(ROOST_INSTALL_LIBDIR, "", found))
        return library_take(found, path);
    return cli_error(CLI_NOT_FOUND, "libroost.so is not in %s, ../lib or %s; name it by --lib or ROOST_LIBRARY",
                     beside[0] ? beside : "the command's directory", ROOST_INSTALL_LIBDIR);
}
