/* Model: what outsiders do, with the token. See roost.pml.
 * SPDX-License-Identifier: MIT */

/* settle, with rst_page_take_whole. With the token; page q is in heap->foreign. */
inline settle(q)
{
    d_step { seen = state[q]; moved[q] = false; }
    seen_left = left[q];
    if
    :: d_step {
            (seen_left != 0 || TAKE_LEFT_ZERO) &&
            ((seen == FULL && NB - RESERVE + seen_left == COUNT(foreign & PAGE_BLOCKS(q))) ||
             (seen == AVAILABLE && purging && seen_left == COUNT(foreign & PAGE_BLOCKS(q)))) -> skip;
        }
        if
        :: d_step { /* the compare-and-swap */
                state[q] == seen && (!moved[q] || NO_VERSION) ->
                assert(((freed | foreign) & PAGE_BLOCKS(q)) == PAGE_BLOCKS(q)); /* nothing is out */
                freed = freed & ~PAGE_BLOCKS(q);
                foreign = foreign & ~PAGE_BLOCKS(q);
                state[q] = TAKEN;
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
    d_step { seen = 0; seen_left = 0; }
}

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
