/* What the files os_windows*.c share. Windows 8 or later is assumed. SPDX-License-Identifier: MIT */
#ifndef RST_OS_OS_WINDOWS_H
#define RST_OS_OS_WINDOWS_H

#include "os/base.h"

#define WIN32_LEAN_AND_MEAN
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0A00
#endif
#include <windows.h>

/* Descriptors of ours are handles, told from those of C libraries by this bit. */
enum { RST_WINDOWS_OURS = 1 << 24 };

RST_INLINE int rst_windows_descriptor_of(HANDLE handle)
{
    return (int)(intptr_t)handle | RST_WINDOWS_OURS;
}

/* The handle behind a descriptor of ours, or behind 0, 1 or 2; NULL: it is another's. */
HANDLE rst_windows_handle_of(int fd);

/* A function of a library that every process has loaded; NULL: this system has none. As an untyped function pointer, to be cast. */
typedef void (*rst_windows_function)(void);
RST_INLINE rst_windows_function rst_windows_find(const wchar_t *library, const char *name)
{
    HMODULE module = GetModuleHandleW(library);
    return module != NULL ? (rst_windows_function)(void *)GetProcAddress(module, name) : NULL;
}

/* Whether this is wine, whose costs are others; not for anything that a program could notice. */
bool rst_windows_is_wine(void);

/* The process ends, and no thread but this one is left: the system has ended them wherever they were. */
bool rst_windows_process_ends(void);

/* Handles go back. */
void rst_windows_drop_kept_error(void);
void rst_windows_stop_watching(void);

/* Have a word of errno.h where the system says a DWORD of winerror.h. */
int rst_windows_errno(DWORD error);

#endif
