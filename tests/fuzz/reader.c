/* Whatever a core file or a heap holds, it is read, counted, checked and packed without a slip. A harness for libFuzzer; see CMakeLists.txt.
 *
 * The input is a core file. Or its first byte is 1: then the reader looks at this very process, which holds a small sound heap, and the rest
 * of the input is laid over what it reads, in pieces: 1 byte that says over what, 3 of offset, 1 of length, then the bytes.
 * SPDX-License-Identifier: MIT */
#include "check.h"
#include "cli.h"
#include "figures.h"
#include "pack.h"

#include "fuzz.h"

#include <pthread.h>
#include <roost/roost.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

extern const roost_live_head roost_live;

/* The heap that is looked at shall stay as it is, and be small. */
const char roost_default_options[] = "steward=0,arena_size=64m";

enum { PLACES = 64, BLOCKS = 300 };
static uint64_t places[PLACES]; /* where pieces may be laid: structures and pages of the heap */
static size_t place_count;
static const uint8_t *pieces;
static size_t pieces_size;

/* --- a heap to look at --------------------------------------------------------------------------------------------------- */

static void *blocks[BLOCKS];

static void *neighbour(void *unused)
{
    for (int i = 0; i < BLOCKS; i += 3)
        roost_free(blocks[i]);
    for (int i = 0; i < 40; i++)
        *(volatile char *)roost_malloc(100) = 1;
    return unused;
}

static void add_place(uint64_t address)
{
    if (place_count < PLACES)
        places[place_count++] = address;
}

static bool may_read_itself(void)
{
    char from = 1, to = 0;
    struct iovec local = {.iov_base = &to, .iov_len = 1}, remote = {.iov_base = &from, .iov_len = 1};
    return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct problem problem = {.code = CLI_OK};
    struct target target;
    struct layout layout;
    struct image image;
    pthread_t other;
    (void)argc;
    (void)argv;
    if (!may_read_itself()) {
        fputs("skipped: this process may not read itself (process_vm_readv)\n", stderr);
        exit(FUZZ_SKIPPED);
    }
    for (int i = 0; i < BLOCKS; i++)
        *(volatile char *)(blocks[i] = roost_malloc((size_t)(1 + i * 7919 % (i % 9 != 0 ? 3000 : 90000)))) = 1;
    pthread_create(&other, NULL, neighbour, NULL);
    pthread_join(other, NULL);
    for (int i = 1; i < BLOCKS; i += 3)
        roost_free(blocks[i]);
    if (process_open(&target, (uint32_t)getpid(), &problem) != CLI_OK ||
        layout_read(&layout, &target, (uintptr_t)&roost_live, &problem) != CLI_OK ||
        image_read(&image, &target, &layout, &problem) != CLI_OK)
        abort();
    add_place((uintptr_t)&roost_live);
    add_place(layout.arenas);
    add_place(layout.process);
    add_place(layout.newest);
    add_place(image.arenas[0].slices_at);
    add_place(image.arenas[0].groups_at);
    for (size_t i = 0; i < image.heap_count; i++)
        add_place(image.heaps[i].address);
    for (size_t i = 0; i < image.arenas[0].slice_count; i++)
        add_place(image.arenas[0].base + i * layout.const_slice_size);
    image_free(&image);
    layout_free(&layout);
    target_close(&target);
    return 0;
}

/* --- reading with pieces laid over ----------------------------------------------------------------------------------------- */

static void lay_over(uint64_t address, char *bytes, size_t size)
{
    for (size_t at = 0; pieces_size - at > 5;) {
        const uint8_t *piece = pieces + at;
        uint64_t start =
            places[piece[0] % place_count] + (piece[1] | (uint64_t)piece[2] << 8 | (uint64_t)piece[3] << 16);
        size_t length = piece[4];
        at += 5;
        length = length < pieces_size - at ? length : pieces_size - at;
        for (size_t i = 0; i < length; i++) {
            if (start + i - address < size)
                bytes[start + i - address] = (char)pieces[at + i];
        }
        at += length;
    }
}

/* How much may still be read for this input. A sanitizer's shadow is terabytes that can be read all over, as there are in no process that roost
 * runs in: a table that is led there would be copied as that of the largest heap. */
enum { MAY_READ = 64 << 20 };
static size_t may_read;

static bool fuzz_read(struct target *target, uint64_t address, void *to, size_t size)
{
    struct iovec local = {.iov_base = to, .iov_len = size};
    struct iovec remote = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
    (void)target;
    if (size > may_read)
        return false;
    may_read -= size;
    if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != (ssize_t)size)
        return false;
    lay_over(address, to, size);
    return true;
}

static int fuzz_why(struct target *target, uint64_t address, struct problem *problem)
{
    (void)target;
    return problem_set(problem, CLI_LOST, "%llx", (unsigned long long)address);
}

/* --- what is tried ----------------------------------------------------------------------------------------------------------- */

int cli_error(int code, const char *format, ...)
{
    (void)format;
    return code;
}

/* As in check.c, whose rest is not here. */
void round_add(struct round *round, struct finding finding)
{
    round->count += finding.what != NULL;
}

void round_unreadable(struct round *round, struct finding finding)
{
    round->unreadable = finding.evidence;
}

void round_travelling(struct round *round, uint64_t block)
{
    if (round->travelling_count == round->travelling_capacity) {
        round->travelling_capacity = round->travelling_capacity * 2 + 64;
        round->travelling = realloc(round->travelling, round->travelling_capacity * sizeof block);
    }
    round->travelling[round->travelling_count++] = block;
}

static void look(struct target *target, const struct layout *layout, struct problem *problem)
{
    struct image image;
    struct figures figures;
    struct pack runs = {.size = 0}, bits = {.size = 0};
    uint64_t left_out = 0;
    if (image_read(&image, target, layout, problem) != CLI_OK)
        return;
    struct round round = {.image = &image};
    check_heaps(&round);
    check_pages(&round);
    for (size_t i = 0; i < image.arena_count; i++) {
        pack_runs(&runs, &bits, &image, &image.arenas[i], 1 << 16, &left_out);
        pack_dirty(&runs, &image, &image.arenas[i]);
    }
    if (figures_make(&figures, &image))
        figures_free(&figures);
    free(round.travelling);
    pack_free(&runs);
    pack_free(&bits);
    image_free(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problem problem = {.code = CLI_OK};
    struct target target;
    struct layout layout;
    unsigned copies;
    if (size != 0 && data[0] == 1) {
        pieces = data + 1;
        pieces_size = size - 1;
        may_read = MAY_READ;
        target = (struct target){.read = fuzz_read, .why = fuzz_why, .is_core = true};
        if (layout_read(&layout, &target, (uintptr_t)&roost_live, &problem) != CLI_OK)
            return 0;
    } else {
        if (core_open_bytes(&target, data, size, &problem) != CLI_OK)
            return 0;
        if (layout_find(&layout, &target, &copies, &problem) != CLI_OK) {
            target_close(&target);
            return 0;
        }
    }
    look(&target, &layout, &problem);
    layout_free(&layout);
    target_close(&target);
    return 0;
}
