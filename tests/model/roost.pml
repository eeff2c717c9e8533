/* SPIN model of roost's message protocol: one heap, its pages, and every thread that can meet there.
 *
 * A step is what other threads can see as one: one atomic access, with whatever the thread does to words that only it may touch; comments
 * name the functions it stands for. Threads do what they like, for ever, or stop; only lives as an owner are bounded. Checked in every
 * state: a block is in one place and in no second (CHECK), a page that is given back or purged has no block out, one thread acts for
 * the owner. When all have stopped: an idle heap has nothing pending; after one more purge no page with all its blocks back is
 * left over; nobody waits for ever (SPIN's end states). run.sh has the scenarios and the seeded mutations.
 *
 * Not in it: weak memory (SPIN is sequentially consistent; docs/memory-model.md argues the orders), fork and LOST heaps, spare
 * pages, pages carved in part, further size classes. SPDX-License-Identifier: MIT */

#include "state.pml"
#include "owner.pml"
#include "outsider.pml"

/* rst_remote_free: into the open batch, which is one page's. */
inline remote_free(q)
{
    d_step {
        sends && !owns && next == NOTHING && (user & PAGE_BLOCKS(q)) && !(batch[me] & ~PAGE_BLOCKS(q)) ->
        n = LOWEST(user & PAGE_BLOCKS(q));
        user = user & ~n;
        batch[me] = batch[me] | n;
        n = 0;
        CHECK;
    }
}

proctype Thread(byte me; bool owns; bool sends; bool adopts; bool last)
{
    byte p, n, t, pending, gone, seen, seen_left, passed, next;
    bool turn, purging, final;

    do
    :: next == COLLECT -> collect()
    :: next == DRAIN_IDLE -> drain_idle()
#if HOLDS
    :: next == HOLLOW -> visit()
#endif

    /* the owner */
    :: d_step { /* rst_heap_pop */
            owns && next == NOTHING && listed != 0 ->
            n = LOWEST(listed);
            listed = listed & ~n;
            user = user | n;
            n = 0;
            CHECK;
        }
    :: owns && next == NOTHING && listed == 0 -> /* rst_heap_refill */
        if
        :: inbox != 0 -> drain_inbox()
        :: else
        fi;
        take_in();
        refill()
    :: local_free(0)
#if NP > 1
    :: local_free(1)
#endif
#if ADOPTERS
    :: owns && next == NOTHING -> /* rst_registry_detach */
        drain_inbox();
        take_in();
        fold();
        d_step { heap_state = IDLE; parked = true; owners--; owns = false; } /* park */
        next = (PARK_ONE_LOOK -> NOTHING : DRAIN_IDLE)
    :: d_step { /* rst_registry_attach, adopt_from: with the registry's lock, so two never take the same heap */
            adopts && !owns && next == NOTHING && batch[me] == 0 && parked && !token ->
            token = true;
            parked = false;
        }
        d_step { heap_state = ATTACHED; owners++; assert(owners == 1); }
        d_step { token = false; owns = true; adopts = false; }
#endif

    /* a sender */
    :: remote_free(0)
#if NP > 1
    :: remote_free(1)
#endif
    :: d_step { /* send, push */
            sends && !owns && next == NOTHING && batch[me] != 0 ->
            t = INDEX(LOWEST(batch[me]));
            assert(chain[t] == 0 && !(inbox & BIT(t)));
            chain[t] = batch[me];
            batch[me] = 0;
            inbox = inbox | BIT(t);
            t = 0;
            CHECK;
        }
        if
        :: heap_state == IDLE -> next = DRAIN_IDLE
        :: heap_state != IDLE -> next = COLLECT /* the backlog is too big */
        :: heap_state != IDLE
        fi

    /* a purge request */
    :: sends && PURGES && !owns && next == NOTHING && batch[me] == 0 ->
        if
        :: heap_state == IDLE -> next = DRAIN_IDLE
        :: heap_state != IDLE -> d_step { next = COLLECT; purging = true; }
        fi

#if HOLDS
    :: d_step { sends && !owns && next == NOTHING && batch[me] == 0 -> next = HOLLOW; } /* rst_sparse_step */
#if NP > 1
    :: d_step { sends && !owns && next == NOTHING && batch[me] == 0 -> next = HOLLOW; gone = 1; }
#endif
#endif

    :: last && !final && next == NOTHING && ended == THREADS - 1 -> /* all others have stopped */
        assert(!token);
        /* Whatever came back to an idle heap has been taken in, without any further call. */
        assert(heap_state != IDLE || (inbox == 0 && foreign == 0 && returned == 0));
        final = true;
        if
        :: heap_state == IDLE -> next = DRAIN_IDLE
        :: heap_state != IDLE -> d_step { next = COLLECT; purging = true; }
        fi
    :: last && final && next == NOTHING -> break
    :: !last && next == NOTHING && batch[me] == 0 -> break
    od;

    ended++;
    if
    :: last ->
        d_step {
            /* Nothing is stranded: with all its blocks back a page is the arena's, or purged in place, or the active one. */
            p = 0;
            do
            :: p < NP ->
                assert(((user | listed) & PAGE_BLOCKS(p)) || state[p] == ARENA || current == p ||
                       (state[p] == TAKEN && (returned & BIT(p))));
                p++
            :: else -> break
            od;
            assert(inbox == 0 && IN_MESSAGES(|) == 0);
        }
    :: else
    fi
}

init
{
    byte i;
    atomic {
        owners = 1;
        run Thread(0, true, false, false, false);
        do
        :: i < SENDERS -> i++; run Thread(i, false, true, false, false)
        :: i >= SENDERS && i < SENDERS + ADOPTERS -> i++; run Thread(i, false, false, true, false)
        :: else -> break
        od;
        run Thread(THREADS - 1, false, false, false, true);
        i = 0;
    }
}
