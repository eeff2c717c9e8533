/* What `roost run` is tried on: tells whether malloc is roost's, and what its arguments are; its exit code is the first of them.
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

static void *volatile early;

__attribute__((constructor)) static void before_main(void)
{
    early = malloc(100);
}

int main(int argc, char **argv)
{
    HMODULE roost = GetModuleHandleA("roost.dll");
    int (*owns)(const void *) =
        roost != NULL ? (int (*)(const void *))(void *)GetProcAddress(roost, "roost_owns") : NULL;
    void *volatile block = malloc(100);
    printf("%s\n", owns == NULL                 ? "alone"
                   : owns(block) && owns(early) ? "on roost"
                                                : "roost is loaded, and not called");
    free(block);
    free(early);
    for (int i = 1; i < argc; i++)
        printf("[%s]\n", argv[i]);
    return argc > 1 ? atoi(argv[1]) : 0;
}
