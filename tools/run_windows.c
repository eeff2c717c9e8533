/* `roost run` on Windows: starts the program, and has it load roost.dll before its own first instruction. The rest of the command line is handed on as it
 * was written. SPDX-License-Identifier: MIT */
#include "cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

int _CRT_glob = 0; /* stars are the program's */

enum { PATH_CHARS = 1024, LINE_CHARS = 32768 };

static const char help_text[] =
    "Usage: roost run [OPTION...] [--] PROGRAM [ARGUMENT...]\n"
    "\n"
    "Runs PROGRAM with roost.dll loaded first, which leads its modules to roost. Children of PROGRAM are not changed,\n"
    "nor is a 32-bit program.\n"
    "\n"
    "  -l, --lib PATH   the library to use; else %ROOST_LIBRARY%, else roost.dll beside this command\n"
    "  -v, --verbose    say which library and which program are used\n"
    "  -h, --help       print this\n"
    "\n"
    "Options of the allocator are environment variables; 'roost options' lists them. ROOST_DISABLE=1: PROGRAM runs on\n"
    "its own allocator.\n"
    "\n"
    "Exit code: PROGRAM's; 2 for wrong usage, 126 when PROGRAM cannot be executed, 127 when PROGRAM or\n"
    "the library is not found.";

/* --- the library -------------------------------------------------------------------------------------------------- */

static bool is_file(const wchar_t *path)
{
    DWORD attributes = GetFileAttributesW(path);
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) == 0;
}

static void beside_command(wchar_t path[PATH_CHARS])
{
    DWORD length = GetModuleFileNameW(NULL, path, PATH_CHARS);
    while (length != 0 && path[length - 1] != L'\\')
        length--;
    static const wchar_t name[] = L"roost.dll";
    if (length + sizeof name / sizeof name[0] <= PATH_CHARS)
        memcpy(path + length, name, sizeof name);
}

/* The whole path, since the program may stand elsewhere. */
static int find_library(const char *asked, wchar_t path[PATH_CHARS])
{
    wchar_t named[PATH_CHARS] = L"";
    const char *wanted = asked != NULL ? asked : getenv("ROOST_LIBRARY");
    if (wanted == NULL || wanted[0] == '\0')
        beside_command(path);
    else if (MultiByteToWideChar(CP_ACP, 0, wanted, -1, named, PATH_CHARS) == 0 ||
             GetFullPathNameW(named, PATH_CHARS, path, NULL) - 1 >= PATH_CHARS - 1)
        path[0] = L'\0';
    if (!is_file(path))
        return cli_error(CLI_NOT_FOUND, "the library is not found: %s",
                         wanted != NULL ? wanted : "there is no roost.dll beside this command");
    return CLI_OK;
}

/* --- the program --------------------------------------------------------------------------------------------------- */

/* The command line behind its first `count` words. As C libraries part it: quotation marks join, and count for nothing behind an odd number of
 * backslashes. */
static const wchar_t *behind_words(const wchar_t *at, int count)
{
    for (; count > 0; count--) {
        bool quoted = false;
        for (unsigned backslashes = 0; *at != 0 && (quoted || (*at != L' ' && *at != L'\t')); at++) {
            quoted ^= *at == L'"' && backslashes % 2 == 0;
            backslashes = *at == L'\\' ? backslashes + 1 : 0;
        }
        while (*at == L' ' || *at == L'\t')
            at++;
    }
    return at;
}

/* Have the program's process, which has not begun, load the library. */
static bool load_there(HANDLE process, const wchar_t *library)
{
    size_t size = (wcslen(library) + 1) * sizeof *library;
    DWORD loaded = 0;
    void *text = VirtualAllocEx(process, NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (text == NULL || !WriteProcessMemory(process, text, library, size, NULL))
        return false;
    /* kernel32.dll lies at one address in all processes of the same kind. */
    LPTHREAD_START_ROUTINE load =
        (LPTHREAD_START_ROUTINE)(void *)GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "LoadLibraryW");
    HANDLE thread = CreateRemoteThread(process, NULL, 0, load, text, 0, NULL);
    if (thread == NULL)
        return false;
    WaitForSingleObject(thread, INFINITE);
    bool done = GetExitCodeThread(thread, &loaded) && loaded != 0; /* the lower half of where it is, or nothing */
    CloseHandle(thread);
    VirtualFreeEx(process, text, 0, MEM_RELEASE);
    return done;
}

static bool is_32_bit(HANDLE process)
{
    BOOL wow64 = FALSE;
    return IsWow64Process(process, &wow64) && wow64;
}

/* What is typed to end the program is the program's to answer. */
static BOOL WINAPI leave_to_program(DWORD event)
{
    return event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT;
}

/* `library` NULL: none. Returns the exit code of the program. */
static int run(const char *name, const wchar_t *command_line, const wchar_t *library)
{
    static wchar_t line[LINE_CHARS]; /* which the system may change */
    STARTUPINFOW start = {.cb = sizeof start};
    PROCESS_INFORMATION program;
    DWORD code = CLI_FAILED;
    wcsncpy(line, command_line, LINE_CHARS - 1);
    SetConsoleCtrlHandler(leave_to_program, TRUE);
    if (!CreateProcessW(NULL, line, NULL, NULL, TRUE, CREATE_SUSPENDED, NULL, NULL, &start, &program)) {
        DWORD why = GetLastError();
        bool missing = why == ERROR_FILE_NOT_FOUND || why == ERROR_PATH_NOT_FOUND;
        return cli_error(missing ? CLI_NOT_FOUND : CLI_NOT_EXECUTABLE, "cannot run %s: %s (error %lu)", name,
                         missing ? "it is not found" : "the system refuses", why);
    }
    if (library != NULL && is_32_bit(program.hProcess))
        cli_error(0, "%s is a 32-bit program: it runs on its own allocator", name);
    else if (library != NULL && !load_there(program.hProcess, library))
        cli_error(0, "%s cannot load the library: it runs on its own allocator", name);
    ResumeThread(program.hThread);
    WaitForSingleObject(program.hProcess, INFINITE);
    GetExitCodeProcess(program.hProcess, &code);
    CloseHandle(program.hThread);
    CloseHandle(program.hProcess);
    return (int)code;
}

static bool disabled(void)
{
    const char *value = getenv("ROOST_DISABLE");
    return value != NULL && value[0] != '\0' && strcmp(value, "0") != 0;
}

int cli_run(int argc, char **argv)
{
    const char *asked = NULL;
    bool verbose = false;
    wchar_t library[PATH_CHARS] = L"";
    const struct cli_option known[] = {
        {"lib", 'l', NULL, &asked}, {"verbose", 'v', &verbose, NULL}, {NULL, 0, NULL, NULL}};
    int code = cli_parse(argc, argv, help_text, known, true);
    if (code != CLI_OK)
        return code;
    if (optind >= argc)
        return cli_error(CLI_USAGE, "run: no program is given; try 'roost run --help'");
    bool changes = !disabled();
    code = changes ? find_library(asked, library) : CLI_OK;
    if (code != CLI_OK)
        return code;
    if (verbose)
        fprintf(stderr, "roost: running %s on %ls\n", argv[optind],
                changes ? library : L"its own allocator (ROOST_DISABLE)");
    fflush(NULL);
    return run(argv[optind], behind_words(GetCommandLineW(), __argc - argc + optind), changes ? library : NULL);
}
