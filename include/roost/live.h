/* roost: the descriptor by which another program reads a process's heaps from outside, live or in a core file, without its help.
 *
 * Each copy of the library has one, in its writable data, so that a core file has it too. It is found by an ELF note, which lies in memory
 * beside the program headers: name ROOST_LIVE_NOTE_NAME, type ROOST_LIVE_NOTE_TYPE, contents one signed 64-bit number, the distance
 * from that number to the descriptor. So neither symbols nor the file are needed. Debuggers know it as `roost_live`.
 *
 * It tells the layout by names, so that a reader of another build can find its way, or say which name it misses. A reader uses
 * the fields up to `names_size` as they are here, and everything else by names.
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_LIVE_H
#define ROOST_LIVE_H

#include <stdint.h>

#define ROOST_LIVE_MAGIC "roostliv" /* 8 bytes, without the final zero */

/** Raised when a reader that knows the names would be wrong all the same: when what they mean has changed. */
#define ROOST_LIVE_VERSION 1

#define ROOST_LIVE_NOTE_NAME "roost"
#define ROOST_LIVE_NOTE_TYPE 1

/** What a name stands for. Its kind is its first part:
 *   sizeof.TYPE            value: size of the structure, in bytes
 *   TYPE.MEMBER            value: offset of the member; extent: its size. A second word, if any, is the unit of a figure
 *   const.NAME             value: a constant */
typedef struct roost_live_fact {
    uint32_t value;
    uint32_t extent;
} roost_live_fact;

typedef struct roost_live_class {
    uint32_t size;     /* bytes of a block */
    uint16_t capacity; /* blocks of a page */
    uint16_t span;     /* slices of a page */
    uint16_t reserve;  /* blocks that must come back before a full page is available again */
    uint16_t unused;
} roost_live_class;

/** What every version begins with. All but the first two fields are written while the library starts, `ready` last. */
typedef struct roost_live_head {
    char magic[8];
    uint32_t version;       /* ROOST_LIVE_VERSION */
    uint32_t size;          /* bytes of head, classes, facts and names together */
    uint32_t ready;         /* 1: the process uses roost */
    uint32_t roost_version; /* ROOST_VERSION */
    uint64_t arenas;        /* address of the table of arenas */
    uint64_t process;       /* of the figures of the process */
    uint64_t newest;        /* of the pointer to the newest heap */
    uint64_t calls;         /* of the figures of system calls */
    uint32_t classes_at;    /* where in the descriptor the classes are */
    uint32_t class_count;
    uint32_t facts_at; /* the facts, one for each name */
    uint32_t fact_count;
    uint32_t names_at; /* the names, each ended by a zero, in the order of the facts */
    uint32_t names_size;
} roost_live_head;

#endif
