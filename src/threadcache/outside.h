/* Outsiders: threads that act on a heap which is not theirs, with its token, so that nothing is stranded while the owner does not call.
 *
 * Of an attached (or lost) heap an outsider takes the inbox, keeps the blocks beside their pages, and takes pages whose every block is
 * kept: the owner's lists it never touches. For an idle heap it acts as the owner. SPDX-License-Identifier: MIT */
#ifndef RST_THREADCACHE_OUTSIDE_H
#define RST_THREADCACHE_OUTSIDE_H

#include "threadcache/heap.h"

/* The token: true when it is now ours. Nobody waits for it. */
bool rst_token_try(rst_heap *heap);
void rst_token_release(rst_heap *heap);

/* Take out what was sent to a heap; full pages that are whole again go to the arena. With `purge` also those in the owner's
 * list are purged, in place. Nothing is done when another outsider is at work. Any thread. */
void rst_outside_collect(rst_heap *heap, bool purge);

/* Take in everything sent to an idle heap, unless someone does already. Any thread. */
void rst_outside_drain_idle(rst_heap *heap);

/* Have the owner take back a TAKEN page that is in its list. With the token. */
void rst_outside_return(rst_heap *heap, rst_slice *page);

/* Put what outsiders kept and returned into the heap, up to `most` pages. Owner. */
void rst_outside_take_in(rst_heap *heap, unsigned most);

/* In the child of a fork, where the outsider at work is gone: forget what it had, free the token. */
void rst_outside_abandon(rst_heap *heap);

#endif
