/* A note in the program file, by which other programs find a symbol of ours in a process or a core file.
 * ELF systems have notes; on others nothing is found from outside. SPDX-License-Identifier: MIT */
#ifndef RST_OS_NOTE_H
#define RST_OS_NOTE_H

#ifdef __ELF__
/* At file scope: a note of `name` (a string of 4 to 7 characters) and `type` whose contents is the distance from there to `symbol`, which is
 * hidden or static. The compiler cannot compute that, the assembler and the linker can. */
#define RST_OS_NOTE(name, type, symbol) \
    __asm__(".pushsection .note." name ",\"a\",%note\n" \
            ".balign 4\n" \
            ".long 8f - 7f, 10f - 9f, " #type "\n" \
            "7: .asciz \"" name "\"\n" \
            "8: .balign 4\n" \
            "9: .quad " #symbol " - 9b\n" \
            "10: .popsection\n")
#else
#define RST_OS_NOTE(name, type, symbol) extern int rst_os_no_note
#endif

#endif
