/* A library that knows nothing of roost, on a C library of its own choice. SPDX-License-Identifier: MIT */
#include <stddef.h>

void *malloc(size_t size);
void *realloc(void *block, size_t size);
void free(void *block);

__declspec(dllexport) void *plugin_malloc(size_t size);
__declspec(dllexport) void *plugin_realloc(void *block, size_t size);
__declspec(dllexport) void plugin_free(void *block);

void *plugin_malloc(size_t size)
{
    return malloc(size);
}

void *plugin_realloc(void *block, size_t size)
{
    return realloc(block, size);
}

void plugin_free(void *block)
{
    free(block);
}

#ifdef PLUGIN_ENTRY /* without a C library's start-up */
int __stdcall PLUGIN_ENTRY(void *module, unsigned long reason, void *reserved);
int __stdcall PLUGIN_ENTRY(void *module, unsigned long reason, void *reserved)
{
    (void)module;
    (void)reason;
    (void)reserved;
    return 1;
}
#endif
