/* The OS contract: everything roost asks of the system. Linux stands behind it in os_unix.c and os_linux.c, Windows in os_windows.c,
 * memory with failures on demand in tests/os_fake.c. Commit is explicit, nothing is
 * overcommitted, a reservation is released only whole, purge may be decommit, and hooks may not exist.
 *
 * All functions are thread-safe, keep errno unless they say otherwise, and never allocate from a heap.
 * Sizes and addresses are in bytes, multiples of rst_os_page_size() unless said otherwise. */
#ifndef RST_OS_OS_H
#define RST_OS_OS_H

#include "os/base.h"

/* --- memory ---------------------------------------------------------------------------------------------------- */

/* The system's page size; a power of two, 4 KiB to 64 KiB. */
size_t rst_os_page_size(void);

/* Bytes of physical memory, 0 when unknown. */
size_t rst_os_physical_memory(void);

/* Bytes of address space the process may still map (RLIMIT_AS), SIZE_MAX when unlimited. A hint: others map too. */
size_t rst_os_address_space_left(void);

/* Reserve address space that may not be touched yet and costs no memory. `alignment` is a power of two.
 * After: [result, result + size) is ours, inaccessible. NULL when the system refuses. */
void *rst_os_reserve(size_t size, size_t alignment);

/* Make part of a reservation usable. After: it reads as zero until written. False: nothing changed. */
bool rst_os_commit(void *address, size_t size);

/* Put explicit huge pages of `page` bytes, which the system keeps apart for whoever asks, under the beginning of a reservation of `total` bytes of which nothing is
 * committed; `address` and `size` are multiples of `page`. They are usable at once. Returns how many bytes, from `address` on; when that is less than
 * `size`, *why says why. SIZE_MAX: and the reservation is lost. */
size_t rst_os_pin(void *address, size_t size, size_t page, size_t total, const char **why);

/* Undo commit: the memory is given back and may not be touched until committed again. False: nothing changed. */
bool rst_os_decommit(void *address, size_t size);

/* Give back the physical memory behind committed pages. After true: the range reads as zero once rst_os_use has been asked for it,
 * and may not be touched before. After false: the contents are indeterminate, still usable, and may still be resident. */
bool rst_os_purge(void *address, size_t size);

/* The same for memory that is in use: what was given back reads as zero and may be touched at once. False also where there is no such thing. */
bool rst_os_purge_inside(void *address, size_t size);

typedef struct rst_os_run {
    void *address;
    size_t size;
} rst_os_run;

#define RST_OS_RUNS_MAX 64

/* One of the two for each of up to RST_OS_RUNS_MAX runs. Returns a bit for each that was done. What one call costs is mostly that all processors
 * are told; where the system can, they are told once for all runs. Only if files may be opened: one tells whether the call for it is safe. */
uint64_t rst_os_purge_runs(const rst_os_run *run, unsigned count, bool inside, bool files);

/* The same, one by one: where the system cannot. */
RST_INLINE uint64_t rst_os_purge_each(const rst_os_run *run, unsigned count, bool inside)
{
    uint64_t done = 0;
    for (unsigned i = 0; i < count; i++) {
        bool this_one =
            inside ? rst_os_purge_inside(run[i].address, run[i].size) : rst_os_purge(run[i].address, run[i].size);
        done |= (uint64_t)this_one << i;
    }
    return done;
}

/* Make committed memory, purged or not, ready to be touched: what was purged reads as zero, the rest is as it was. False: what was
 * purged stays so. */
bool rst_os_use(void *address, size_t size);

/* Ask for huge pages in a part of a reservation, or for none. A hint. False: they cannot be had. */
bool rst_os_huge(void *address, size_t size, bool wanted);

/* Make a huge page of a part of which some is resident and some never was, or was purged; huge pages have been asked for in it. What was there stays, the rest is zero. It takes about
 * as long as the first touch of a huge page. False: it is as it was. */
bool rst_os_huge_make(void *address, size_t size);

/* Release a whole reservation, as returned by rst_os_reserve with the same size. False: it stays reserved. */
bool rst_os_release(void *address, size_t size);

/* Release a part of a reservation that is not committed, where the system can. False: it stays reserved. */
bool rst_os_release_part(void *address, size_t size);

/* Move the physical pages of committed [from, from + size) to committed [to, to + size); the ranges do not overlap and
 * lie in one reservation. After true: `to` has the contents, `from` reads as zero, both stay committed; and both must be
 * passed to rst_os_remap before the OS can see them as plain memory again. After false (unsupported, or
 * out of mappings): nothing changed. */
bool rst_os_move(void *from, void *to, size_t size);

/* Replace committed memory by fresh zero memory (gives back the physical pages), for which no huge pages are asked. False: nothing changed. */
bool rst_os_remap(void *address, size_t size);

/* Copy words that other threads may be writing: each aligned 8-byte word is as it was at one moment, the whole is not. Copies that a
 * thread makes one after the other are of moments in that order. From memory that has been purged, zeroes.
 * For readers of statistics; any alignment of 8, any size that is a multiple of 8. */
void rst_os_snapshot(void *to, const void *from, size_t size);

/* Order what other threads write: of what the caller has seen of them, it sees from now on all that they wrote before. Where the processor
 * keeps stores in order that is so anyhow. False: the system has no means. */
bool rst_os_see_through(void);

/* --- the process ----------------------------------------------------------------------------------------------- */

/* A clock that does not go back: milliseconds. */
uint64_t rst_os_clock_ms(void);

/* The same in microseconds, finer and dearer. */
uint64_t rst_os_clock_us(void);

/* 64 bits hard to guess (addresses, and what the system gives a process at its start). */
uint64_t rst_os_random(void);

/* Value of an environment variable, or NULL; valid until the program changes its environment. */
const char *rst_os_environment(const char *name);

/* The nth entry of the environment, NAME=value; NULL: there are no more. Asked from 0 on, and no further than that. */
const char *rst_os_environment_entry(size_t n);

/* What the program says for itself, its variable roost_default_options; NULL: it has none. */
const char *rst_os_default_options(void);

/* True when the environment can be read already (false very early in start-up). */
bool rst_os_environment_ready(void);

/* True in a program that runs with more rights than its user has (set-user-id): what the user says is not to be trusted. */
bool rst_os_secure(void);

/* The beginning of a file, up to size - 1 bytes, terminated. Returns how many; SIZE_MAX when it cannot be read: what `out` holds is then not said. Never waits for a writer. */
size_t rst_os_read_file(const char *path, char *out, size_t size);

/* Write all of `text` to standard error, past every buffer. Errors are ignored. Async-signal-safe. */
void rst_os_write_error(const char *text, size_t length);

/* Write all of `text` to a descriptor. False: not all; errno says why. Async-signal-safe. */
bool rst_os_write(int fd, const char *text, size_t length);

/* From now on rst_os_write_error reaches the standard error of this moment even when the program closes its own, as many
 * do before they exit. Costs a file descriptor. */
void rst_os_keep_error_output(void);

/* What is at an address, for a message: mapped memory with its name as the system shows it (a file, "[stack]"; empty when it has none). */
typedef enum rst_os_place {
    RST_OS_PLACE_UNKNOWN = 0, /* the system does not tell */
    RST_OS_PLACE_UNMAPPED,
    RST_OS_PLACE_MAPPED
} rst_os_place;
rst_os_place rst_os_place_of(const void *address, char *name, size_t size);

/* End the process as abort() does. */
_Noreturn void rst_os_abort(void);

/* Whether an address lies in the library (or program) that this function is linked into. */
bool rst_os_is_ours(const void *address);

/* Value of a variable in the environment that the process began with, also before libc knows of it; may be changed in place. NULL when it
 * is not there, or not known. */
char *rst_os_first_environment(const char *name);

/* Execute the program anew with what it began with. Only while it starts. Returns when that cannot be done. */
void rst_os_begin_anew(void);

/* Process and thread number, as the system's tools show them. */
uint32_t rst_os_process_id(void);
uint32_t rst_os_thread_id(void);

/* Whether the thread with that number has ended, wholly. False also when that cannot be told. */
bool rst_os_thread_gone(uint32_t thread_id);

/* Resident and peak resident bytes of the process; 0 when unknown. */
size_t rst_os_resident(void);
size_t rst_os_peak_resident(void);

/* Page faults of the process so far; 0 when unknown. */
void rst_os_faults(uint64_t *minor, uint64_t *major);

/* --- how much memory there is ------------------------------------------------------------------------------------ */

typedef struct rst_os_memory {
    size_t least; /* the least limit that is set to the process, physical memory included; SIZE_MAX: unknown */
    size_t limit; /* the limit that will be met first, physical memory aside; SIZE_MAX: none is known */
    size_t room;  /* until then, counting what the system can drop at once as free; SIZE_MAX: no limit */
} rst_os_memory;

/* Limits that the system sets to the process, or to a group of processes that it is in. Reads files: tens of us. One call
 * at a time. */
rst_os_memory rst_os_memory_left(void);

/* Keep what the environment says of it. Called once, when it can be read. */
void rst_os_pressure_prepare(void);

/* Have the calling thread, which is one of our own and no other uses, hear of want of memory from now on. With `say` it is told what is
 * watched and what cannot be. False: there is nothing to hear from. */
bool rst_os_pressure_watch(bool say);

/* In the thread that watches: whether memory has become scarce since the last call. Does not wait. */
bool rst_os_pressure_heard(void);

/* In the child of a fork: no thread watches. */
void rst_os_pressure_forget(void);

/* --- waiting (used by sync.h) ------------------------------------------------------------------------------------ */

/* Sleep while *word == expected, until woken; may return early. */
void rst_os_wait(void *word, uint32_t expected);
/* The same for at most `ms`. */
void rst_os_wait_ms(void *word, uint32_t expected, uint32_t ms);
/* Wake one sleeper on word. */
void rst_os_wake(void *word);

/* --- a thread of our own --------------------------------------------------------------------------------------- */

/* Those there may be. */
typedef enum rst_os_thread { RST_THREAD_STEWARD = 0, RST_THREAD_REPORTER, RST_THREADS } rst_os_thread;

/* Start a thread that runs `body`: no signal is delivered to it, it does not inherit a real-time priority, its stack is small. The
 * system may allocate and take locks of its own for it: not to be called from within free. False: it was refused. */
bool rst_os_thread_start(rst_os_thread which, void (*body)(void), const char *name);

/* Wait until the thread that was started last as `which` has returned. Once for each. */
void rst_os_thread_join(rst_os_thread which);

/* Send a signal to one thread of this process. Async-signal-safe. */
void rst_os_thread_signal(uint32_t thread_id, int number);

/* Processor time that the calling thread has used: microseconds. */
uint64_t rst_os_thread_cpu_us(void);

/* --- files, a socket, signals (may not exist: then they fail) ----------------------------------------------------- */

/* Make a file and open it for writing; one that lies there is removed. -1: errno says why. */
int rst_os_create(const char *path);

/* Close it and put it in the place of `to` in one step. NULL: remove it instead. False: it was removed; errno says why. */
bool rst_os_finish(int fd, const char *path, const char *to);

void rst_os_close(int fd);
void rst_os_remove(const char *path);

/* Listen at a path, open to this user alone; a socket there that nobody listens to is replaced. -1: errno says why. *identity: by
 * which rst_os_is_socket knows it again, should the program have closed the descriptor. */
int rst_os_listen(const char *path, uint64_t *identity);
bool rst_os_is_socket(int fd, uint64_t identity);

/* Wait for a client, at most `most_ms` (UINT32_MAX: for ever), until hung up, or until the signal comes, which is let in meanwhile (0: none).
 * -1: there is none, or it may not ask. Sending to it gives up after 2 s. */
int rst_os_accept(int fd, uint32_t most_ms, int signal_number);

/* What it sends, up to a newline, to its end, or for 2 s; terminated. Returns the length. */
size_t rst_os_receive_line(int fd, char *out, size_t size);

/* Whoever waits at this socket goes on, and finds nothing. */
void rst_os_hang_up(int fd);

/* Have a signal handled, unless the program does. False: errno says why. */
bool rst_os_on_signal(int number, void (*handler)(int));

/* In a thread of our own: whether a signal is delivered to it. 0: none is meant. */
void rst_os_let_signal_in(int number, bool in);

/* What an errno means; fixed text. */
const char *rst_os_error_text(int error);

/* --- the end ------------------------------------------------------------------------------------------------------ */

/* While the library's destructors run: what is known of why. */
typedef enum rst_os_end {
    RST_OS_END_UNKNOWN = 0,
    RST_OS_END_UNLOADED, /* the process goes on without the library, which no thread enters any more, whether it has a heap or not */
    RST_OS_END_ALONE /* the process ends; all threads but this one were ended before, wherever they were */
} rst_os_end;
rst_os_end rst_os_how_it_ends(void);

/* The last of all calls before the library is unloaded: give back what it holds of the system, memory aside. */
void rst_os_leave(void);

/* --- hooks (may not exist: then they answer false) -------------------------------------------------------------- */

/* Call `hook` in every thread that called rst_os_arm_thread_exit, when it ends. Set once, before the first arming. */
void rst_os_set_thread_exit(void (*hook)(void));

/* Have this thread call the hook when it ends. The first call of a thread uses the earliest-installed means, a
 * later one (`again`: the thread was already told that it ends) the latest. May allocate.
 * False: this thread's end will not be seen. */
bool rst_os_arm_thread_exit(bool again);

/* The process has had no thread but this one, ever. False where that is not known. */
bool rst_os_single_threaded(void);

/* The process has or had more threads than this one, whether or not they allocate. False where that is not known. */
bool rst_os_several_threads(void);

/* Call these around fork: before (parent), after in the parent, after in the child. Set once. May allocate. */
bool rst_os_set_fork(void (*before)(void), void (*parent)(void), void (*child)(void));

#endif
