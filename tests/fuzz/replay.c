/* A harness without libFuzzer: each file of the directories named is one input. So the seeds, and whatever was once found, are tried in
 * every build. SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <dirent.h>
#include <string.h>

enum { INPUT_MAX = 1 << 20 };

static size_t tried;

static void try_file(const char *path)
{
    static uint8_t input[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    size_t size = fread(input, 1, sizeof input, file);
    fclose(file);
    fprintf(stderr, "%s\n", path); /* the last one is the one that ended the program */
    /* A copy of its size, so that reading beyond it is seen. */
    uint8_t *exact = malloc(size != 0 ? size : 1);
    if (exact == NULL)
        abort();
    memcpy(exact, input, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    tried++;
}

static void try_directory(const char *path)
{
    char name[4096];
    DIR *directory = opendir(path);
    if (directory == NULL) {
        perror(path);
        exit(1);
    }
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.')
            try_file(name);
    }
    closedir(directory);
}

int main(int argc, char **argv)
{
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++)
        try_directory(argv[i]);
    printf("%zu inputs\n", tried);
    return tried != 0 ? 0 : 1;
}
