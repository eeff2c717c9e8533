/* Modules: see os_modules.h. Keeps what GetLastError says. SPDX-License-Identifier: MIT */
#include "os/os_modules.h"

#include "os/atomic.h"
#include "os/os_windows.h"

#include <psapi.h>

enum { MODULES_MAX = 1024, NAME_MAX_LENGTH = 64 };

const void *rst_os_module(const char *name)
{
    wchar_t wide[NAME_MAX_LENGTH];
    size_t i = 0;
    for (; name[i] != '\0' && i + 1 < NAME_MAX_LENGTH; i++)
        wide[i] = (wchar_t)name[i];
    wide[i] = 0;
    DWORD saved = GetLastError();
    const void *module = GetModuleHandleW(wide);
    SetLastError(saved);
    return module;
}

rst_os_function rst_os_module_function(const void *module, const char *name)
{
    DWORD saved = GetLastError();
    rst_os_function found = (rst_os_function)(void *)GetProcAddress((HMODULE)(uintptr_t)module, name);
    SetLastError(saved);
    return found;
}

const void *rst_os_module_of(const void *address)
{
    HMODULE module = NULL;
    DWORD saved = GetLastError();
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT, address,
                       &module);
    SetLastError(saved);
    return module;
}

/* --- names --------------------------------------------------------------------------------------------------------------- */

static wchar_t small_letter(wchar_t c)
{
    return c >= L'A' && c <= L'Z' ? (wchar_t)(c - L'A' + L'a') : c;
}

/* Whether a path lies below a directory. */
static bool lies_in(const wchar_t *path, const wchar_t *directory)
{
    size_t i = 0;
    while (directory[i] != 0 && small_letter(path[i]) == small_letter(directory[i]))
        i++;
    return i != 0 && directory[i] == 0 && path[i] == L'\\';
}

bool rst_os_module_name(const void *module, char *out, size_t size)
{
    wchar_t path[MAX_PATH], system[MAX_PATH];
    size_t used = 0;
    DWORD saved = GetLastError();
    DWORD length = GetModuleFileNameW((HMODULE)(uintptr_t)module, path, MAX_PATH);
    bool of_system =
        length != 0 && length < MAX_PATH && GetSystemWindowsDirectoryW(system, MAX_PATH) != 0 && lies_in(path, system);
    for (DWORD i = 0; i < length && length < MAX_PATH; i++) {
        wchar_t c = small_letter(path[i]);
        if (c == L'\\')
            used = 0;
        else if (used + 1 < size)
            out[used++] = c < 0x80 ? (char)c : '?';
    }
    out[used] = '\0';
    SetLastError(saved);
    return of_system;
}

/* --- all of them ------------------------------------------------------------------------------------------------------------- */

void rst_os_each_module(void (*call)(const void *module, void *argument), void *argument)
{
    HMODULE modules[MODULES_MAX];
    DWORD bytes = 0, saved = GetLastError();
    if (K32EnumProcessModules(GetCurrentProcess(), modules, sizeof modules, &bytes)) {
        for (size_t i = 0; i < rst_min(bytes / sizeof modules[0], MODULES_MAX); i++)
            call(modules[i], argument);
    }
    SetLastError(saved);
}

/* --- what a module imports ------------------------------------------------------------------------------------------------------ */

typedef struct imports {
    char *base;
    const IMAGE_OPTIONAL_HEADER *header;
    rst_os_function (*choose)(rst_os_function imported, void *argument);
    void *argument;
    size_t replaced; /* SIZE_MAX: something cannot be written */
} imports;

static const IMAGE_OPTIONAL_HEADER *header_of(const char *base)
{
    const IMAGE_DOS_HEADER *dos = (const IMAGE_DOS_HEADER *)base;
    if (base == NULL || dos->e_magic != IMAGE_DOS_SIGNATURE)
        return NULL;
    const IMAGE_NT_HEADERS *headers = (const IMAGE_NT_HEADERS *)(base + dos->e_lfanew);
    return headers->Signature == IMAGE_NT_SIGNATURE ? &headers->OptionalHeader : NULL;
}

/* One pointer, which any thread may be calling by. */
static bool write_import(_Atomic(rst_os_function) *place, rst_os_function function)
{
    DWORD before, unused;
    if (!VirtualProtect((void *)place, sizeof *place, PAGE_READWRITE, &before))
        return false;
    rst_store_relaxed(place, function);
    VirtualProtect((void *)place, sizeof *place, before, &unused);
    return true;
}

static void replace(imports *of, _Atomic(rst_os_function) *place, rst_os_function chosen)
{
    of->replaced = write_import(place, chosen) ? of->replaced + 1 : SIZE_MAX;
}

static void look_at_imports(imports *of, const IMAGE_DATA_DIRECTORY *directory)
{
    const IMAGE_IMPORT_DESCRIPTOR *from = (const IMAGE_IMPORT_DESCRIPTOR *)(of->base + directory->VirtualAddress);
    for (; directory->VirtualAddress != 0 && from->Name != 0 && of->replaced != SIZE_MAX; from++) {
        _Atomic(rst_os_function) *place = (_Atomic(rst_os_function) *)(of->base + from->FirstThunk);
        for (; rst_load_relaxed(place) != NULL && of->replaced != SIZE_MAX; place++) {
            rst_os_function imported = rst_load_relaxed(place), chosen = of->choose(imported, of->argument);
            if (chosen != imported)
                replace(of, place, chosen);
        }
    }
}

/* --- what it imports late ------------------------------------------------------------------------------------------------------- *
 * Until it is first called such an entry leads into the module itself, which then loads the library, looks for the function, and notes both.
 * Where the library is loaded already, that is done here in the module's place; else the entry stays as it is. */

static rst_os_function late_function(const imports *of, const IMAGE_DELAYLOAD_DESCRIPTOR *from, size_t i)
{
    const IMAGE_THUNK_DATA *name = (const IMAGE_THUNK_DATA *)(of->base + from->ImportNameTableRVA) + i;
    const void *library = rst_os_module(of->base + from->DllNameRVA);
    if (library == NULL)
        return NULL;
    if (IMAGE_SNAP_BY_ORDINAL(name->u1.Ordinal))
        return rst_os_module_function(library, (const char *)(uintptr_t)IMAGE_ORDINAL(name->u1.Ordinal));
    return rst_os_module_function(library, ((const IMAGE_IMPORT_BY_NAME *)(of->base + name->u1.AddressOfData))->Name);
}

/* Have the library stay, as if the module had loaded it. */
static bool keep_library(const imports *of, const IMAGE_DELAYLOAD_DESCRIPTOR *from)
{
    _Atomic(rst_os_function) *note = (_Atomic(rst_os_function) *)(of->base + from->ModuleHandleRVA);
    HMODULE library = NULL;
    return rst_load_relaxed(note) != NULL || (GetModuleHandleExA(0, of->base + from->DllNameRVA, &library) &&
                                              write_import(note, (rst_os_function)(void *)library));
}

static void look_at_late_library(imports *of, const IMAGE_DELAYLOAD_DESCRIPTOR *from)
{
    _Atomic(rst_os_function) *place = (_Atomic(rst_os_function) *)(of->base + from->ImportAddressTableRVA);
    for (size_t i = 0; rst_load_relaxed(&place[i]) != NULL && of->replaced != SIZE_MAX; i++) {
        rst_os_function now = rst_load_relaxed(&place[i]), chosen = of->choose(now, of->argument);
        if (chosen == now && (uintptr_t)now - (uintptr_t)of->base < of->header->SizeOfImage) {
            rst_os_function later = late_function(of, from, i);
            chosen = later != NULL ? of->choose(later, of->argument) : NULL;
            if (chosen == later || !keep_library(of, from))
                continue;
        }
        if (chosen != now)
            replace(of, &place[i], chosen);
    }
}

static void look_at_late_imports(imports *of, const IMAGE_DATA_DIRECTORY *directory)
{
    const IMAGE_DELAYLOAD_DESCRIPTOR *from = (const IMAGE_DELAYLOAD_DESCRIPTOR *)(of->base + directory->VirtualAddress);
    for (size_t i = 0; i < directory->Size / sizeof *from && from[i].DllNameRVA != 0; i++) {
        if (from[i].Attributes.RvaBased && from[i].ImportNameTableRVA != 0)
            look_at_late_library(of, &from[i]);
    }
}

size_t rst_os_each_import(const void *module, rst_os_function (*choose)(rst_os_function imported, void *argument),
                          void *argument)
{
    imports of = {.base = (char *)(uintptr_t)module, .choose = choose, .argument = argument};
    of.header = header_of(of.base);
    if (of.header == NULL || of.header->NumberOfRvaAndSizes <= IMAGE_DIRECTORY_ENTRY_IMPORT)
        return SIZE_MAX;
    DWORD saved = GetLastError();
    look_at_imports(&of, &of.header->DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT]);
    if (of.header->NumberOfRvaAndSizes > IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT)
        look_at_late_imports(&of, &of.header->DataDirectory[IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT]);
    SetLastError(saved);
    return of.replaced;
}

/* --- hearing of more ------------------------------------------------------------------------------------------------------------ */

typedef struct module_text {
    USHORT length, maximum;
    PWSTR text;
} module_text;

typedef struct module_news {
    ULONG flags;
    const module_text *path, *name;
    PVOID base;
    ULONG size;
} module_news;

typedef VOID(CALLBACK *module_heard)(ULONG reason, const module_news *news, PVOID context);

enum { REASON_LOADED = 1 };
static void (*on_module)(const void *module); /* [before the system is told of us] */
static PVOID registration;

static VOID CALLBACK hear(ULONG reason, const module_news *news, PVOID context)
{
    (void)context;
    DWORD saved = GetLastError();
    if (reason == REASON_LOADED)
        on_module(news->base);
    SetLastError(saved);
}

bool rst_os_on_module(void (*call)(const void *module))
{
    typedef LONG(NTAPI * tell)(ULONG, module_heard, PVOID, PVOID *);
    tell tell_me = (tell)rst_windows_find(L"ntdll.dll", "LdrRegisterDllNotification");
    on_module = call;
    return tell_me != NULL && tell_me(0, hear, NULL, &registration) == 0;
}

void rst_os_on_module_no_more(void)
{
    typedef LONG(NTAPI * forget)(PVOID);
    forget forget_me = (forget)rst_windows_find(L"ntdll.dll", "LdrUnregisterDllNotification");
    if (registration != NULL && forget_me != NULL)
        forget_me(registration);
    registration = NULL;
}

/* --- words for HeapAlloc ------------------------------------------------------------------------------------------------------------ */

void *rst_os_process_heap(void)
{
    return GetProcessHeap();
}

void rst_os_raise_no_memory(void)
{
    RaiseException((DWORD)STATUS_NO_MEMORY, 0, 0, NULL);
}

void rst_os_set_last_error_no_memory(void)
{
    SetLastError(ERROR_NOT_ENOUGH_MEMORY);
}
