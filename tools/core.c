/* A core file: memory from its PT_LOAD segments, mappings from NT_FILE, threads from NT_PRSTATUS. What the kernel left out because
 * a program's file has it is read from that file. Every number in the file is doubted. SPDX-License-Identifier: MIT */
#include "cli.h"
#include "note.h"
#include "target.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOTES_MAX = 64 << 20 };

struct segment {
    uint64_t address, memory_size, offset, file_size;
};

struct core {
    int fd;                   /* -1: the bytes are in memory */
    const char *bytes;        /* not ours */
    uint64_t size;            /* of the file */
    struct segment *segments; /* by address */
    size_t segment_count;
};

/* --- the file ---------------------------------------------------------------------------------------------------------- */

static bool file_read(const struct core *core, uint64_t offset, void *to, size_t size)
{
    char *at = to;
    if (offset > core->size || size > core->size - offset)
        return false;
    if (core->fd < 0) {
        memcpy(to, core->bytes + offset, size);
        return true;
    }
    while (size != 0) {
        ssize_t got = pread(core->fd, at, size, (off_t)offset);
        if (got <= 0)
            return false;
        at += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return true;
}

/* The segment that has an address, or NULL. */
static const struct segment *segment_of(const struct core *core, uint64_t address)
{
    size_t low = 0, high = core->segment_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct segment *segment = &core->segments[middle];
        if (address < segment->address)
            high = middle;
        else if (address - segment->address >= segment->memory_size)
            low = middle + 1;
        else
            return segment;
    }
    return NULL;
}

/* Memory that the core does not have, from the file that was mapped there. */
static bool read_mapped_file(const struct target *target, uint64_t address, void *to, size_t size)
{
    for (size_t i = 0; i < target->region_count; i++) {
        const struct target_region *region = &target->regions[i];
        if (region->path == NULL || address < region->start || address >= region->end || size > region->end - address)
            continue;
        struct stat status;
        int fd = open(region->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
            return false;
        ssize_t got = -1;
        if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
            got = pread(fd, to, size, (off_t)(region->file_offset + (address - region->start)));
        close(fd);
        return got == (ssize_t)size;
    }
    return false;
}

static bool core_read(struct target *target, uint64_t address, void *to, size_t size)
{
    const struct core *core = target->own;
    char *at = to;
    while (size != 0) {
        const struct segment *segment = segment_of(core, address);
        uint64_t inside = segment != NULL ? address - segment->address : 0;
        if (segment == NULL || inside >= segment->file_size)
            return core->fd >= 0 && read_mapped_file(target, address, at, size);
        size_t here = size < segment->file_size - inside ? size : (size_t)(segment->file_size - inside);
        if (!file_read(core, segment->offset + inside, at, here))
            return false;
        at += here;
        address += here;
        size -= here;
    }
    return true;
}

static int core_why(struct target *target, uint64_t address, struct problem *problem)
{
    if (target->cut)
        return problem_set(problem, CLI_LOST, "%s is truncated: memory at %#" PRIx64 " is beyond its end",
                           target->label, address);
    return problem_set(problem, CLI_LOST, "%s does not have the memory at %#" PRIx64 "; see core(5), coredump_filter",
                       target->label, address);
}

static void core_close(struct target *target)
{
    struct core *core = target->own;
    if (core->fd >= 0)
        close(core->fd);
    free(core->segments);
    free(core);
}

/* --- notes ------------------------------------------------------------------------------------------------------------- */

static uint64_t word_at(const char *bytes, size_t index)
{
    uint64_t value;
    memcpy(&value, bytes + index * sizeof value, sizeof value);
    return value;
}

/* NT_FILE: how many, page size, then start, end and offset in pages of each, then the names. */
static void read_file_note(struct target *target, const char *desc, size_t size)
{
    if (size < 16)
        return;
    uint64_t count = word_at(desc, 0), page = word_at(desc, 1);
    if (count > (size - 16) / 24)
        return;
    size_t name_at = 16 + (size_t)count * 24;
    for (size_t i = 0; i < count; i++) {
        const char *name = desc + name_at;
        size_t length = strnlen(name, size - name_at);
        struct target_region region = {.start = word_at(desc, 2 + i * 3), .end = word_at(desc, 3 + i * 3)};
        if (length == size - name_at)
            return;
        if (!__builtin_mul_overflow(word_at(desc, 4 + i * 3), page, &region.file_offset) && region.start < region.end)
            target_add_region(target, region, name);
        name_at += length + 1;
    }
}

static void read_status_note(struct target *target, const char *desc, size_t size)
{
    struct elf_prstatus status;
    if (size < sizeof status)
        return;
    memcpy(&status, desc, sizeof status);
    struct target_thread thread = {.id = (uint32_t)status.pr_pid, .outer_id = (uint32_t)status.pr_pid};
#if defined(__x86_64__)
    thread.pc = status.pr_reg[16]; /* rip, see struct user_regs_struct */
    thread.sp = status.pr_reg[19];
#elif defined(__aarch64__)
    thread.pc = status.pr_reg[32];
    thread.sp = status.pr_reg[31];
#endif
    target_add_thread(target, thread);
}

static void read_process_note(struct target *target, const char *desc, size_t size)
{
    struct elf_prpsinfo info;
    if (size < sizeof info)
        return;
    memcpy(&info, desc, sizeof info);
    target->pid = (uint32_t)info.pr_pid;
    memcpy(target->program, info.pr_fname, sizeof info.pr_fname);
    target->program[sizeof info.pr_fname] = '\0';
    for (char *c = target->program; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || (unsigned char)*c >= 127)
            *c = '?';
    }
}

static void read_notes(struct target *target, const struct core *core, const Elf64_Phdr *header)
{
    size_t size = header->p_filesz < NOTES_MAX ? (size_t)header->p_filesz : NOTES_MAX;
    char *notes = malloc(size + 1);
    if (notes == NULL || !file_read(core, header->p_offset, notes, size))
        size = 0;
    struct note note;
    for (size_t at = 0; note_next(notes, size, &at, &note);) {
        if (note.type == NT_FILE)
            read_file_note(target, note.desc, note.desc_size);
        else if (note.type == NT_PRSTATUS)
            read_status_note(target, note.desc, note.desc_size);
        else if (note.type == NT_PRPSINFO)
            read_process_note(target, note.desc, note.desc_size);
    }
    free(notes);
}

/* --- opening ----------------------------------------------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
    const struct segment *one = a, *other = b;
    return (one->address > other->address) - (one->address < other->address);
}

static bool add_segment(struct target *target, struct core *core, const Elf64_Phdr *header)
{
    struct segment segment = {.address = header->p_vaddr,
                              .memory_size = header->p_memsz,
                              .offset = header->p_offset,
                              .file_size = header->p_filesz < header->p_memsz ? header->p_filesz : header->p_memsz};
    uint64_t end;
    if (segment.memory_size == 0 || __builtin_add_overflow(segment.address, segment.memory_size, &end))
        return true;
    if (segment.file_size != 0 && (segment.offset > core->size || segment.file_size > core->size - segment.offset)) {
        target->cut = true;
        segment.file_size = segment.offset < core->size ? core->size - segment.offset : 0;
    }
    if ((core->segment_count & (core->segment_count - 1)) == 0) {
        size_t capacity = core->segment_count == 0 ? 1 : core->segment_count * 2;
        struct segment *segments = realloc(core->segments, capacity * sizeof *segments);
        if (segments == NULL)
            return false;
        core->segments = segments;
    }
    core->segments[core->segment_count++] = segment;
    return true;
}

/* How many program headers; beyond 65,534 section 0 tells. */
static uint64_t header_count(const struct core *core, const Elf64_Ehdr *elf)
{
    Elf64_Shdr first;
    if (elf->e_phnum == PN_XNUM && file_read(core, elf->e_shoff, &first, sizeof first))
        return first.sh_info;
    return elf->e_phnum;
}

/* Regions of a core are those of files; memory of a process without such a note is still found by its segments. */
static void add_segments_as_regions(struct target *target, const struct core *core)
{
    for (size_t i = 0; i < core->segment_count; i++) {
        const struct segment *segment = &core->segments[i];
        struct target_region region = {.start = segment->address, .end = segment->address + segment->memory_size};
        target_add_region(target, region, NULL);
    }
}

static int core_parse(struct target *target, struct core *core, struct problem *problem)
{
    Elf64_Ehdr elf;
    if (!file_read(core, 0, &elf, sizeof elf) || memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_type != ET_CORE)
        return problem_set(problem, CLI_NO_TARGET, "%s is neither a process number nor a core file", target->label);
    if (elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_phentsize != sizeof(Elf64_Phdr))
        return problem_set(problem, CLI_NO_ROOST, "%s is not of a 64-bit process", target->label);
    uint64_t count = header_count(core, &elf);
    for (uint64_t i = 0; i < count; i++) {
        Elf64_Phdr header;
        if (elf.e_phoff > core->size || !file_read(core, elf.e_phoff + i * sizeof header, &header, sizeof header))
            return problem_set(problem, CLI_LOST, "%s is truncated: its program headers are not whole", target->label);
        if (header.p_type == PT_NOTE)
            read_notes(target, core, &header);
        else if (header.p_type == PT_LOAD && !add_segment(target, core, &header))
            return problem_set(problem, CLI_FAILED, "out of memory");
    }
    if (core->segment_count != 0)
        qsort(core->segments, core->segment_count, sizeof *core->segments, by_address);
    if (target->region_count == 0)
        add_segments_as_regions(target, core);
    return CLI_OK;
}

static int core_take(struct target *target, struct core core, struct problem *problem)
{
    struct core *own = malloc(sizeof *own);
    if (own == NULL) {
        if (core.fd >= 0)
            close(core.fd);
        return problem_set(problem, CLI_FAILED, "out of memory");
    }
    *own = core;
    target->own = own;
    target->is_core = target->still = true;
    target->read = core_read;
    target->close = core_close;
    target->why = core_why;
    int code = core_parse(target, own, problem);
    if (code != CLI_OK)
        target_close(target);
    return code;
}

int core_open_bytes(struct target *target, const void *bytes, size_t size, struct problem *problem)
{
    *target = (struct target){.is_core = true};
    snprintf(target->label, sizeof target->label, "core");
    return core_take(target, (struct core){.fd = -1, .bytes = bytes, .size = size}, problem);
}

int core_open(struct target *target, const char *path, struct problem *problem)
{
    struct stat status;
    *target = (struct target){.is_core = true};
    snprintf(target->label, sizeof target->label, "%s", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a fifo shall not hold us up */
    if (fd < 0)
        return problem_set(problem, errno == EACCES ? CLI_NO_PERMISSION : CLI_NO_TARGET, "%s: %s", path,
                           strerror(errno));
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return problem_set(problem, CLI_NO_TARGET, "%s is neither a process number nor a core file", path);
    }
    return core_take(target, (struct core){.fd = fd, .size = (uint64_t)status.st_size}, problem);
}
