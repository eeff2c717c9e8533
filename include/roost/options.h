/* roost: one row per option. The enum, the parser and the documents are made from this table.
 *
 *   X(name, type, default, minimum, maximum, unit, help)
 *
 * type: BOOL (0/1, yes/no, on/off, true/false), SIZE (bytes, with k, m, g, t), MS (milliseconds), or NUM (a plain number). An option is set by ROOST_<NAME>=value in the
 * environment, or as name=value in ROOST_OPTIONS, separated by commas or blanks; ROOST_<NAME> wins.
 * SPDX-License-Identifier: MIT
 */
#ifndef ROOST_OPTIONS_H
#define ROOST_OPTIONS_H

/* clang-format off */
#define ROOST_OPTION_TABLE(X) \
    X(stats,         BOOL, 0,    0, 1,               "",      "print statistics to standard error at exit") \
    X(verbose,       BOOL, 0,    0, 1,               "",      "say what was configured and what was not available") \
    X(arena_size,    SIZE, 1ull << 40, 16ull << 20, 1ull << 46, "bytes", "address space to reserve at start; less is taken where the system gives less") \
    X(purge_delay,   MS,   1000, 0, 3600000,         "ms",    "how long freed memory stays warm before it goes back to the OS; 0 returns it at once") \
    X(steward,       BOOL, 1,    0, 1,               "",      "let a process of several threads have one more that returns idle memory") \
    X(bad_pointer,   NUM,  1,    0, 1,               "",      "free of a pointer that is not ours: 0 report and go on, 1 report and abort")
/* clang-format on */

#endif
