/* The OS contract on Windows: sleeping at a word, threads of our own, the end of threads and of the process.
 *
 * A thread's end is heard of by two means: a callback of fiber-local storage, which comes first, and a callback of the TLS directory, which every
 * thread runs that ends in order. Our own threads are the process's pool's: such a thread returns into the system, so that the library can be
 * unloaded from under it, where one that had been made would still have to end, for which it needs the lock that the unloading thread holds.
 * SPDX-License-Identifier: MIT */
#include "os/os_windows.h"

#include "os/atomic.h"
#include "os/calls.h"
#include "os/os.h"

/* --- waiting -------------------------------------------------------------------------------------------------------- */

void rst_os_wait(void *word, uint32_t expected)
{
    rst_os_wait_ms(word, expected, INFINITE);
}

void rst_os_wait_ms(void *word, uint32_t expected, uint32_t ms)
{
    DWORD saved = GetLastError();
    rst_os_count(sleep);
    WaitOnAddress(word, &expected, sizeof expected, ms);
    SetLastError(saved);
}

void rst_os_wake(void *word)
{
    rst_os_count(sleep);
    WakeByAddressSingle(word);
}

/* --- threads of our own ------------------------------------------------------------------------------------------------ */

typedef struct own_thread {
    PTP_WORK work;
    void (*body)(void);
    const char *name;
} own_thread;

static own_thread threads[RST_THREADS]; /* [who starts it] of the last start of each */

/* What debuggers show; Windows 10 has it. */
static void name_thread(const char *name)
{
    typedef HRESULT(WINAPI * describe)(HANDLE, PCWSTR);
    describe set_description = (describe)rst_windows_find(L"kernelbase.dll", "SetThreadDescription");
    wchar_t wide[32] = {0};
    for (size_t i = 0; name[i] != '\0' && i + 1 < sizeof wide / sizeof wide[0]; i++)
        wide[i] = (wchar_t)name[i];
    if (set_description != NULL)
        set_description(GetCurrentThread(), wide);
}

static VOID CALLBACK run_body(PTP_CALLBACK_INSTANCE instance, PVOID argument, PTP_WORK work)
{
    (void)work;
    const own_thread *self = argument;
    CallbackMayRunLong(instance);
    name_thread(self->name);
    self->body();
    name_thread("");
}

bool rst_os_thread_start(rst_os_thread which, void (*body)(void), const char *name)
{
    DWORD saved = GetLastError();
    own_thread *own = &threads[which];
    own->body = body;
    own->name = name;
    own->work = CreateThreadpoolWork(run_body, own, NULL);
    if (own->work != NULL)
        SubmitThreadpoolWork(own->work);
    SetLastError(saved);
    return own->work != NULL;
}

void rst_os_thread_join(rst_os_thread which)
{
    if (rst_windows_process_ends()) /* it was ended, wherever it was */
        return;
    WaitForThreadpoolWorkCallbacks(threads[which].work, TRUE);
    CloseThreadpoolWork(threads[which].work);
}

void rst_os_thread_signal(uint32_t thread_id, int number)
{
    (void)thread_id;
    (void)number;
}

uint64_t rst_os_thread_cpu_us(void)
{
    FILETIME began, ended, kernel, user; /* in 100 ns */
    if (!GetThreadTimes(GetCurrentThread(), &began, &ended, &kernel, &user))
        return 0;
    uint64_t in_kernel = (uint64_t)kernel.dwHighDateTime << 32 | kernel.dwLowDateTime;
    return (((uint64_t)user.dwHighDateTime << 32 | user.dwLowDateTime) + in_kernel) / 10;
}

uint32_t rst_os_thread_id(void)
{
    return GetCurrentThreadId();
}

/* Numbers of threads are used again, by other processes too. */
bool rst_os_thread_gone(uint32_t thread_id)
{
    DWORD saved = GetLastError();
    HANDLE thread = OpenThread(SYNCHRONIZE | THREAD_QUERY_LIMITED_INFORMATION, FALSE, thread_id);
    bool gone = false;
    if (thread != NULL) {
        gone = GetProcessIdOfThread(thread) != GetCurrentProcessId() || WaitForSingleObject(thread, 0) == WAIT_OBJECT_0;
        CloseHandle(thread);
    } else {
        gone = GetLastError() == ERROR_INVALID_PARAMETER;
    }
    SetLastError(saved);
    return gone;
}

bool rst_os_single_threaded(void)
{
    return false;
}

bool rst_os_several_threads(void)
{
    return false;
}

/* Wanted for holes alone, of which there are none: see rst_os_purge_inside. */
bool rst_os_see_through(void)
{
    return false;
}

bool rst_os_set_fork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
    (void)before;
    (void)parent;
    (void)child;
    return false;
}

/* --- ends ------------------------------------------------------------------------------------------------------------ */

static void (*exit_hook)(void); /* fixed before the first thread is armed */
static _Atomic DWORD fiber_key = FLS_OUT_OF_INDEXES;
static _Atomic bool unloads;

/* Found when the library starts: looking for it takes the loader's lock, which a thread that ends must not want while the system has called
 * it back. */
typedef BOOLEAN(NTAPI *in_progress)(void);
static in_progress shutdown_in_progress; /* fixed before the first thread is armed */

bool rst_windows_process_ends(void)
{
    return shutdown_in_progress != NULL && shutdown_in_progress();
}

rst_os_end rst_os_how_it_ends(void)
{
    if (rst_windows_process_ends())
        return RST_OS_END_ALONE;
    return rst_load_relaxed(&unloads) ? RST_OS_END_UNLOADED : RST_OS_END_UNKNOWN;
}

static void thread_ends(void)
{
    DWORD saved = GetLastError();
    if (exit_hook != NULL && !rst_load_relaxed(&unloads) && !rst_windows_process_ends())
        exit_hook();
    SetLastError(saved);
}

/* Also called where a fiber is deleted, or the key freed: then no thread ends. */
static VOID WINAPI on_fiber_end(PVOID value)
{
    if (value != NULL && !IsThreadAFiber())
        thread_ends();
}

static DWORD make_fiber_key(void)
{
    DWORD seen = FLS_OUT_OF_INDEXES, key = FlsAlloc(on_fiber_end);
    /* release: nothing but the number; whoever came second has made one too many. */
    if (key != FLS_OUT_OF_INDEXES &&
        !atomic_compare_exchange_strong_explicit(&fiber_key, &seen, key, memory_order_release, memory_order_relaxed)) {
        FlsFree(key);
        key = seen;
    }
    return key;
}

void rst_os_set_thread_exit(void (*hook)(void))
{
    shutdown_in_progress = (in_progress)rst_windows_find(L"ntdll.dll", "RtlDllShutdownInProgress");
    exit_hook = hook;
}

bool rst_os_arm_thread_exit(bool again)
{
    DWORD saved = GetLastError();
    DWORD key = rst_load_relaxed(&fiber_key);
    if (!again && key == FLS_OUT_OF_INDEXES && !rst_load_relaxed(&unloads))
        key = make_fiber_key();
    if (!again && key != FLS_OUT_OF_INDEXES)
        FlsSetValue(key, &fiber_key);
    SetLastError(saved);
    return true; /* the second means needs nothing */
}

void rst_os_leave(void)
{
    DWORD key = rst_load_relaxed(&fiber_key);
    if (key != FLS_OUT_OF_INDEXES) {
        rst_store_relaxed(&fiber_key, FLS_OUT_OF_INDEXES);
        FlsFree(key);
    }
    rst_windows_drop_kept_error();
    rst_windows_stop_watching();
}

static VOID NTAPI on_event(PVOID module, DWORD reason, PVOID process_ends)
{
    (void)module;
    if (reason == DLL_THREAD_DETACH)
        thread_ends();
    else if (reason == DLL_PROCESS_DETACH && process_ends == NULL)
        rst_store_relaxed(&unloads, true);
}

/* The C runtime's start-up gathers these in the TLS directory; between its own, by the letter. */
__attribute__((section(".CRT$XLM"), used)) PIMAGE_TLS_CALLBACK rst_windows_on_event = on_event;
