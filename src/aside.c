/* Beside a sanitizer roost stands aside, and says so once. In the shared library only. A sanitizer's runtime that is a library of its own does not work behind another
 * malloc: while it starts it calls what it has not set up yet. So the process begins anew without us, before anything of the program has
 * run. Where the runtime is in the program itself its malloc comes first, and nothing is left to do. SPDX-License-Identifier: MIT */
#include "face.h"
#include "os/fmt.h"
#include "os/os.h"

extern void __asan_init(void) __attribute__((weak));
extern void __hwasan_init(void) __attribute__((weak));
extern void __lsan_init(void) __attribute__((weak));
extern void __msan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));
extern void *malloc(size_t size);

static const char *sanitizer(void)
{
    return __asan_init != NULL     ? "AddressSanitizer"
           : __hwasan_init != NULL ? "HWAddressSanitizer"
           : __lsan_init != NULL   ? "LeakSanitizer"
           : __msan_init != NULL   ? "MemorySanitizer"
           : __tsan_init != NULL   ? "ThreadSanitizer"
                                   : NULL;
}

static bool ends_word(char c)
{
    return c == '\0' || c == ':' || c == ' ';
}

/* Take our library out of a list of libraries, in place. False: it is not there. By hand: the string functions are the sanitizer's. */
static bool take_out(char *list)
{
    static const char ours[] = "libroost.so"; /* and what may follow, as .0 */
    char *word = list;
    size_t same = 0; /* characters of the name that agree; one too many: it is another */
    for (char *at = list;; at++) {
        if (ends_word(*at) && same == sizeof ours - 1) {
            while ((*word++ = *at++) != '\0') {
            }
            return true;
        }
        if (*at == '\0')
            return false;
        if (ends_word(*at))
            word = at + 1;
        if (ends_word(*at) || *at == '/')
            same = 0;
        else if (same < sizeof ours - 1)
            same = *at == ours[same] ? same + 1 : sizeof ours;
    }
}

RST_COLD void rst_stand_aside(void)
{
    const char *name = sanitizer();
    if (name == NULL)
        return;
    bool first = rst_os_is_ours((const void *)(uintptr_t)malloc);
    rst_say("%s is in this program, and its allocator stays: roost stands aside", name);
    char *list = rst_os_first_environment("LD_PRELOAD");
    if (first && list != NULL && take_out(list))
        rst_os_begin_anew();
}
