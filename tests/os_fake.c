/* The OS contract in memory: see os_fake.h. This file is the memory, os_fake_process.c the rest.
 *
 * One mapping is the pool; each of its pages has a state, and reservations are kept in a table sorted by address.
 * SPDX-License-Identifier: MIT */
#include "os_fake.h"

#include "os/atomic.h"
#include "os/os.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LEAST_PAGE = 4096, PAGES_MAX = FAKE_POOL / LEAST_PAGE, RESERVATIONS_MAX = 512, JUNK = 0xa5 };

enum { RESERVED = 1, COMMITTED = 2, MOVED = 4, PURGED = 8, PINNED = 16 }; /* bits of a page's state; 0: nobody's */

#define STATE "not committed, purged, or pinned"

typedef struct reservation {
    size_t first, count; /* pages */
} reservation;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *pool; /* [under lock] all of these */
static uint8_t state_of[PAGES_MAX];
static bool asks_huge[PAGES_MAX];
static reservation reservations[RESERVATIONS_MAX]; /* by address */
static unsigned reservation_count;
static uintptr_t elsewhere, there; /* where to answer from, and where that was last done */
static unsigned released_elsewhere;
static size_t to_pin; /* what is kept apart in explicit huge pages */
static unsigned calls[FAKE_KINDS], fail_from[FAKE_KINDS], fail_until[FAKE_KINDS], failures;

/* --- the contract, asserted --------------------------------------------------------------------------------------- */

static _Noreturn void forbidden(const char *function, const void *address, size_t size, const char *why)
{
    fprintf(stderr, "os_fake: %s(%p, %zu): %s\n", function, address, size, why);
    abort();
}

static void demand(bool holds, const char *function, const void *address, size_t size, const char *why)
{
    if (!holds)
        forbidden(function, address, size, why);
}

/* The index of an address's page; the range must be whole pages of the pool. */
static size_t page_index(const char *function, const void *address, size_t size)
{
    size_t offset = (size_t)((uintptr_t)address - (uintptr_t)pool);
    demand(pool != NULL && offset < FAKE_POOL && size <= FAKE_POOL - offset, function, address, size,
           "not in a reservation");
    demand(size != 0 && offset % FAKE_PAGE == 0 && size % FAKE_PAGE == 0, function, address, size, "not whole pages");
    return offset / FAKE_PAGE;
}

static const reservation *reservation_of(size_t page)
{
    for (unsigned i = 0; i < reservation_count; i++) {
        if (page - reservations[i].first < reservations[i].count)
            return &reservations[i];
    }
    return NULL;
}

/* Demand that all pages of a range are in one reservation and in a state that has, of `mask`, just `want`. */
static size_t demand_pages(const char *function, const void *address, size_t size, uint8_t mask, uint8_t want,
                           const char *why)
{
    size_t first = page_index(function, address, size);
    size_t count = size / FAKE_PAGE;
    const reservation *r = reservation_of(first);
    demand(r != NULL && first + count <= r->first + r->count, function, address, size, "not in one reservation");
    for (size_t i = first; i < first + count; i++)
        demand((state_of[i] & mask) == want, function, address, size, why);
    return first;
}

static void set_pages(size_t first, size_t size, uint8_t state)
{
    memset(state_of + first, state, size / FAKE_PAGE);
}

/* Whether this call is to fail. */
static bool must_fail(fake_kind kind)
{
    unsigned n = ++calls[kind];
    bool fail = n >= fail_from[kind] && n < fail_until[kind];
    failures += fail;
    return fail;
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

size_t fake_page_size(void)
{
    static _Atomic size_t known; /* relaxed: the same value whoever computes it */
    size_t size = rst_load_relaxed(&known);
    if (size == 0) {
        const char *text = getenv("ROOST_FAKE_PAGE");
        size = text != NULL ? strtoul(text, NULL, 10) : LEAST_PAGE;
        demand(size == LEAST_PAGE || size == 16384 || size == 65536, "page size", NULL, size, "not one of ours");
        rst_store_relaxed(&known, size);
    }
    return size;
}

size_t rst_os_page_size(void)
{
    return FAKE_PAGE;
}

static void make_pool(void)
{
    size_t slack = (size_t)64 << 20;
    char *p = mmap(NULL, FAKE_POOL + slack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        abort();
    pool = (char *)rst_align_up((uintptr_t)p, slack);
}

/* The first gap that holds `count` pages at the alignment; SIZE_MAX when there is none. *at: its place in the table. */
static size_t find_gap(size_t count, size_t alignment, unsigned *at)
{
    size_t begin = 0;
    for (*at = 0;; ++*at) {
        size_t end = *at < reservation_count ? reservations[*at].first : FAKE_POOL / FAKE_PAGE;
        size_t start = rst_align_up((uintptr_t)pool + begin * FAKE_PAGE, alignment) - (uintptr_t)pool;
        start /= FAKE_PAGE;
        if (start <= end && count <= end - start)
            return start;
        if (*at == reservation_count)
            return SIZE_MAX;
        begin = reservations[*at].first + reservations[*at].count;
    }
}

static void *reserve_locked(size_t size, size_t alignment)
{
    unsigned at;
    if (must_fail(FAKE_RESERVE) || size > FAKE_POOL || alignment > FAKE_POOL)
        return NULL;
    if (pool == NULL)
        make_pool();
    size_t first = find_gap(size / FAKE_PAGE, alignment, &at);
    if (first == SIZE_MAX || reservation_count == RESERVATIONS_MAX)
        return NULL;
    memmove(&reservations[at + 1], &reservations[at], (reservation_count - at) * sizeof reservations[0]);
    reservations[at] = (reservation){first, size / FAKE_PAGE};
    reservation_count++;
    set_pages(first, size, RESERVED);
    return pool + first * FAKE_PAGE;
}

void *rst_os_reserve(size_t size, size_t alignment)
{
    demand(size != 0 && size % FAKE_PAGE == 0, "reserve", NULL, size, "not whole pages");
    demand(rst_is_power_of_two(alignment) && alignment >= FAKE_PAGE, "reserve", NULL, alignment, "not an alignment");
    pthread_mutex_lock(&lock);
    void *p = elsewhere != 0 ? (void *)elsewhere : reserve_locked(size, alignment);
    there = elsewhere != 0 ? elsewhere : there;
    elsewhere = 0;
    pthread_mutex_unlock(&lock);
    return p;
}

/* Make pages inaccessible, and forget what they hold. */
static void close_pages(void *address, size_t size)
{
    if (mprotect(address, size, PROT_NONE) != 0 || madvise(address, size, MADV_DONTNEED) != 0)
        abort();
}

/* Committed pages that were purged can be touched again. */
static void open_pages(size_t first, size_t size)
{
    if (mprotect(pool + first * FAKE_PAGE, size, PROT_READ | PROT_WRITE) != 0)
        abort();
    for (size_t i = first; i < first + size / FAKE_PAGE; i++)
        state_of[i] &= (uint8_t)~PURGED;
}

bool rst_os_commit(void *address, size_t size)
{
    pthread_mutex_lock(&lock);
    size_t first = demand_pages("commit", address, size, COMMITTED, 0, "committed already: it would not read as zero");
    bool done = !must_fail(FAKE_COMMIT) && mprotect(address, size, PROT_READ | PROT_WRITE) == 0;
    if (done)
        set_pages(first, size, RESERVED | COMMITTED);
    pthread_mutex_unlock(&lock);
    return done;
}

/* As where large pages are a reservation of their own, and the rest another. */
static void split(size_t first, size_t count)
{
    unsigned at = 0;
    while (reservations[at].first != first)
        at++;
    if (reservations[at].count == count)
        return;
    memmove(&reservations[at + 1], &reservations[at], (reservation_count - at) * sizeof reservations[0]);
    reservations[at].count = count;
    reservations[at + 1].first += count;
    reservations[at + 1].count -= count;
    reservation_count++;
}

size_t rst_os_pin(void *address, size_t size, size_t page, size_t total, const char **why)
{
    pthread_mutex_lock(&lock);
    size_t first = demand_pages("pin", address, total, COMMITTED, 0, "committed");
    demand(rst_is_power_of_two(page) && page >= FAKE_PAGE && size <= total && size % page == 0 &&
               (uintptr_t)address % page == 0 && reservation_of(first)->first == first &&
               reservation_of(first)->count == total / FAKE_PAGE,
           "pin", address, size, "not whole huge pages at the beginning of a reservation");
    bool lost = must_fail(FAKE_PIN);
    size_t got = rst_min(size, rst_align_down(to_pin, page));
    if (!lost && got != 0) {
        if (mprotect(address, got, PROT_READ | PROT_WRITE) != 0)
            abort();
        split(first, got / FAKE_PAGE);
        set_pages(first, got, RESERVED | COMMITTED | PINNED);
        to_pin -= got;
    }
    *why = "the pool is empty";
    pthread_mutex_unlock(&lock);
    return lost ? SIZE_MAX : got;
}

void fake_pin_set(size_t bytes)
{
    to_pin = bytes;
}

bool rst_os_decommit(void *address, size_t size)
{
    pthread_mutex_lock(&lock);
    size_t first = demand_pages("decommit", address, size, COMMITTED | PINNED, COMMITTED, "not committed, or pinned");
    close_pages(address, size);
    set_pages(first, size, RESERVED);
    pthread_mutex_unlock(&lock);
    return true;
}

bool rst_os_purge(void *address, size_t size)
{
    pthread_mutex_lock(&lock);
    size_t first = demand_pages("purge", address, size, COMMITTED | PINNED, COMMITTED, "not committed, or pinned");
    bool done = !must_fail(FAKE_PURGE);
    if (done) {
        close_pages(address, size); /* "may not be touched before" rst_os_use */
        for (size_t i = first; i < first + size / FAKE_PAGE; i++)
            state_of[i] |= PURGED;
    } else {
        open_pages(first, size);
        memset(address, JUNK, size); /* "the contents are indeterminate" */
    }
    pthread_mutex_unlock(&lock);
    return done;
}

static void (*on_purge_inside)(void);

void fake_at_purge_inside(void (*call)(void))
{
    on_purge_inside = call;
}

bool rst_os_purge_inside(void *address, size_t size)
{
    void (*call)(void) = on_purge_inside;
    on_purge_inside = NULL;
    if (call != NULL)
        call();
    pthread_mutex_lock(&lock);
    demand_pages("purge inside", address, size, COMMITTED | PURGED | PINNED, COMMITTED, STATE);
    bool done = !must_fail(FAKE_PURGE) && madvise(address, size, MADV_DONTNEED) == 0;
    if (!done)
        memset(address, JUNK, size);
    pthread_mutex_unlock(&lock);
    return done;
}

uint64_t rst_os_purge_runs(const rst_os_run *run, unsigned count, bool inside, bool files)
{
    (void)files;
    return rst_os_purge_each(run, count, inside);
}

bool rst_os_use(void *address, size_t size)
{
    pthread_mutex_lock(&lock);
    size_t first = demand_pages("use", address, size, COMMITTED | PINNED, COMMITTED, "not committed, or pinned");
    bool done = !must_fail(FAKE_USE);
    if (done)
        open_pages(first, size);
    pthread_mutex_unlock(&lock);
    return done;
}

bool rst_os_huge(void *address, size_t size, bool wanted)
{
    pthread_mutex_lock(&lock);
    size_t first = demand_pages("huge", address, size, PINNED, 0, "pinned");
    bool done = !must_fail(FAKE_HUGE);
    if (done)
        memset(asks_huge + first, wanted, size / FAKE_PAGE);
    pthread_mutex_unlock(&lock);
    return done;
}

bool rst_os_huge_make(void *address, size_t size)
{
    pthread_mutex_lock(&lock);
    size_t first = demand_pages("huge_make", address, size, COMMITTED | PINNED, COMMITTED, "not committed, or pinned");
    bool done = !must_fail(FAKE_HUGE);
    demand(memchr(asks_huge + first, false, size / FAKE_PAGE) == NULL, "huge_make", address, size, "not asked for");
    pthread_mutex_unlock(&lock);
    return done;
}

bool rst_os_release_part(void *address, size_t size)
{
    (void)address;
    (void)size;
    return false; /* as where reservations are released only whole */
}

bool rst_os_release(void *address, size_t size)
{
    pthread_mutex_lock(&lock);
    if (there != 0 && address == (void *)there) {
        there = 0;
        released_elsewhere++;
        pthread_mutex_unlock(&lock);
        return true;
    }
    size_t first = page_index("release", address, size);
    unsigned at = 0;
    while (at < reservation_count && reservations[at].first != first)
        at++;
    demand(at < reservation_count && reservations[at].count == size / FAKE_PAGE, "release", address, size,
           "not a whole reservation");
    close_pages(address, size);
    set_pages(first, size, 0);
    reservation_count--;
    memmove(&reservations[at], &reservations[at + 1], (reservation_count - at) * sizeof reservations[0]);
    pthread_mutex_unlock(&lock);
    return true;
}

bool rst_os_move(void *from, void *to, size_t size)
{
    pthread_mutex_lock(&lock);
    size_t a = demand_pages("move from", from, size, COMMITTED | PURGED | PINNED, COMMITTED, STATE);
    size_t b = demand_pages("move to", to, size, COMMITTED | PURGED | PINNED, COMMITTED, STATE);
    demand(reservation_of(a) == reservation_of(b), "move", from, size, "from one reservation to another");
    demand((a < b ? b - a : a - b) >= size / FAKE_PAGE, "move", from, size, "the ranges overlap");
    bool one_mapping = memchr(asks_huge + a, !asks_huge[a], size / FAKE_PAGE) == NULL; /* the system moves no more */
    bool done = !must_fail(FAKE_MOVE) && one_mapping;
    if (done) {
        memset(asks_huge + b, asks_huge[a], size / FAKE_PAGE); /* mappings keep what was asked for them */
        memcpy(to, from, size);
        if (madvise(from, size, MADV_DONTNEED) != 0)
            abort();
        set_pages(a, size, RESERVED | COMMITTED | MOVED);
        set_pages(b, size, RESERVED | COMMITTED | MOVED);
    }
    pthread_mutex_unlock(&lock);
    return done;
}

bool rst_os_remap(void *address, size_t size)
{
    pthread_mutex_lock(&lock);
    size_t first = demand_pages("remap", address, size, COMMITTED | PURGED | PINNED, COMMITTED, STATE);
    bool done = !must_fail(FAKE_REMAP) && madvise(address, size, MADV_DONTNEED) == 0;
    if (done) {
        set_pages(first, size, RESERVED | COMMITTED);
        memset(asks_huge + first, false, size / FAKE_PAGE);
    }
    pthread_mutex_unlock(&lock);
    return done;
}

/* --- what a test asks --------------------------------------------------------------------------------------------- */

void fake_reserve_at(uintptr_t address)
{
    elsewhere = address;
}

unsigned fake_released_there(void)
{
    return released_elsewhere;
}

void fake_fail(fake_kind kind, unsigned nth, unsigned times)
{
    pthread_mutex_lock(&lock);
    fail_from[kind] = calls[kind] + nth;
    fail_until[kind] = times > UINT32_MAX - fail_from[kind] ? UINT32_MAX : fail_from[kind] + times;
    pthread_mutex_unlock(&lock);
}

void fake_fail_none(void)
{
    pthread_mutex_lock(&lock);
    memset(fail_until, 0, sizeof fail_until);
    pthread_mutex_unlock(&lock);
}

unsigned fake_failures(void)
{
    return failures;
}

unsigned fake_calls(fake_kind kind)
{
    return calls[kind];
}

bool fake_reservation(unsigned i, void **address, size_t *size)
{
    if (i >= reservation_count)
        return false;
    *address = pool + reservations[i].first * FAKE_PAGE;
    *size = reservations[i].count * FAKE_PAGE;
    return true;
}

static size_t bytes_with(const void *address, size_t size, uint8_t bit)
{
    size_t first = page_index("ask", address, size);
    size_t found = 0;
    for (size_t i = first; i < first + size / FAKE_PAGE; i++)
        found += (state_of[i] & bit) != 0;
    return found * FAKE_PAGE;
}

size_t fake_committed(const void *address, size_t size)
{
    return bytes_with(address, size, COMMITTED);
}

size_t fake_moved(const void *address, size_t size)
{
    return bytes_with(address, size, MOVED);
}

size_t fake_huge(const void *address, size_t size)
{
    size_t first = page_index("ask", address, size);
    size_t found = 0;
    for (size_t i = first; i < first + size / FAKE_PAGE; i++)
        found += asks_huge[i];
    return found * FAKE_PAGE;
}

static size_t present_bytes(const void *address, size_t size)
{
    static unsigned char present[PAGES_MAX];
    if (mincore((void *)(uintptr_t)address, size, present) != 0)
        abort();
    size_t found = 0;
    size_t page = (size_t)sysconf(_SC_PAGESIZE); /* the machine's, by which mincore counts */
    for (size_t i = 0; i < size / page; i++)
        found += present[i] & 1u;
    return found * page;
}

/* Closed pages hold nothing, and qemu's mincore refuses them. */
size_t fake_resident(const void *address, size_t size)
{
    size_t first = page_index("ask", address, size), end = first + size / FAKE_PAGE, found = 0;
    for (size_t i = first, from; i < end; i++) {
        for (from = i; i < end && (state_of[i] & (COMMITTED | PURGED)) == COMMITTED;)
            i++;
        if (i != from)
            found += present_bytes(pool + from * FAKE_PAGE, (i - from) * FAKE_PAGE);
    }
    return found;
}
