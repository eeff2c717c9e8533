/* kvserver: mailboxes (see mailbox.h). Owns the rings and the eventfd.
 *
 * The sleep protocol is the usual one of two flags: the consumer sets `sleeping`, then looks for messages;
 * a producer puts the message, then looks at `sleeping`. A full barrier stands between the two steps on
 * both sides, so at least one of them sees the other.
 *
 * SPDX-License-Identifier: MIT
 */
#include "mailbox.h"

#include "kv.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KV_MUTEX_LANES 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) && !defined(KV_MUTEX_LANES)
#define KV_MUTEX_LANES 1
#endif

enum { LANE_CAPACITY = 1024 };
static_assert((int)KV_MAX_CONNECTIONS < (int)LANE_CAPACITY, "a ck_ring holds one message less than its capacity");

#ifdef KV_MUTEX_LANES
#include <pthread.h>

struct lane {
    pthread_mutex_t lock;
    unsigned head, tail;
    void *slots[LANE_CAPACITY];
};

static void lane_init(struct lane *lane)
{
    pthread_mutex_init(&lane->lock, NULL);
    lane->head = lane->tail = 0;
}

static void lane_fini(struct lane *lane)
{
    pthread_mutex_destroy(&lane->lock);
}

static bool lane_push(struct lane *lane, void *message)
{
    pthread_mutex_lock(&lane->lock);
    bool fits = lane->tail - lane->head < LANE_CAPACITY;
    if (fits)
        lane->slots[lane->tail++ % LANE_CAPACITY] = message;
    pthread_mutex_unlock(&lane->lock);
    return fits;
}

static void *lane_pop(struct lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    void *message = lane->head == lane->tail ? NULL : lane->slots[lane->head++ % LANE_CAPACITY];
    pthread_mutex_unlock(&lane->lock);
    return message;
}

static bool lane_is_empty(struct lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    bool empty = lane->head == lane->tail;
    pthread_mutex_unlock(&lane->lock);
    return empty;
}

/* The lanes' mutex orders message and flag: whoever takes it second sees what the first did before. */
static void full_barrier(void)
{
}

#else
#include <ck_pr.h>
#include <ck_ring.h>

struct lane {
    ck_ring_t ring;
    ck_ring_buffer_t slots[LANE_CAPACITY];
};

static void lane_init(struct lane *lane)
{
    ck_ring_init(&lane->ring, LANE_CAPACITY);
}

static void lane_fini(struct lane *lane)
{
    (void)lane;
}

static bool lane_push(struct lane *lane, void *message)
{
    return ck_ring_enqueue_spsc(&lane->ring, lane->slots, message);
}

static void *lane_pop(struct lane *lane)
{
    void *message = NULL;
    return ck_ring_dequeue_spsc(&lane->ring, lane->slots, &message) ? message : NULL;
}

static bool lane_is_empty(struct lane *lane)
{
    return ck_ring_size(&lane->ring) == 0;
}

static void full_barrier(void)
{
    ck_pr_fence_memory();
}
#endif

struct mailbox {
    int event_fd;         /* fixed */
    unsigned lane_count;  /* fixed */
    unsigned next_lane;   /* consumer: where the next search begins, so that no lane starves */
    _Atomic int sleeping; /* set by the consumer, cleared by whoever wakes it */
    struct lane *lanes;
};

struct mailbox *mailbox_new(unsigned lanes)
{
    struct mailbox *mailbox = calloc(1, sizeof *mailbox);
    if (!mailbox)
        return NULL;
    mailbox->lanes = malloc(lanes * sizeof *mailbox->lanes);
    mailbox->event_fd = mailbox->lanes ? eventfd(0, EFD_CLOEXEC) : -1;
    if (mailbox->event_fd < 0) {
        free(mailbox->lanes);
        free(mailbox);
        return NULL;
    }
    mailbox->lane_count = lanes;
    for (unsigned i = 0; i < lanes; i++)
        lane_init(&mailbox->lanes[i]);
    return mailbox;
}

void mailbox_delete(struct mailbox *mailbox)
{
    if (!mailbox)
        return;
    for (unsigned i = 0; i < mailbox->lane_count; i++)
        lane_fini(&mailbox->lanes[i]);
    close(mailbox->event_fd);
    free(mailbox->lanes);
    free(mailbox);
}

void mailbox_push(struct mailbox *mailbox, unsigned lane, void *message)
{
    if (!lane_push(&mailbox->lanes[lane], message))
        abort(); /* the caller's bound is broken; going on would lose a connection */
    full_barrier();
    if (atomic_load_explicit(&mailbox->sleeping, memory_order_relaxed) &&
        atomic_exchange_explicit(&mailbox->sleeping, 0, memory_order_relaxed))
        mailbox_wake(mailbox);
}

void *mailbox_pop(struct mailbox *mailbox)
{
    for (unsigned tried = 0; tried < mailbox->lane_count; tried++) {
        void *message = lane_pop(&mailbox->lanes[mailbox->next_lane]);
        if (message)
            return message;
        mailbox->next_lane = (mailbox->next_lane + 1) % mailbox->lane_count;
    }
    return NULL;
}

bool mailbox_prepare_sleep(struct mailbox *mailbox)
{
    atomic_store_explicit(&mailbox->sleeping, 1, memory_order_relaxed);
    full_barrier();
    for (unsigned i = 0; i < mailbox->lane_count; i++)
        if (!lane_is_empty(&mailbox->lanes[i]))
            return false;
    return true;
}

void mailbox_awake(struct mailbox *mailbox)
{
    atomic_store_explicit(&mailbox->sleeping, 0, memory_order_relaxed);
}

void mailbox_wait(struct mailbox *mailbox)
{
    uint64_t count;
    if (mailbox_prepare_sleep(mailbox))
        while (read(mailbox->event_fd, &count, sizeof count) < 0 && errno == EINTR)
            ;
    mailbox_awake(mailbox);
}

void mailbox_wake(struct mailbox *mailbox)
{
    const uint64_t one = 1;
    while (write(mailbox->event_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

int mailbox_event_fd(const struct mailbox *mailbox)
{
    return mailbox->event_fd;
}
