/* The OS contract, what Windows alone has: modules (the program and its libraries), the tables of what each imports, and hearing of those that are loaded
 * later. Nothing here allocates from a heap. SPDX-License-Identifier: MIT */
#ifndef RST_OS_OS_MODULES_H
#define RST_OS_OS_MODULES_H

#include "os/base.h"

typedef void (*rst_os_function)(void);

/* A module that is loaded, by the name of its file; NULL: there is none. */
const void *rst_os_module(const char *name);

/* What it exports under a name; NULL: nothing. */
rst_os_function rst_os_module_function(const void *module, const char *name);

/* The module that an address lies in; NULL: none. */
const void *rst_os_module_of(const void *address);

/* The name of its file, in small letters, cut to `size`. True: the file lies in the system's own directory. */
bool rst_os_module_name(const void *module, char *out, size_t size);

/* Call with every module, the program first. */
void rst_os_each_module(void (*call)(const void *module, void *argument), void *argument);

/* Have every function that a module imports looked at, and those that it imports late (delay-loaded) from what is loaded by now: `choose` returns
 * what is to be called in its place, or itself. Returns how many were replaced; SIZE_MAX: the module is none, or its table cannot be written; then
 * nothing more is changed in it. */
size_t rst_os_each_import(const void *module, rst_os_function (*choose)(rst_os_function imported, void *argument),
                          void *argument);

/* Call in the thread that loads a module, once it lies in memory and knows what it imports, and before anything of it runs. False: the
 * system does not tell. Once, until undone. */
bool rst_os_on_module(void (*call)(const void *module));
void rst_os_on_module_no_more(void);

/* The heap that HeapAlloc is mostly called for. */
void *rst_os_process_heap(void);

/* Raise the exception that HeapAlloc raises where it was told to: no memory. */
void rst_os_raise_no_memory(void);

/* What GetLastError is to say. */
void rst_os_set_last_error_no_memory(void);

#endif
