/* The OS contract: how much memory the process's control group leaves it, by version 2 (memory.max, memory.high) and version 1
 * (memory.limit_in_bytes). The group is looked for where systemd and container engines mount the hierarchies; limits of the
 * groups above it hold as well. What is absent or may not be read sets no limit. SPDX-License-Identifier: MIT */
#include "os/fmt.h"
#include "os/os.h"
#include "os/os_unix.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 512, FILE_BYTES = 48, TEXT_BYTES = 4096, LOOKS_BEFORE_LOCATED_ANEW = 64 };

/* What version 1 answers for "no limit" is somewhat below 2^63. */
#define NO_LIMIT ((size_t)1 << 60)

typedef struct group_version {
    const char *mounts[2];   /* where it may be mounted */
    const char *controllers; /* in /proc/self/cgroup: "" for version 2 */
    const char *limits[2];
    const char *usage;
    const char *droppable; /* in memory.stat: page cache that was not used lately */
} group_version;

static const group_version versions[] = {
    {{"/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory"},
     "memory",
     {"memory.limit_in_bytes", NULL},
     "memory.usage_in_bytes",
     "\ntotal_inactive_file "},
    {{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"},
     "",
     {"memory.max", "memory.high"},
     "memory.current",
     "\ninactive_file "},
};

const char *rst_unix_root = "";

/* All of this: one call at a time. Not on the stack, which may be small. */
static const group_version *version; /* NULL: no group */
static char directory[PATH_BYTES];   /* of the group, then cut to those above it; never ends with a slash */
static size_t directory_length;      /* of the group's */
static size_t mount_length;          /* of the mount point in it */
static unsigned looks_left;          /* before the group is looked for again: it may have been moved */
static char file[PATH_BYTES + FILE_BYTES];
static char text[TEXT_BYTES];

/* --- finding the group ------------------------------------------------------------------------------------------------- */

/* Whether `name` is in a list separated by commas that ends at `end`. An empty list is only that of version 2. */
static bool list_has(const char *list, const char *end, const char *name)
{
    size_t length = strlen(name);
    while (list < end) {
        const char *comma = memchr(list, ',', (size_t)(end - list));
        const char *stop = comma != NULL ? comma : end;
        if ((size_t)(stop - list) == length && memcmp(list, name, length) == 0)
            return true;
        list = stop + 1;
    }
    return length == 0 && list == end;
}

/* The group's path in the text of /proc/self/cgroup ("ID:controllers:path" in each line), cut out there; NULL: none. */
static char *path_of(const group_version *v)
{
    for (char *line = text; *line != '\0';) {
        char *end = strchr(line, '\n');
        char *list = strchr(line, ':');
        char *path = list != NULL ? strchr(list + 1, ':') : NULL;
        if (end == NULL)
            return NULL;
        if (path != NULL && path < end && path[1] == '/' && list_has(list + 1, path, v->controllers)) {
            *end = '\0';
            return path + 1;
        }
        line = end + 1;
    }
    return NULL;
}

/* Whether a directory is that of a group. */
static bool is_group(const char *mount, const char *path)
{
    size_t length = rst_fmt(directory, sizeof directory, "%s%s%s", rst_unix_root, mount, path);
    rst_fmt(file, sizeof file, "%s/cgroup.procs", directory);
    directory_length = length;
    mount_length = strlen(rst_unix_root) + strlen(mount);
    return length < sizeof directory - 1 && access(file, F_OK) == 0;
}

/* Inside a container the path may be that of the whole system, of which only the last part, or nothing, is to be seen. */
static bool group_found(const char *mount, const char *path)
{
    for (; path != NULL && path[1] != '\0'; path = strchr(path + 1, '/')) {
        if (is_group(mount, path))
            return true;
    }
    return is_group(mount, "");
}

static bool mounted(const group_version *v, const char *path)
{
    for (unsigned i = 0; i < 2; i++) {
        if (group_found(v->mounts[i], path))
            return true;
    }
    return false;
}

static void read_own_groups(void)
{
    rst_fmt(file, sizeof file, "%s/proc/self/cgroup", rst_unix_root);
    rst_unix_read_text(file, text, sizeof text);
}

/* The memory controller is with one version; the other may be mounted beside it, without it. */
static void locate(void)
{
    version = NULL;
    looks_left = LOOKS_BEFORE_LOCATED_ANEW;
    for (unsigned i = 0; i < sizeof versions / sizeof versions[0] && version == NULL; i++) {
        read_own_groups();
        const char *path = path_of(&versions[i]);
        if (path != NULL && mounted(&versions[i], path))
            version = &versions[i];
    }
}

const char *rst_unix_group_directory(void)
{
    const group_version *second = &versions[1];
    looks_left = 0; /* the buffers are shared */
    read_own_groups();
    const char *path = path_of(second);
    if (path == NULL || !mounted(second, path))
        return NULL;
    rst_fmt(file, sizeof file, "%s/cgroup.type", directory); /* which the root of all has not */
    return access(file, F_OK) == 0 ? directory : NULL;
}

/* --- its limits ---------------------------------------------------------------------------------------------------------- */

/* Read a file of the directory; its length. */
static size_t read_file(const char *name)
{
    rst_fmt(file, sizeof file, "%s/%s", directory, name);
    return rst_unix_read_text(file, text, sizeof text);
}

/* The number in a file of the directory; SIZE_MAX: none, "max", or one that means no limit. */
static size_t number_in(const char *name)
{
    if (name == NULL || read_file(name) == 0 || text[0] < '0' || text[0] > '9')
        return SIZE_MAX;
    size_t number = rst_unix_number_at(text);
    return number < NO_LIMIT ? number : SIZE_MAX;
}

/* What the group uses without the page cache that the system drops first. */
static size_t used_in_earnest(size_t usage)
{
    const char *at = read_file("memory.stat") != 0 ? strstr(text, version->droppable) : NULL;
    size_t droppable = at != NULL ? rst_unix_number_at(at + strlen(version->droppable)) : 0;
    return usage - rst_min(usage, droppable);
}

/* Take the group in `directory` into account. */
static void look_at_group(rst_os_memory *memory)
{
    size_t limit = rst_min(number_in(version->limits[0]), number_in(version->limits[1]));
    memory->least = rst_min(memory->least, limit);
    size_t usage = limit != SIZE_MAX ? number_in(version->usage) : SIZE_MAX;
    if (usage == SIZE_MAX)
        return;
    if (usage > limit / 4 * 3)
        usage = used_in_earnest(usage);
    size_t room = limit - rst_min(limit, usage);
    if (memory->limit == SIZE_MAX || room < memory->room) {
        memory->limit = limit;
        memory->room = room;
    }
}

/* From the group up to the mount point. */
static void look_at_groups(rst_os_memory *memory)
{
    static char below[PATH_BYTES];
    memcpy(below, directory, directory_length + 1);
    for (size_t length = directory_length; length >= mount_length; length--) {
        if (length == directory_length || below[length] == '/') {
            directory[length] = '\0';
            look_at_group(memory);
        }
    }
    memcpy(directory, below, directory_length + 1);
}

rst_os_memory rst_os_memory_left(void)
{
    int saved = errno;
    rst_os_memory memory = {.least = SIZE_MAX, .limit = SIZE_MAX, .room = SIZE_MAX};
    if (looks_left == 0)
        locate();
    looks_left--;
    if (version != NULL)
        look_at_groups(&memory);
    size_t physical = rst_os_physical_memory();
    if (physical != 0)
        memory.least = rst_min(memory.least, physical);
    errno = saved;
    return memory;
}
