/* Model: what the owner does, or who acts for it while the heap is idle. See roost.pml.
 * SPDX-License-Identifier: MIT */

/* --- pages, by the owner or who acts for it ------------------------------------------------------------------------------ */

/* rst_page_shift: three stores. */
inline page_shift(p, new_state, new_left)
{
    left[p] = 0;
    d_step { state[p] = new_state; fresh[p] = 0; }
    left[p] = new_left;
}

/* page_retire, rst_page_end: an empty page is given back. */
inline page_retire(p)
{
    d_step {
        assert(((freed | holes) & PAGE_BLOCKS(p)) == PAGE_BLOCKS(p)); /* nothing is out */
        assert(!(foreign & PAGE_BLOCKS(p)) && !(returned & BIT(p)));
        freed = freed & ~PAGE_BLOCKS(p);
        holes = holes & ~PAGE_BLOCKS(p);
        available = available & ~BIT(p);
        left[p] = 0;
        state[p] = ARENA;
        fresh[p] = 0;
        CHECK;
    }
}

/* page_claim_empty, by a compare-and-swap. Who holds the page is told, and has it from then on. */
inline page_claim_empty(p)
{
#if HOLDS
    if
    :: d_step { (held & BIT(p)) && !END_HELD -> assert(state[p] == AVAILABLE); emptied = emptied | BIT(p); fresh[p] = 0; }
    :: d_step { !(held & BIT(p)) || END_HELD -> assert(state[p] == AVAILABLE); state[p] = ACTIVE; fresh[p] = 0; }
        left[p] = NO_END;
        page_retire(p)
    fi
#else
    d_step { assert(state[p] == AVAILABLE); state[p] = ACTIVE; fresh[p] = 0; }
    left[p] = NO_END;
    page_retire(p)
#endif
}

/* rst_page_turn and rst_heap_page_event: `left` has become 0, and `surplus` more are back. */
inline page_turn(p, surplus)
{
    if
    :: state[p] == AVAILABLE ->
        d_step { assert(available & BIT(p)); surplus = 0; }
        page_claim_empty(p)
    :: state[p] == FULL ->
        assert(!(available & BIT(p)));
        page_shift(p, AVAILABLE, NB - RESERVE - surplus);
        if
        :: d_step { surplus == NB - RESERVE -> surplus = 0; }
            page_retire(p)
        :: d_step { else -> surplus = 0; available = available | BIT(p); }
        fi
    :: else -> assert(false) /* the owner has a block of a page that it does not own */
    fi
}

/* rst_page_put_chain of the message with tail `t`, then the event. */
inline page_put_chain(t)
{
    d_step {
        p = PAGE_OF(t);
        assert(chain[t] != 0 && (chain[t] & ~PAGE_BLOCKS(p)) == 0);
        n = COUNT(chain[t]);
        freed = freed | chain[t];
        chain[t] = 0;
        CHECK;
        if
        :: n < left[p] -> left[p] = left[p] - n; n = 0; turn = false
        :: else -> n = n - left[p]; left[p] = 0; turn = true
        fi
    }
    if
    :: turn -> page_turn(p, n)
    :: else
    fi;
    d_step { turn = false; p = 0; n = 0; }
}

/* --- taking in, by the owner or who acts for it -------------------------------------------------------------------------- */

/* rst_inbox_take_mt, then each message into its page. */
inline drain_inbox()
{
    d_step { pending = inbox; inbox = 0; }
    do
    :: pending != 0 ->
        d_step { t = INDEX(LOWEST(pending)); pending = pending & ~BIT(t); }
        page_put_chain(t)
    :: else -> break
    od;
    t = 0
}

/* take_out, with the token: the pages of both lists. (Eight at once in truth, and there are fewer here.) Chains become messages
 * again, with their tails in `pending`. */
inline take_out()
{
    d_step {
        gone = returned;
        returned = 0;
        do
        :: foreign != 0 ->
            p = PAGE_OF(INDEX(LOWEST(foreign)));
            n = foreign & PAGE_BLOCKS(p);
            t = INDEX(LOWEST(n));
            assert(chain[t] == 0);
            chain[t] = n;
            foreign = foreign & ~n;
            pending = pending | BIT(t)
        :: else -> break
        od;
        p = 0;
        n = 0;
        t = 0;
        CHECK;
    }
}

/* put_parcel for each: first the pages that an outsider has purged in place (rst_heap_page_returned), then the chains. */
inline put_parcels()
{
    do
    :: gone != 0 ->
        d_step {
            p = INDEX(LOWEST(gone));
            assert(state[p] == TAKEN);
            gone = gone & ~BIT(p);
            available = available & ~BIT(p); /* if it is still linked */
            assert(!(held & BIT(p)));
            state[p] = ARENA;
            left[p] = 0;
            p = 0;
        }
    :: else -> break
    od;
    do
    :: pending != 0 ->
        d_step { t = INDEX(LOWEST(pending)); pending = pending & ~BIT(t); }
        page_put_chain(t)
    :: else -> break
    od;
    t = 0
}

/* rst_outside_take_in, by the owner: bounded per call, so it may stop at any time. */
inline take_in()
{
    do
    :: d_step { OUTSIDE_PAGES && !token -> token = true; }
        take_out();
        token = false;
        put_parcels()
    :: OUTSIDE_PAGES && token -> break /* busy: the next slow path */
    :: true -> break /* nothing there, or enough for now */
    od
}

/* drain_idle_with_token. What rst_heap_fold does there is to give spare pages back, which are not modelled. */
inline drain_idle_with_token()
{
    d_step { owners++; assert(owners == 1 && current == NONE && listed == 0); }
    drain_inbox();
    do
    :: OUTSIDE_PAGES -> take_out(); put_parcels()
    :: !OUTSIDE_PAGES -> break
    od;
    owners--
}

/* --- malloc, free, thread exit ------------------------------------------------------------------------------------------- */

/* The arena's pages. */
#if NP == 1
#define FREE_PAGE (state[0] == ARENA -> 0 : NONE)
#else
#define FREE_PAGE (state[0] == ARENA -> 0 : (state[1] == ARENA -> 1 : NONE))
#endif

/* rst_heap_refill: fill. The list is empty. */
inline refill()
{
    do
    :: current != NONE ->
        if
        :: d_step {
                (freed & PAGE_BLOCKS(current)) -> /* rst_page_take */
                listed = freed & PAGE_BLOCKS(current);
                freed = freed & ~listed;
                left[current] = NO_END + NB - COUNT(holes & PAGE_BLOCKS(current));
                CHECK;
            }
            break
#if HOLDS
        :: d_step {
                !(freed & PAGE_BLOCKS(current)) && (holes & PAGE_BLOCKS(current)) -> /* rst_holes_fill: all of one hole, or of some */
                listed = holes & PAGE_BLOCKS(current);
                holes = holes & ~listed;
                left[current] = left[current] + COUNT(listed);
                CHECK;
            }
            break
#endif
        :: else ->
            page_shift(current, FULL, RESERVE); /* rst_page_set_full */
            current = NONE
        fi
    :: current == NONE -> /* next_page */
        if
        :: (available & ~passed) != 0 ->
            p = INDEX(LOWEST(available & ~passed));
            if
            :: d_step { /* rst_page_activate: a compare-and-swap */
                    (state[p] == AVAILABLE && (!(held & BIT(p)) || ACTIVATE_HELD)) || PLAIN_ACTIVATE ->
                    state[p] = ACTIVE;
                    fresh[p] = 0;
                    available = available & ~BIT(p);
                    current = p;
                }
                left[p] = NO_END + left[p]
            :: d_step { state[p] == TAKEN -> available = available & ~BIT(p); } /* forgotten: it comes by heap->returned */
#if HOLDS
            :: d_step { state[p] == AVAILABLE && (held & BIT(p)) && !ACTIVATE_HELD -> passed = passed | BIT(p); }
#endif
            fi;
            p = 0
        :: (available & ~passed) == 0 && FREE_PAGE != NONE ->
            d_step { /* rst_page_make, rst_page_carve */
                p = FREE_PAGE;
                state[p] = ACTIVE;
                fresh[p] = 0;
                current = p;
                left[p] = NO_END + NB;
                listed = PAGE_BLOCKS(p);
                p = 0;
                CHECK;
            }
            break
        :: (available & ~passed) == 0 && FREE_PAGE == NONE -> break /* out of memory */
        fi
    od;
    passed = 0
}

/* rst_heap_push, rst_heap_turn_slow: free of a block of page q by the owner. Nobody else reads page->free. */
inline local_free(q)
{
    d_step {
        owns && next == NOTHING && (user & PAGE_BLOCKS(q)) ->
        n = LOWEST(user & PAGE_BLOCKS(q));
        user = user & ~n;
        freed = freed | n;
        n = 0;
        left[q] = left[q] - 1;
        turn = (left[q] == 0);
        CHECK;
    }
    if
    :: turn -> page_turn(q, n)
    :: else
    fi;
    turn = false
}

/* list_fold of the one class, then what is left of the active page. */
inline fold()
{
    if
    :: current != NONE ->
        d_step {
            left[current] = left[current] - COUNT(listed);
            freed = freed | listed;
            listed = 0;
            p = current;
            current = NONE;
            CHECK;
        }
        if
        :: left[p] == NO_END -> page_retire(p)
        :: left[p] != NO_END && !((freed | holes) & PAGE_BLOCKS(p)) -> page_shift(p, FULL, RESERVE)
        :: else ->
            n = left[p] - NO_END;
            page_shift(p, AVAILABLE, n);
            d_step { n = 0; available = available | BIT(p); }
        fi;
        p = 0
    :: else
    fi
}
