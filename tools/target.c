/* See target.h. SPDX-License-Identifier: MIT */
#include "target.h"

#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* A decimal number and nothing else. */
static bool is_pid(const char *word, uint32_t *pid)
{
    uint64_t value = 0;
    if (*word == '\0')
        return false;
    for (; *word >= '0' && *word <= '9' && value <= INT32_MAX; word++)
        value = value * 10 + (uint64_t)(*word - '0');
    *pid = (uint32_t)value;
    return *word == '\0' && value <= INT32_MAX;
}

int target_open(struct target *target, const char *word, bool freeze, struct problem *problem)
{
    uint32_t pid;
    *target = (struct target){.is_core = false};
    if (!is_pid(word, &pid))
        return core_open(target, word, problem);
    int code = process_open(target, pid, problem);
    if (code == CLI_OK && freeze) {
        code = process_freeze(target, problem);
        if (code != CLI_OK)
            target_close(target);
    }
    return code;
}

void target_close(struct target *target)
{
    if (target->close != NULL)
        target->close(target);
    for (size_t i = 0; i < target->region_count; i++)
        free(target->regions[i].path);
    free(target->regions);
    free(target->threads);
    *target = (struct target){.is_core = false};
}

/* Room for one more element of an array that grows by doubling. */
static void *grown(void *array, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return array;
    return realloc(array, (count == 0 ? 1 : count * 2) * size);
}

bool target_add_region(struct target *target, struct target_region region, const char *path)
{
    struct target_region *regions = grown(target->regions, target->region_count, sizeof *regions);
    if (regions == NULL)
        return false;
    target->regions = regions;
    region.path = path != NULL ? strdup(path) : NULL;
    if (path != NULL && region.path == NULL)
        return false;
    regions[target->region_count++] = region;
    return true;
}

bool target_add_thread(struct target *target, struct target_thread thread)
{
    struct target_thread *threads = grown(target->threads, target->thread_count, sizeof *threads);
    if (threads == NULL)
        return false;
    target->threads = threads;
    threads[target->thread_count++] = thread;
    return true;
}
