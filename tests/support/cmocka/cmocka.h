/* The part of cmocka's interface that roost's tests use, for systems and processors that cmocka was not built for (musl, cross builds).
 * Where cmocka is installed for the target it is used, and this file is not: see cmake/RoostTest.cmake.
 *
 * A failed assertion prints one line and leaves the test by longjmp; in any other thread than main's it ends the program.
 * Include as cmocka is: after <setjmp.h>, <stdarg.h>, <stddef.h> and <stdint.h>. SPDX-License-Identifier: MIT */
#ifndef ROOST_TESTS_CMOCKA_H
#define ROOST_TESTS_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef void (*CMUnitTestFunction)(void **state);
typedef int (*CMFixtureFunction)(void **state);

struct CMUnitTest {
    const char *name;
    CMUnitTestFunction test_func;
    CMFixtureFunction setup_func, teardown_func;
    void *initial_state;
};

#define cmocka_unit_test_setup_teardown(test, setup, teardown) \
    { \
#test, test, setup, teardown, NULL \
    }
#define cmocka_unit_test(test) cmocka_unit_test_setup_teardown(test, NULL, NULL)
#define cmocka_unit_test_setup(test, setup) cmocka_unit_test_setup_teardown(test, setup, NULL)
#define cmocka_run_group_tests(tests, setup, teardown) \
    cmocka_own_run(tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)
#define print_message(...) printf(__VA_ARGS__)

/* --- leaving a test ---------------------------------------------------------------------------------------------- */

enum { CMOCKA_OWN_FAILED = 1, CMOCKA_OWN_SKIPPED };

static jmp_buf cmocka_own_end; /* main thread alone */

static inline _Noreturn void cmocka_own_leave(int how)
{
    if ((long)getpid() != (long)syscall(SYS_gettid)) {
        fflush(stderr);
        abort();
    }
    longjmp(cmocka_own_end, how);
}

#ifdef __MINGW_PRINTF_FORMAT
#define CMOCKA_OWN_FORMAT __MINGW_PRINTF_FORMAT
#else
#define CMOCKA_OWN_FORMAT printf
#endif

__attribute__((format(CMOCKA_OWN_FORMAT, 3, 4))) static inline _Noreturn void
cmocka_own_fail(const char *file, int line, const char *format, ...)
{
    va_list more;
    fprintf(stderr, "%s:%d: ", file, line);
    va_start(more, format);
    vfprintf(stderr, format, more);
    va_end(more);
    fputc('\n', stderr);
    cmocka_own_leave(CMOCKA_OWN_FAILED);
}

#define skip() cmocka_own_leave(CMOCKA_OWN_SKIPPED)
#define fail_msg(...) cmocka_own_fail(__FILE__, __LINE__, __VA_ARGS__)
#define fail() fail_msg("failed")

/* --- assertions ----------------------------------------------------------------------------------------------------- */

static inline void cmocka_own_integers(uintmax_t a, uintmax_t b, int equal, const char *file, int line)
{
    if ((a == b) != equal)
        cmocka_own_fail(file, line, "%#jx %s %#jx", a, equal ? "!=" : "==", b);
}

static inline void cmocka_own_range(uintmax_t value, uintmax_t least, uintmax_t most, const char *file, int line)
{
    if (value < least || value > most)
        cmocka_own_fail(file, line, "%ju is not within %ju..%ju", value, least, most);
}

static inline void cmocka_own_strings(const char *a, const char *b, const char *file, int line)
{
    if (strcmp(a, b) != 0)
        cmocka_own_fail(file, line, "\"%s\" != \"%s\"", a, b);
}

static inline void cmocka_own_bytes(const void *a, const void *b, size_t size, const char *file, int line)
{
    if (memcmp(a, b, size) != 0)
        cmocka_own_fail(file, line, "%zu bytes differ", size);
}

#define assert_true(condition) ((condition) ? (void)0 : fail_msg("not true: %s", #condition))
#define assert_false(condition) ((condition) ? fail_msg("not false: %s", #condition) : (void)0)
#define assert_null(pointer) assert_true((pointer) == NULL)
#define assert_non_null(pointer) assert_true((pointer) != NULL)
#define assert_int_equal(a, b) cmocka_own_integers((uintmax_t)(a), (uintmax_t)(b), 1, __FILE__, __LINE__)
#define assert_int_not_equal(a, b) cmocka_own_integers((uintmax_t)(a), (uintmax_t)(b), 0, __FILE__, __LINE__)
#define assert_ptr_equal(a, b) cmocka_own_integers((uintptr_t)(a), (uintptr_t)(b), 1, __FILE__, __LINE__)
#define assert_ptr_not_equal(a, b) cmocka_own_integers((uintptr_t)(a), (uintptr_t)(b), 0, __FILE__, __LINE__)
#define assert_string_equal(a, b) cmocka_own_strings(a, b, __FILE__, __LINE__)
#define assert_memory_equal(a, b, size) cmocka_own_bytes(a, b, size, __FILE__, __LINE__)
#define assert_in_range(value, least, most) \
    cmocka_own_range((uintmax_t)(value), (uintmax_t)(least), (uintmax_t)(most), __FILE__, __LINE__)

/* --- running ---------------------------------------------------------------------------------------------------------- */

/* Returns 0, or how the test was left. */
static inline int cmocka_own_one(const struct CMUnitTest *test, void **state)
{
    volatile int how = setjmp(cmocka_own_end);
    if (how != 0)
        return how;
    if (test->setup_func != NULL && test->setup_func(state) != 0)
        fail_msg("%s: the setup failed", test->name);
    test->test_func(state);
    return 0;
}

static inline int cmocka_own_run(const struct CMUnitTest *tests, size_t count, CMFixtureFunction setup,
                                 CMFixtureFunction teardown)
{
    static const char *const verdicts[] = {"OK", "FAILED", "SKIPPED"};
    int failed = 0;
    void *group = NULL;
    if (setup != NULL && setup(&group) != 0)
        return 1;
    for (size_t i = 0; i < count; i++) {
        void *state = tests[i].initial_state != NULL ? tests[i].initial_state : group;
        int how = cmocka_own_one(&tests[i], &state);
        if (tests[i].teardown_func != NULL && tests[i].teardown_func(&state) != 0)
            how = CMOCKA_OWN_FAILED;
        printf("[ %s ] %s\n", verdicts[how], tests[i].name);
        fflush(stdout);
        failed += how == CMOCKA_OWN_FAILED;
    }
    if (teardown != NULL && teardown(&group) != 0)
        failed++;
    return failed;
}

#endif
