/* roost: one row per option. The enum, the parser, `roost options`, docs/options.md and the man page are made from this table.
 *
 *   X(name, type, default, minimum, maximum, unit, change, help)
 *
 * type: BOOL (0/1, yes/no, on/off, true/false), SIZE (bytes, with k, m, g, t), MS (milliseconds), NUM (a plain number), LIMIT (bytes as of SIZE, or a
 * share as 80%: of the memory that the system lets the process use; 0: none), or TEXT (up to
 * 255 bytes; default, minimum and maximum are 0: none). change: LIVE when roost_option_set may change it while the program runs, START
 * when it is fixed once the library has started.
 * SPDX-License-Identifier: MIT
 */
#ifndef ROOST_OPTIONS_H
#define ROOST_OPTIONS_H

/* clang-format off */
#define ROOST_OPTION_TABLE(X) \
    X(stats,       BOOL, 0,    0, 1,       "",   LIVE,  "print statistics to standard error at exit. When set at start, a copy of standard error is kept open, for programs that close their own") \
    X(stats_file,  TEXT, 0,    0, 0,       "",   START, "write statistics to this file: at exit, every `stats_interval` seconds, and at `stats_signal`. %p is the process number, %% a %. The file is replaced in one step. A name that ends in .json is written as JSON, one in .om or .metrics as OpenMetrics, one in .prom as the older text format of Prometheus, which its node_exporter reads, any other as text") \
    X(stats_interval, NUM, 0,  0, 86400,   "s",  START, "write `stats_file` every so many seconds; 0: only at exit and at `stats_signal`") \
    X(stats_signal, NUM, 0,    0, 64,      "",   START, "the number of a signal at which statistics are written to `stats_file`, else as text to standard error; 0: none. One that the program handles itself is left to it") \
    X(stats_socket, TEXT, 0,   0, 0,       "",   START, "answer at this unix socket, which only the same user and root may open: one line, text, json, metrics, prometheus or purge. %p is the process number, %% a %") \
    X(verbose,     BOOL, 0,    0, 1,       "",   START, "say at start which version runs, how much address space it has, and the value of every option") \
    X(arena_size,  SIZE, 1ull << 40, 16ull << 20, 1ull << 46, "bytes", START, "address space to reserve at start. At its default, the first arena is at least four times the physical memory (64 TiB at most). Less is taken under RLIMIT_AS (a quarter of what is left) and where the system refuses. Later arenas ask for a quarter of it") \
    X(purge_delay, MS,   1000, 0, 3600000, "ms", LIVE,  "how long freed memory stays warm before it goes back to the OS. What has not been used again goes after half of this to all of it; where a huge page of which another part is in use must be broken for it, the steward waits four times as long. 0: at the next look, which each page given back and each freed large block causes. Up to 12 empty pages of 64 KiB and one of 256 KiB that each heap keeps are not concerned") \
    X(idle_keep,   SIZE, 8ull << 20, 0, 1ull << 46, "bytes", LIVE, "where no steward runs, as in a process of one thread, nobody sees to memory once the program sleeps: freed memory beyond this, beyond half of what is in use, and beyond what the program took up again lately after giving it back, goes back at once. Without meaning where purge_delay is 0") \
    X(steward,     BOOL, 1,    0, 1,       "",   LIVE,  "let a process that has two threads and holds 8 MiB have one thread more, `roost-steward`, which returns memory that idles while nobody calls and, from 32 MiB on, touches huge pages before they are needed. 0: only callers return it; one that runs already goes on") \
    X(huge_pages,  NUM,  1,    0, 2,       "",   LIVE,  "0: roost asks for no huge pages, and for its memory declines those that the system would give by itself. 1: it asks for them where a heap that has filled 4 MiB in pages, or 1 MiB in a process that holds 12, goes on to fill memory; for blocks below 16 MiB as long as large blocks hold no more than twice what pages hold and a thousandth of the machine's memory; and for what realloc has grown to 4 MiB; a small process, a thread that uses little, and large blocks that are hardly touched stay as small as without. 2: all memory asks, large blocks too. Needs `madvise` or `always` in /sys/kernel/mm/transparent_hugepage/enabled") \
    X(explicit_huge, SIZE, 0, 0, 1ull << 46, "bytes", START, "memory for blocks to take at start from the huge pages that the system keeps apart (Linux: vm.nr_hugepages; Windows: large pages, for who holds SeLockMemoryPrivilege). It is used before other fresh memory and stays for good: nothing of it is given back, and it is not moved. What the system has not is said in one line, and done without. A child of fork needs as many again for what it writes to. 0: none") \
    X(explicit_huge_page, SIZE, 2ull << 20, 2ull << 20, 1ull << 30, "bytes", START, "how large those pages are: 2m or 1g on x86-64") \
    X(pressure,    BOOL, 1,    0, 1,       "",   START, "give back what is idle at once when the system is short of memory, or when a limit of the process's control group is near. 0: take no notice; needs the steward to hear of a shortage, see docs/pressure.md") \
    X(soft_limit,  LIMIT, 0,   0, 1ull << 46, "bytes", START, "memory above which what is idle goes back at once; bytes, or a share as 80% of the memory that the system lets the process use. 0: none") \
    X(hard_limit,  LIMIT, 0,   0, 1ull << 46, "bytes", START, "memory above which allocations fail with ENOMEM; bytes, or a share as above. 0: none") \
    X(bad_pointer, NUM,  1,    0, 1,       "",   LIVE,  "a pointer given to free, realloc or malloc_usable_size that is not roost's, or not in use: 1 report in one line and abort, 0 report and go on. With 0, free does nothing, realloc answers NULL with ENOMEM, malloc_usable_size 0. Also for what is found later: see docs/misuse.md") \
    X(deepbind,    BOOL, 0,    0, 1,       "",   LIVE,  "what becomes of RTLD_DEEPBIND in calls of dlopen, under libroost.so: 0 it is left out, since a library opened with it would use libc's allocator beside roost; 1 it stays") \
    X(disable_redirect, BOOL, 0, 0, 1,     "",   START, "on Windows: roost.dll leads no module to itself; see docs/windows.md") \
    X(leave_alone, TEXT, 0,    0, 0,       "",   START, "on Windows: names of modules that roost.dll does not lead to itself, as `a.dll;b.exe`, beside those of the system")
/* clang-format on */

#endif
