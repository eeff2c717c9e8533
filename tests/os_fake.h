/* The OS contract of src/os/os.h in memory: what a test may ask of it. Memory is real, from one bounded pool; a call that
 * the contract forbids ends the program, and touching what is not committed is a fault. A call that is made to fail does
 * the worst that the contract allows.
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_TESTS_OS_FAKE_H
#define ROOST_TESTS_OS_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_PAGE (fake_page_size())
#define FAKE_POOL ((size_t)256 << 20) /* all that can be reserved */

/* 4096, or what the variable ROOST_FAKE_PAGE of the test's own environment says: 16384 or 65536. */
size_t fake_page_size(void);

typedef enum fake_kind {
    FAKE_RESERVE,
    FAKE_COMMIT,
    FAKE_PURGE,
    FAKE_USE,
    FAKE_REMAP,
    FAKE_MOVE,
    FAKE_HUGE,
    FAKE_PIN, /* the reservation is lost */
    FAKE_KINDS
} fake_kind;

/* Let the nth call of a kind from now on fail (1: the next), and the `times` - 1 after it. */
void fake_fail(fake_kind kind, unsigned nth, unsigned times);

/* Let the next reservation be answered with this address, behind which there is nothing; it may only be released. And how often that was
 * done. */
void fake_reserve_at(uintptr_t address);
unsigned fake_released_there(void);

/* How much is kept apart in explicit huge pages: none at first. */
void fake_pin_set(size_t bytes);

/* No failures any more. */
void fake_fail_none(void);

/* Failures on demand so far, and calls of a kind so far. */
unsigned fake_failures(void);
unsigned fake_calls(fake_kind kind);

/* The clock stands still unless it is set. Starts at 1000. */
void fake_clock_set(uint64_t ms);

/* At the next look at the clock call this, once: what another thread does just then. For tests of one thread. */
void fake_at_clock(void (*call)(void));

/* At the next rst_os_purge_inside call this, once, before anything is done: another thread comes by, or a signal. */
void fake_at_purge_inside(void (*call)(void));

/* What rst_os_physical_memory and rst_os_address_space_left answer: 0 and SIZE_MAX at first. */
void fake_set_limits(size_t physical, size_t address_space);

/* What rst_os_memory_left answers: SIZE_MAX at first. And how often it was asked. */
void fake_memory_set(size_t least, size_t limit, size_t room);
unsigned fake_memory_looks(void);

/* How often it was asked whether a thread has ended. No thread has. */
unsigned fake_thread_looks(void);

/* Set a variable of the environment; NULL unsets it. The texts must stay. */
void fake_environment(const char *name, const char *value);
void fake_environment_clear(void);

/* The only file there is; NULL: none. And whether the program is one whose user is not trusted. The texts must stay. */
void fake_file(const char *path, const char *content);
void fake_secure(bool secure);

/* What has been written to standard error, terminated; and forget it. */
const char *fake_errors(void);
void fake_errors_clear(void);

/* The ith reservation; false when there are no more. */
bool fake_reservation(unsigned i, void **address, size_t *size);

/* Bytes of [address, address + size) that are committed, resident, moved but not remapped since, and for which huge pages are asked. */
size_t fake_committed(const void *address, size_t size);
size_t fake_resident(const void *address, size_t size);
size_t fake_moved(const void *address, size_t size);
size_t fake_huge(const void *address, size_t size);

/* The thread-exit hook that the library set, for a test that plays the system. */
void (*fake_thread_exit_hook(void))(void);

#endif
