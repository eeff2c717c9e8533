/* kvserver: the queue of connections that are handed to a thread, with its wake-up.
 *
 * One consumer; one lane per producer, each a single-producer single-consumer ring (ck_ring). A shared
 * multi-producer ring would be smaller, but there a producer that is preempted in the middle makes the
 * others spin, which on few cores costs whole time slices. The consumer sleeps on an eventfd, either in
 * mailbox_wait or in an epoll set that contains `event_fd`; producers write to it only if it sleeps.
 * Where ck is missing, and under ThreadSanitizer (which cannot see ck's ordering), a lane is an array
 * under a mutex. Whatever was written before mailbox_push is visible after mailbox_pop.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef KV_MAILBOX_H
#define KV_MAILBOX_H

#include <stdbool.h>

struct mailbox;

/** @return NULL with errno set on failure. */
struct mailbox *mailbox_new(unsigned lanes);
void mailbox_delete(struct mailbox *mailbox);

/** Producer `lane` hands over `message`. The caller bounds its messages under way by KV_MAX_CONNECTIONS. */
void mailbox_push(struct mailbox *mailbox, unsigned lane, void *message);

/** Consumer: the next message of any lane, or NULL. */
void *mailbox_pop(struct mailbox *mailbox);

/** Consumer: announce sleep. @return false when a message is there after all; then do not sleep. */
bool mailbox_prepare_sleep(struct mailbox *mailbox);

/** Consumer: after sleeping, or after deciding not to. */
void mailbox_awake(struct mailbox *mailbox);

/** Consumer: sleep until a message or a mailbox_wake may be there. */
void mailbox_wait(struct mailbox *mailbox);

/** Any thread: make the consumer look, message or not. */
void mailbox_wake(struct mailbox *mailbox);

/** For an edge-triggered epoll set; never to be read. */
int mailbox_event_fd(const struct mailbox *mailbox);

#endif
