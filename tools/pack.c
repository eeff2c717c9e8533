/* See pack.h. SPDX-License-Identifier: MIT */
#include "pack.h"

#include "check.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum { RUN_PAGE = 1, RUN_LARGE = 2, RUN_CLAIMED = 3, NO_HEAP = 0xffff };
static const uint32_t BITS_NONE = 0xffffffff, BITS_ALL_USED = 0xfffffffe;

void pack_number(struct pack *pack, uint64_t value, unsigned bytes)
{
    if (pack->size + bytes > pack->capacity) {
        size_t capacity = pack->capacity == 0 ? 4096 : pack->capacity * 2;
        unsigned char *more = realloc(pack->bytes, capacity);
        if (more == NULL) {
            pack->out_of_memory = true;
            return;
        }
        pack->bytes = more;
        pack->capacity = capacity;
    }
    for (unsigned i = 0; i < bytes; i++)
        pack->bytes[pack->size++] = (unsigned char)(value >> (8 * i));
}

void pack_free(struct pack *pack)
{
    free(pack->bytes);
    *pack = (struct pack){.bytes = NULL};
}

void pack_print(FILE *file, const struct pack *pack)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    fputc('"', file);
    for (size_t i = 0; i < pack->size; i += 3) {
        size_t here = pack->size - i < 3 ? pack->size - i : 3;
        uint32_t word = (uint32_t)pack->bytes[i] << 16;
        word |= here > 1 ? (uint32_t)pack->bytes[i + 1] << 8 : 0;
        word |= here > 2 ? pack->bytes[i + 2] : 0;
        fputc(digits[word >> 18], file);
        fputc(digits[word >> 12 & 63], file);
        fputc(here > 1 ? digits[word >> 6 & 63] : '=', file);
        fputc(here > 2 ? digits[word & 63] : '=', file);
    }
    fputc('"', file);
}

/* --- pages --------------------------------------------------------------------------------------------------------------- */

/* Mark the free blocks of a page: on its list, handed out next, or kept beside it. False: they cannot be told. */
static bool mark_free(struct chain *chain, uint32_t *count)
{
    const struct image *image = chain->image;
    const struct layout *l = image->layout;
    const struct image_run *run = chain->page;
    const struct image_heap *heap = image_heap_at(image, run->owner);
    uint64_t slice = run->arena->slices_at + (uint64_t)run->index * l->sizeof_slice;
    uint32_t found = 0;
    *count = 0;
    if (run->state == l->const_page_taken || run->held || run->carved > l->classes[run->size_class].capacity)
        return false;
    if (chain_follow(chain, layout_get(run->slice, l->slice_free), UINT32_MAX, &found) != CHAIN_ENDED)
        return false;
    *count += found;
    if (heap != NULL && layout_get_word(heap->bytes, l->heap_active, run->size_class) == slice) {
        if (chain_follow(chain, layout_get_word(heap->bytes, l->heap_list, run->size_class), UINT32_MAX, &found) !=
            CHAIN_ENDED)
            return false;
        *count += found;
    }
    if (run->kept != 0) {
        uint64_t head = chain->window.start + layout_get(run->slice, l->slice_foreign_head) * l->const_grain;
        if (chain_follow(chain, head, run->kept, &found) != CHAIN_ENDED)
            return false;
        *count += found;
    }
    if (run->in_holes != 0) {
        if (chain_holes(chain, &found) != CHAIN_ENDED)
            return false;
        *count += found;
    }
    return true;
}

static void pack_page(struct pack *runs, struct pack *bits, const struct image *image, const struct image_run *run,
                      size_t most, uint64_t *left_out)
{
    uint32_t capacity = image->layout->classes[run->size_class].capacity, count = 0;
    uint32_t at = BITS_NONE, used = run->out < run->carved ? run->out : run->carved;
    size_t bytes = (capacity + 7) / 8;
    struct chain chain;
    if (!chain_open(&chain, image, run)) {
        runs->out_of_memory = true;
    } else if (mark_free(&chain, &count)) {
        used = run->carved - count;
        if (count == 0) {
            at = BITS_ALL_USED;
        } else if (bits->size + bytes <= most) {
            at = (uint32_t)bits->size;
            for (size_t i = 0; i < bytes; i++)
                pack_number(bits, chain.seen[i / 8] >> i % 8 * 8, 1);
        } else {
            ++*left_out;
        }
    }
    chain_close(&chain);
    pack_number(runs, used, 2);
    pack_number(runs, run->carved, 2);
    pack_number(runs, at, 4);
}

static uint32_t heap_number(const struct image *image, uint64_t owner)
{
    const struct image_heap *heap = image_heap_at(image, owner);
    size_t number = heap != NULL ? (size_t)(heap - image->heaps) : NO_HEAP;
    return number < NO_HEAP ? (uint32_t)number : NO_HEAP;
}

void pack_runs(struct pack *runs, struct pack *bits, const struct image *image, const struct image_arena *arena,
               size_t most, uint64_t *left_out)
{
    struct image_run run;
    for (size_t i = 0; i < arena->slice_count; i += run.span) {
        image_run_at(image, arena, i, &run);
        if (run.kind == IMAGE_FREE)
            continue;
        pack_number(runs, run.index, 4);
        pack_number(runs, run.span, 4);
        pack_number(runs, run.kind == IMAGE_PAGE ? RUN_PAGE : run.kind == IMAGE_LARGE ? RUN_LARGE : RUN_CLAIMED, 1);
        pack_number(runs, run.kind == IMAGE_PAGE ? run.size_class : 0, 1);
        pack_number(runs, run.kind == IMAGE_PAGE ? heap_number(image, run.owner) : NO_HEAP, 2);
        if (run.kind == IMAGE_PAGE) {
            pack_page(runs, bits, image, &run, most, left_out);
        } else {
            pack_number(runs, (run.large_size + 4095) / 4096, 4);
            pack_number(runs, BITS_NONE, 4);
        }
    }
}

/* --- slices -------------------------------------------------------------------------------------------------------------- */

void pack_dirty(struct pack *pack, const struct image *image, const struct image_arena *arena)
{
    for (size_t s = 0; s < arena->segment_count; s++) {
        const char *segment = image_segment(image, arena, s);
        uint64_t free = layout_get(segment, image->layout->segment_free);
        pack_number(pack, free & layout_get(segment, image->layout->segment_dirty), 4);
    }
}

static void pack_segment_resident(struct pack *pack, const uint64_t *entries, size_t slices, size_t per_slice)
{
    for (size_t s = 0; s < slices; s++) {
        size_t count = 0;
        for (size_t i = 0; i < per_slice; i++)
            count += entries[s * per_slice + i] >> 63; /* present; see the kernel's pagemap.rst */
        pack_number(pack, (count * 16 + per_slice - 1) / per_slice, 1);
    }
}

bool pack_resident(struct pack *pack, const struct image *image, const struct image_arena *arena)
{
    const struct layout *l = image->layout;
    char path[64];
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t per_slice = l->const_slice_size / page, per_segment = per_slice * l->const_segment_slices;
    if (image->target->is_core || per_slice == 0)
        return false;
    snprintf(path, sizeof path, "/proc/%" PRIu32 "/pagemap", image->target->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t *entries = malloc(per_segment * sizeof *entries);
    bool done = fd >= 0 && entries != NULL;
    for (size_t s = 0; done && s < arena->segment_count; s++) {
        size_t size = per_segment * sizeof *entries;
        uint64_t at = arena->base / page + s * per_segment;
        done = pread(fd, entries, size, (off_t)(at * sizeof *entries)) == (ssize_t)size;
        if (done)
            pack_segment_resident(pack, entries, l->const_segment_slices, per_slice);
    }
    free(entries);
    if (fd >= 0)
        close(fd);
    return done;
}
