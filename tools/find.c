/* Finding roost in a target: by the note that lies in memory beside the program headers of whatever was loaded. So it is found in
 * a library, in a program that it was linked into, stripped or not, and when the file is gone. SPDX-License-Identifier: MIT */
#include "cli.h"
#include "layout.h"
#include "note.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>

enum { NOTE_SEGMENT_MAX = 1 << 16, COPIES_MAX = 16 };

struct object {
    const struct target_region *region; /* where the ELF header is */
    uint64_t bias;                      /* address of what the file calls 0 */
    uint64_t code_start, code_end;
    uint64_t descriptor; /* 0: none */
};

/* The descriptor that a segment of notes at `address` leads to, or 0. */
static uint64_t search_notes(struct target *target, uint64_t address, uint64_t size)
{
    uint64_t found = 0;
    if (size > NOTE_SEGMENT_MAX)
        return 0;
    char *notes = malloc((size_t)size + 1);
    if (notes == NULL || !target->read(target, address, notes, (size_t)size))
        size = 0;
    struct note note;
    for (size_t at = 0; found == 0 && note_next(notes, (size_t)size, &at, &note);) {
        if (note.type == ROOST_LIVE_NOTE_TYPE && note.name_size == sizeof ROOST_LIVE_NOTE_NAME &&
            note.desc_size == sizeof(int64_t) && memcmp(note.name, ROOST_LIVE_NOTE_NAME, note.name_size) == 0) {
            int64_t distance;
            memcpy(&distance, note.desc, sizeof distance);
            found = address + (uint64_t)(note.desc - notes) + (uint64_t)distance;
        }
    }
    free(notes);
    return found;
}

/* What the program headers of an object say. */
static void read_object(struct target *target, struct object *object, const Elf64_Ehdr *elf)
{
    uint64_t start = object->region->start;
    bool biased = false;
    for (unsigned i = 0; i < elf->e_phnum; i++) {
        Elf64_Phdr header;
        if (!target->read(target, start + elf->e_phoff + i * sizeof header, &header, sizeof header))
            return;
        if (header.p_type == PT_LOAD && !biased) {
            object->bias = start - (header.p_vaddr - header.p_offset);
            biased = true;
        }
        if (header.p_type == PT_LOAD && (header.p_flags & PF_X) != 0) {
            object->code_start = object->bias + header.p_vaddr;
            object->code_end = object->code_start + header.p_memsz;
        }
        if (header.p_type == PT_NOTE && biased && object->descriptor == 0)
            object->descriptor = search_notes(target, object->bias + header.p_vaddr, header.p_memsz);
    }
}

/* The object that begins with a region, if one does and has roost. */
static bool object_at(struct target *target, const struct target_region *region, struct object *object)
{
    Elf64_Ehdr elf;
    *object = (struct object){.region = region};
    if (region->file_offset != 0 || region->end - region->start < sizeof elf ||
        !target->read(target, region->start, &elf, sizeof elf) || memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 ||
        elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_phentsize != sizeof(Elf64_Phdr) ||
        (elf.e_type != ET_DYN && elf.e_type != ET_EXEC))
        return false;
    read_object(target, object, &elf);
    return object->descriptor != 0;
}

/* Bytes that the first arena of a layout has committed: tells which of several copies is the one in use. */
static uint64_t committed(struct target *target, const struct layout *layout)
{
    uint64_t frontier = 0;
    if (layout->arena_frontier.extent != sizeof frontier ||
        !target->read(target, layout->arenas + layout->arena_frontier.value, &frontier, sizeof frontier))
        return 0;
    return frontier;
}

static void note_object(struct layout *layout, const struct object *object)
{
    layout->code_start = object->code_start;
    layout->code_end = object->code_end;
    snprintf(layout->object, sizeof layout->object, "%s", object->region->path != NULL ? object->region->path : "");
}

/* No object has it. Was it another kind of program, or is the core without what is needed? */
static int none_found(struct target *target, struct problem *problem)
{
    char probe[4];
    size_t missing = 0;
    const struct target_region *first = NULL;
    for (size_t i = target->region_count; i-- != 0;) {
        if (!target->read(target, target->regions[i].start, probe, sizeof probe)) {
            first = &target->regions[i];
            missing++;
        }
    }
    if (first != NULL && (target->cut || missing == target->region_count))
        return target->why(target, first->start, problem);
    return problem_set(problem, CLI_NO_ROOST, "%s has no roost in it", target->label);
}

int layout_find(struct layout *layout, struct target *target, unsigned *copies, struct problem *problem)
{
    struct problem last = {.code = CLI_OK};
    *copies = 0;
    *layout = (struct layout){.arenas = 0};
    for (size_t i = 0; i < target->region_count && *copies < COPIES_MAX; i++) {
        struct object object;
        struct layout other;
        struct problem here = {.code = CLI_OK};
        if (!object_at(target, &target->regions[i], &object))
            continue;
        if (layout_read(&other, target, object.descriptor, &here) != CLI_OK) {
            last = here;
            continue;
        }
        note_object(&other, &object);
        bool better = *copies == 0 || committed(target, &other) > committed(target, layout);
        if (better) {
            layout_free(layout);
            *layout = other;
        } else {
            layout_free(&other);
        }
        ++*copies;
    }
    if (*copies != 0)
        return CLI_OK;
    if (last.code != CLI_OK) {
        *problem = last;
        return last.code;
    }
    return none_found(target, problem);
}
