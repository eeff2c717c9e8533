/* Three parts of one story, by -DPART: 1 a plugin that hands out and takes blocks; 2 a library that opens the plugin with RTLD_DEEPBIND and
 * finds it by its own RUNPATH alone; 3 the program, which is linked with 2. Compiled by ../deepbind.sh. SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 20000 };

#if PART == 1

void *plugin_make(size_t size)
{
    char *block = malloc(size);
    memset(block, 1, size);
    return block;
}

void plugin_end(void *block)
{
    free(block);
}

char *plugin_line(void)
{
    char *line = NULL;
    if (asprintf(&line, "%p", (void *)&line) < 0)
        abort();
    return strdup(line);
}

#elif PART == 2

void *open_plugin(void);

void *open_plugin(void)
{
    return dlopen("plugin.so", RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
}

#else

void *open_plugin(void);

int main(void)
{
    void *plugin = open_plugin();
    if (plugin == NULL) {
        printf("%s\n", dlerror());
        return 1;
    }
    void *(*make)(size_t) = (void *(*)(size_t))dlsym(plugin, "plugin_make");
    void (*end)(void *) = (void (*)(void *))dlsym(plugin, "plugin_end");
    char *(*line)(void) = (char *(*)(void))dlsym(plugin, "plugin_line");
    for (int i = 0; i < ROUNDS; i++) {
        size_t size = 1 + (size_t)i * 37 % 3000;
        free(make(size));
        end(malloc(size));
        free(line());
        end(realloc(make(size), size + 100));
    }
    printf("done\n");
    return dlclose(plugin);
}

#endif
