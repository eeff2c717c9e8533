/* The notes of an ELF file, one after the other; every number in them is doubted. SPDX-License-Identifier: MIT */
#ifndef ROOST_TOOLS_NOTE_H
#define ROOST_TOOLS_NOTE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct note {
    uint32_t type, name_size, desc_size;
    const char *name, *desc;
};

/* The note at *at of `size` bytes of notes; *at goes on to the next. False: there is no whole one any more. */
static inline bool note_next(const char *notes, size_t size, size_t *at, struct note *out)
{
    Elf64_Nhdr header;
    if (size - *at < sizeof header)
        return false;
    memcpy(&header, notes + *at, sizeof header);
    uint64_t name = *at + sizeof header;
    uint64_t desc = name + (((uint64_t)header.n_namesz + 3) & ~3ull);
    uint64_t next = desc + (((uint64_t)header.n_descsz + 3) & ~3ull);
    if (desc > size || header.n_descsz > size - desc)
        return false;
    *out = (struct note){header.n_type, header.n_namesz, header.n_descsz, notes + name, notes + desc};
    *at = next < size ? (size_t)next : size;
    return true;
}

#endif
