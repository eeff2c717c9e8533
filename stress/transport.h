/* Channels between threads: ConcurrencyKit's ring and fifo behind one pair of functions that try to send and to receive a
 * pointer. Under ThreadSanitizer, to which ConcurrencyKit's assembler is invisible, C11 twins take their places: a bounded queue
 * after Dmitry Vyukov for each ring and for the fifo of many, a list with one atomic link for the fifo of one producer and one
 * consumer. A fifo's entries come from the allocator under test, too: those of a fifo of many are freed by the receiver.
 * SPDX-License-Identifier: MIT
 */
#ifndef ROOST_STRESS_TRANSPORT_H
#define ROOST_STRESS_TRANSPORT_H

#include "message.h"

#if defined(__SANITIZE_THREAD__)
#define TRANSPORT_TWINS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TRANSPORT_TWINS 1
#endif
#elif defined(__riscv) /* ConcurrencyKit 0.7 does not know it */
#define TRANSPORT_TWINS 1
#endif
#ifndef TRANSPORT_TWINS
#define TRANSPORT_TWINS 0
#include <ck_fifo.h>
#include <ck_ring.h>
#endif

enum transport { TRANSPORT_RING, TRANSPORT_FIFO, TRANSPORTS };

static const char *const transport_name[] = {"ring", "fifo"};

/* --- the C11 twins --- */

struct twin_slot {
    _Atomic size_t turn; /* position when empty, position + 1 when full */
    void *value;
};

struct twin_ring {
    struct twin_slot *slot;
    size_t mask;
    _Alignas(64) _Atomic size_t tail;
    _Alignas(64) _Atomic size_t head;
};

/* Claim the slot whose turn is `offset` ahead of its position; NULL: full, or empty. */
static inline struct twin_slot *twin_ring_claim(struct twin_ring *ring, _Atomic size_t *end, size_t offset, size_t *at)
{
    *at = atomic_load_explicit(end, memory_order_relaxed);
    for (;;) {
        struct twin_slot *slot = &ring->slot[*at & ring->mask];
        size_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
        if (turn == *at + offset) {
            if (atomic_compare_exchange_weak_explicit(end, at, *at + 1, memory_order_relaxed, memory_order_relaxed))
                return slot;
        } else if ((intptr_t)(turn - (*at + offset)) < 0) {
            return NULL;
        } else {
            *at = atomic_load_explicit(end, memory_order_relaxed);
        }
    }
}

static inline bool twin_ring_send(struct twin_ring *ring, void *value)
{
    size_t at;
    struct twin_slot *slot = twin_ring_claim(ring, &ring->tail, 0, &at);
    if (slot == NULL)
        return false;
    slot->value = value;
    atomic_store_explicit(&slot->turn, at + 1, memory_order_release);
    return true;
}

static inline bool twin_ring_receive(struct twin_ring *ring, void **value)
{
    size_t at;
    struct twin_slot *slot = twin_ring_claim(ring, &ring->head, 1, &at);
    if (slot == NULL)
        return false;
    *value = slot->value;
    atomic_store_explicit(&slot->turn, at + ring->mask + 1, memory_order_release);
    return true;
}

struct twin_entry {
    void *value;
    struct twin_entry *_Atomic next;
};

struct twin_fifo {
    struct twin_entry *head; /* consumer: the entry that was received last */
    char apart[64];
    struct twin_entry *tail; /* producer */
};

static inline void twin_fifo_send(struct twin_fifo *fifo, struct twin_entry *entry, void *value)
{
    entry->value = value;
    atomic_init(&entry->next, NULL);
    atomic_store_explicit(&fifo->tail->next, entry, memory_order_release);
    fifo->tail = entry;
}

static inline bool twin_fifo_receive(struct twin_fifo *fifo, void **value)
{
    struct twin_entry *old = fifo->head;
    struct twin_entry *entry = atomic_load_explicit(&old->next, memory_order_acquire);
    if (entry == NULL)
        return false;
    *value = entry->value;
    fifo->head = entry;
    rt.free(old);
    return true;
}

/* --- channels --- */

struct channel {
    enum transport transport;
    bool many_senders, many_receivers;
    size_t capacity;
    struct twin_ring twin;
    struct twin_fifo twin_fifo;
#if !TRANSPORT_TWINS
    ck_ring_t ring;
    ck_ring_buffer_t *buffer;
    ck_fifo_spsc_t spsc;
#ifdef CK_F_FIFO_MPMC
    ck_fifo_mpmc_t mpmc;
#endif
#endif
    _Alignas(64) _Atomic size_t waiting; /* in a fifo, which has no end of its own */
};

/* Entries that a receiver may free when no other thread is in the channel any more: linked by their first word. */
struct limbo {
    void *first;
};

static inline void limbo_put(struct limbo *limbo, void *entry)
{
    *(void **)entry = limbo->first;
    limbo->first = entry;
}

static inline void limbo_empty(struct limbo *limbo)
{
    while (limbo->first != NULL) {
        void *entry = limbo->first;
        limbo->first = *(void **)entry;
        rt.free(entry);
    }
}

static inline bool channel_is_fifo_of_two(const struct channel *c)
{
    return c->transport == TRANSPORT_FIFO && !c->many_senders && !c->many_receivers;
}

static inline bool channel_is_twin_ring(const struct channel *c)
{
    if (TRANSPORT_TWINS)
        return !channel_is_fifo_of_two(c);
#ifdef CK_F_FIFO_MPMC
    return false;
#else
    return c->transport == TRANSPORT_FIFO && !channel_is_fifo_of_two(c); /* no double-word compare-and-swap here */
#endif
}

static inline void *entry_make(size_t size)
{
    void *entry = rt.malloc(size);
    CHECK(entry != NULL);
    return entry;
}

static inline void twin_ring_init(struct twin_ring *ring, size_t capacity)
{
    ring->slot = rt.calloc(capacity, sizeof *ring->slot);
    CHECK(ring->slot != NULL);
    ring->mask = capacity - 1;
    for (size_t i = 0; i < capacity; i++)
        atomic_init(&ring->slot[i].turn, i);
}

/* `capacity`: a power of two; a ring holds one less. */
static inline struct channel *channel_make(enum transport transport, bool many_senders, bool many_receivers,
                                           size_t capacity)
{
    struct channel *c = rt.aligned_alloc(64, (sizeof *c + 63) & ~(size_t)63);
    CHECK(c != NULL);
    memset(c, 0, sizeof *c);
    c->transport = transport;
    c->many_senders = many_senders;
    c->many_receivers = many_receivers;
    c->capacity = capacity;
    if (channel_is_twin_ring(c)) {
        twin_ring_init(&c->twin, capacity);
        return c;
    }
#if TRANSPORT_TWINS
    struct twin_entry *stub = entry_make(sizeof *stub);
    atomic_init(&stub->next, NULL);
    c->twin_fifo.head = c->twin_fifo.tail = stub;
#else
    if (transport == TRANSPORT_RING) {
        ck_ring_init(&c->ring, (unsigned)capacity);
        c->buffer = rt.calloc(capacity, sizeof *c->buffer);
        CHECK(c->buffer != NULL);
    } else if (channel_is_fifo_of_two(c)) {
        ck_fifo_spsc_init(&c->spsc, entry_make(sizeof(ck_fifo_spsc_entry_t)));
    } else {
#ifdef CK_F_FIFO_MPMC
        ck_fifo_mpmc_init(&c->mpmc, entry_make(sizeof(ck_fifo_mpmc_entry_t)));
#endif
    }
#endif
    return c;
}

#if !TRANSPORT_TWINS
static inline bool ck_send(struct channel *c, void *value)
{
    if (c->transport == TRANSPORT_RING) {
        if (!c->many_senders)
            return c->many_receivers ? ck_ring_enqueue_spmc(&c->ring, c->buffer, value)
                                     : ck_ring_enqueue_spsc(&c->ring, c->buffer, value);
        return c->many_receivers ? ck_ring_enqueue_mpmc(&c->ring, c->buffer, value)
                                 : ck_ring_enqueue_mpsc(&c->ring, c->buffer, value);
    }
    if (channel_is_fifo_of_two(c)) {
        ck_fifo_spsc_entry_t *entry = ck_fifo_spsc_recycle(&c->spsc);
        rt.free(entry); /* not used again: it is the allocator that is to be busy */
        ck_fifo_spsc_enqueue(&c->spsc, entry_make(sizeof *entry), value);
        return true;
    }
#ifdef CK_F_FIFO_MPMC
    ck_fifo_mpmc_enqueue(&c->mpmc, entry_make(sizeof(ck_fifo_mpmc_entry_t)), value);
#endif
    return true;
}

static inline bool ck_receive(struct channel *c, void **value, struct limbo *limbo)
{
    if (c->transport == TRANSPORT_RING) {
        if (!c->many_senders)
            return c->many_receivers ? ck_ring_dequeue_spmc(&c->ring, c->buffer, value)
                                     : ck_ring_dequeue_spsc(&c->ring, c->buffer, value);
        return c->many_receivers ? ck_ring_dequeue_mpmc(&c->ring, c->buffer, value)
                                 : ck_ring_dequeue_mpsc(&c->ring, c->buffer, value);
    }
    if (channel_is_fifo_of_two(c))
        return ck_fifo_spsc_dequeue(&c->spsc, value);
#ifdef CK_F_FIFO_MPMC
    ck_fifo_mpmc_entry_t *garbage = NULL;
    if (!ck_fifo_mpmc_dequeue(&c->mpmc, value, &garbage))
        return false;
    limbo_put(limbo, garbage); /* another thread may still look at it */
#else
    (void)limbo;
#endif
    return true;
}
#endif

/* false: full. */
static inline bool channel_send(struct channel *c, void *value)
{
    if (channel_is_twin_ring(c))
        return twin_ring_send(&c->twin, value);
    bool counted = c->transport == TRANSPORT_FIFO;
    if (counted && atomic_load_explicit(&c->waiting, memory_order_relaxed) >= c->capacity)
        return false;
    if (counted)
        atomic_fetch_add_explicit(&c->waiting, 1, memory_order_relaxed);
#if TRANSPORT_TWINS
    twin_fifo_send(&c->twin_fifo, entry_make(sizeof(struct twin_entry)), value);
    return true;
#else
    return ck_send(c, value);
#endif
}

/* false: empty. */
static inline bool channel_receive(struct channel *c, void **value, struct limbo *limbo)
{
    if (channel_is_twin_ring(c))
        return twin_ring_receive(&c->twin, value);
#if TRANSPORT_TWINS
    (void)limbo;
    bool got = twin_fifo_receive(&c->twin_fifo, value);
#else
    bool got = ck_receive(c, value, limbo);
#endif
    if (got && c->transport == TRANSPORT_FIFO)
        atomic_fetch_sub_explicit(&c->waiting, 1, memory_order_relaxed);
    return got;
}

/* When it is empty and no thread is in it. */
static inline void channel_end(struct channel *c)
{
    rt.free(c->twin.slot);
    rt.free(c->twin_fifo.head);
#if !TRANSPORT_TWINS
    rt.free(c->buffer);
    if (c->spsc.garbage != NULL) {
        for (ck_fifo_spsc_entry_t *entry = c->spsc.garbage, *next; entry != NULL; entry = next) {
            next = entry->next;
            rt.free(entry);
        }
    }
#ifdef CK_F_FIFO_MPMC
    ck_fifo_mpmc_entry_t *stub = NULL;
    if (c->transport == TRANSPORT_FIFO && !channel_is_fifo_of_two(c)) {
        ck_fifo_mpmc_deinit(&c->mpmc, &stub);
        rt.free(stub);
    }
#endif
#endif
    rt.free(c);
}

#endif
