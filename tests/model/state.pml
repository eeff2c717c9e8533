/* Model: what a scenario has, the seeded mutations, the words that threads share. See roost.pml.
 * SPDX-License-Identifier: MIT */

/* --- scenario ------------------------------------------------------------------------------------------------------------ */

#ifndef NP
#define NP 1 /* pages */
#endif
#ifndef NB
#define NB 2 /* blocks of a page; the capacity */
#endif
#ifndef RESERVE
#define RESERVE 1 /* blocks that must return before a FULL page is AVAILABLE */
#endif
/* Who takes part, besides thread 0, which has the heap at the start, and the last one, which makes the last purge. */
#ifndef SENDERS
#define SENDERS 1
#endif
#ifndef ADOPTERS
#define ADOPTERS 0 /* with these, an owner may also end its thread */
#endif
#ifndef PURGES
#define PURGES 1 /* senders may also ask for a purge */
#endif
#ifndef HOLDS
#define HOLDS 0 /* senders also hollow out pages */
#endif
#define THREADS (2 + SENDERS + ADOPTERS)

/* What a thread does next; NOTHING: what it likes. */
#define NOTHING 0
#define COLLECT 1
#define DRAIN_IDLE 2
#define HOLLOW 3

/* --- seeded mutations: set one of these to 1 ----------------------------------------------------------------------------- */

#ifndef NO_VERSION
#define NO_VERSION 0 /* the outsider's compare-and-swap compares the state alone */
#endif
#ifndef TAKE_LEFT_ZERO
#define TAKE_LEFT_ZERO 0 /* the outsider takes a page with left == 0 */
#endif
#ifndef PLAIN_ACTIVATE
#define PLAIN_ACTIVATE 0 /* the owner activates a page by a store */
#endif
#ifndef PARK_ONE_LOOK
#define PARK_ONE_LOOK 0 /* no look at the inbox after the heap has become idle */
#endif
#ifndef COLLECT_ONE_LOOK
#define COLLECT_ONE_LOOK 0 /* no look at the heap's state after the token has been given back */
#endif
#ifndef IDLE_INBOX_ONLY
#define IDLE_INBOX_ONLY 0 /* an idle heap is looked after only when its inbox is not empty */
#endif
#ifndef PURGE_NEW_ONLY
#define PURGE_NEW_ONLY 0 /* a purge looks only at pages that it has just collected blocks of */
#endif
#ifndef IDLE_NO_RECHECK
#define IDLE_NO_RECHECK 0 /* the state is not looked at again once the token is held */
#endif
#ifndef ACTIVATE_HELD
#define ACTIVATE_HELD 0 /* the owner activates a page that is held */
#endif
#ifndef END_HELD
#define END_HELD 0 /* the owner ends a page that is held and has become empty */
#endif
#ifndef LET_GO_BLINDLY
#define LET_GO_BLINDLY 0 /* the page is let go by a store */
#endif
#ifndef HOLD_ANY
#define HOLD_ANY 0 /* the page is held by a store */
#endif
#ifndef LIST_UNCOUNTED
#define LIST_UNCOUNTED 0 /* what is not in the list that was seen is taken to be free */
#endif

/* --- blocks and pages ---------------------------------------------------------------------------------------------------- */

/* A set of blocks is a bit mask; block i of page p is bit p * NB + i. Blocks of a page are alike, so the lowest is taken wherever any
 * would do. */
#define PAGE_BLOCKS(p) (((1 << NB) - 1) << ((p) * NB))
#define BIT(i) (1 << (i))
#define LOWEST(m) ((m) & -(m))
#define INDEX(bit) \
    ((bit) == 1 -> 0 : ((bit) == 2 -> 1 : ((bit) == 4 -> 2 : ((bit) == 8 -> 3 : ((bit) == 16 -> 4 : 5)))))
#define PAGE_OF(i) ((i) / NB)
#define COUNT(m) \
    (((m) & 1) + (((m) >> 1) & 1) + (((m) >> 2) & 1) + (((m) >> 3) & 1) + (((m) >> 4) & 1) + (((m) >> 5) & 1))
#define NONE NP

/* Page states. ARENA: the slices are free. TAKEN: by an outsider. */
#define ARENA 0
#define ACTIVE 1
#define FULL 2
#define AVAILABLE 3
#define TAKEN 4
#define NO_END 16 /* RST_PAGE_NO_END: an ACTIVE page's `left` does not become 0 */

byte state[NP]; /* page->state without its version... */
byte fresh[NP]; /* ...of which only this matters: threads, as bit mask, that have read it and since when it has not changed */
byte held, emptied; /* pages, as bit masks: RST_PAGE_HELD, RST_PAGE_EMPTIED */
byte left[NP];  /* page->left */

/* Where blocks are. */
byte freed;         /* in page->free */
byte holes;         /* given back to the system: in no list, as if not carved */
byte listed;        /* in heap->list */
byte user;          /* with the program: any of its threads may free them */
byte foreign;       /* collected by an outsider: page->foreign_*. A page is linked in heap->foreign when it has any */
byte batch[THREADS]; /* in a sender's open batch */
byte chain[NP * NB]; /* in the message whose tail block is the index, sent or being taken in */

/* --- the heap ------------------------------------------------------------------------------------------------------------ */

#define ATTACHED 0
#define IDLE 1
byte heap_state;
bool parked;    /* in the registry's list */
bool token;
byte inbox;     /* tails of messages */
byte available; /* pages, as bit mask: heap->available of the one class */
byte returned;  /* pages: heap->returned */
byte current = NONE; /* heap->active of the class */

#define OUTSIDE_PAGES (foreign != 0 || returned != 0) /* heap->outside_pages != 0 */

byte owners;    /* how many act for the owner: never two */
byte ended;

/* Every block of every page that exists is in one place, and in no second. */
#if NP * NB == 2
#define IN_MESSAGES(op) (chain[0] op chain[1])
#elif NP * NB == 3
#define IN_MESSAGES(op) (chain[0] op chain[1] op chain[2])
#elif NP * NB == 4
#define IN_MESSAGES(op) (chain[0] op chain[1] op chain[2] op chain[3])
#else
#define IN_MESSAGES(op) (chain[0] op chain[1] op chain[2] op chain[3] op chain[4] op chain[5])
#endif
#if THREADS == 2
#define IN_BATCHES(op) (batch[0] op batch[1])
#elif THREADS == 3
#define IN_BATCHES(op) (batch[0] op batch[1] op batch[2])
#elif THREADS == 4
#define IN_BATCHES(op) (batch[0] op batch[1] op batch[2] op batch[3])
#else
#define IN_BATCHES(op) (batch[0] op batch[1] op batch[2] op batch[3] op batch[4])
#endif
#define EXISTS(p) (state[p] != ARENA && state[p] != TAKEN -> PAGE_BLOCKS(p) : 0)
#if NP == 1
#define ALL_BLOCKS EXISTS(0)
#else
#define ALL_BLOCKS (EXISTS(0) | EXISTS(1))
#endif
#define PLACES(op) (freed op holes op listed op user op foreign op IN_BATCHES(op) op IN_MESSAGES(op))
#define CHECK assert(PLACES(|) == ALL_BLOCKS && PLACES(+) == ALL_BLOCKS)
