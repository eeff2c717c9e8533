/* Model: what outsiders do, with the token. See roost.pml.
 * SPDX-License-Identifier: MIT */

/* settle, with rst_page_take_whole. With the token; page q is in heap->foreign. */
inline settle(q)
{
    d_step { seen = state[q]; fresh[q] = fresh[q] | BIT(me); }
    seen_left = left[q];
    if
    :: d_step {
            (seen_left != 0 || TAKE_LEFT_ZERO) &&
            ((seen == FULL && NB - RESERVE + seen_left == COUNT(foreign & PAGE_BLOCKS(q))) ||
             (seen == AVAILABLE && purging && !(held & BIT(q)) && seen_left == COUNT(foreign & PAGE_BLOCKS(q)))) -> skip;
        }
        if
        :: d_step { /* the compare-and-swap */
                state[q] == seen && ((fresh[q] & BIT(me)) || NO_VERSION) ->
                assert(((freed | foreign | holes) & PAGE_BLOCKS(q)) == PAGE_BLOCKS(q)); /* nothing is out */
                freed = freed & ~PAGE_BLOCKS(q);
                foreign = foreign & ~PAGE_BLOCKS(q);
                holes = holes & ~PAGE_BLOCKS(q);
                state[q] = TAKEN;
                fresh[q] = 0;
                CHECK;
            }
            if
            :: seen == FULL ->
                d_step { assert(!(available & BIT(q))); left[q] = 0; state[q] = ARENA; } /* rst_page_end */
            :: else ->
                skip; /* rst_page_purge */
                d_step { assert(state[q] == TAKEN); returned = returned | BIT(q); left[q] = 0; }
            fi
        :: else
        fi
    :: else
    fi;
    d_step { seen = 0; seen_left = 0; fresh[q] = fresh[q] & ~BIT(me); }
}

#if HOLDS
/* rst_page_hollow: of a page that is held. The list as it was when its head was read; what is in it and lies below the head stands still. */
inline hollow_out(q)
{
    n = freed & PAGE_BLOCKS(q);
    if
    :: d_step { n != 0 && (COUNT(n) == NB - COUNT(holes & PAGE_BLOCKS(q)) - left[q] || LIST_UNCOUNTED) -> skip; }
        n = n & ~LOWEST(n); /* the head stays */
        if
        :: LIST_UNCOUNTED -> n = PAGE_BLOCKS(q) & ~user & ~holes
        :: else
        fi;
        d_step { /* take_out, purge_runs */
            assert((freed & n) == n && state[q] == AVAILABLE); /* nobody has them */
            freed = freed & ~n;
            holes = holes | n;
            CHECK;
        }
    :: else /* the owner is freeing just now */
    fi;
    n = 0
}

/* rst_page_let_go. */
inline let_go(q)
{
    if
    :: d_step { !(emptied & BIT(q)) || LET_GO_BLINDLY -> held = held & ~BIT(q); emptied = emptied & ~BIT(q); fresh[q] = 0; }
    :: d_step { (emptied & BIT(q)) && !LET_GO_BLINDLY ->
            assert(((freed | holes) & PAGE_BLOCKS(q)) == PAGE_BLOCKS(q)); /* nothing is out */
            freed = freed & ~PAGE_BLOCKS(q);
            holes = holes & ~PAGE_BLOCKS(q);
            held = held & ~BIT(q);
            emptied = emptied & ~BIT(q);
            state[q] = TAKEN;
            fresh[q] = 0;
            CHECK;
        }
        skip; /* rst_page_purge */
        d_step { assert(state[q] == TAKEN); returned = returned | BIT(q); left[q] = 0; } /* rst_outside_return */
    fi
}

/* visit_page of sparse.c, of page `gone`. */
inline visit()
{
    d_step { seen = state[gone]; fresh[gone] = fresh[gone] | BIT(me); }
    if
    :: d_step { seen == AVAILABLE && !(held & BIT(gone)) && !token -> token = true; }
        if
        :: left[gone] != 0 ->
            if
            :: d_step { /* rst_page_hold: a compare-and-swap */
                    (state[gone] == seen && (fresh[gone] & BIT(me))) || HOLD_ANY ->
                    held = held | BIT(gone);
                    fresh[gone] = 0;
                }
                hollow_out(gone);
                let_go(gone)
            :: else
            fi
        :: else
        fi;
        token = false;
        next = DRAIN_IDLE
    :: else -> next = NOTHING
    fi;
    d_step { seen = 0; fresh[gone] = fresh[gone] & ~BIT(me); gone = 0; }
}
#endif

/* collect_with_token. */
inline collect_with_token()
{
    d_step { pending = inbox; inbox = 0; }
    do
    :: pending != 0 ->
        d_step { /* rst_page_collect */
            t = INDEX(LOWEST(pending));
            pending = pending & ~BIT(t);
            foreign = foreign | chain[t];
            chain[t] = 0;
            p = PAGE_OF(t);
            t = 0;
            CHECK;
        }
        settle(p)
    :: else -> break
    od;
    p = 0;
    if
    :: purging && !PURGE_NEW_ONLY ->
        do
        :: p < NP ->
            if
            :: foreign & PAGE_BLOCKS(p) -> settle(p)
            :: else
            fi;
            p++
        :: else -> break
        od;
        p = 0
    :: !purging || PURGE_NEW_ONLY
    fi
}

/* rst_outside_collect. */
inline collect()
{
    if
    :: d_step { !token -> token = true; }
        if
        :: heap_state != IDLE -> collect_with_token()
        :: heap_state == IDLE
        fi;
        d_step { token = false; purging = false; }
        next = (COLLECT_ONE_LOOK -> NOTHING : DRAIN_IDLE)
    :: d_step { token -> purging = false; next = NOTHING; }
    fi
}

/* rst_outside_drain_idle. */
inline drain_idle()
{
    do
    :: heap_state != IDLE -> break
    :: heap_state == IDLE -> /* idle_has_work: two further looks */
        if
        :: inbox == 0 ->
            if
            :: !OUTSIDE_PAGES || IDLE_INBOX_ONLY -> break
            :: OUTSIDE_PAGES && !IDLE_INBOX_ONLY
            fi
        :: inbox != 0
        fi;
        if
        :: d_step { !token -> token = true; }
            if
            :: heap_state == IDLE || IDLE_NO_RECHECK -> drain_idle_with_token()
            :: heap_state != IDLE && !IDLE_NO_RECHECK /* adopted meanwhile */
            fi;
            token = false
        :: token -> break
        fi
    od;
    next = NOTHING
}
