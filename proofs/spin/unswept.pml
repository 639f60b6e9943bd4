/* Unswept slots, and how a thread sweeps them. */

/* Clears the entries beyond the store's length: they are no part of the state. */
inline clear_store(s) {
    h_n = 0;
    do
    :: h_n < LIMIT -> if :: h_n >= held[s] -> store[s * LIMIT + h_n] = 0 :: else fi; h_n++
    :: else -> break
    od;
    h_n = 0
}

/* Makes every free slot zero, once the cycle numbers are used up. Part of a step. */
inline begin_again() {
    h_i = 1;
    do
    :: h_i < SLOTS ->
        /* site: slot.peek.load Relaxed
         * site: slot.wipe.store Relaxed
         * site: committed.word.load Relaxed */
        if
        :: claimed[segment_of(h_i)] && !live[h_i] -> touch(h_i); cycle[h_i] = 0; link[h_i] = 0
        :: else
        fi;
        h_i++
    :: else -> break
    od;
    h_i = 0
}

/* Forgets all chains and stores, makes every committed segment unswept, and begins a cycle. The
 * world is stopped, so this is one step. */
inline begin_cycle() {
    d_step {
        /* The slots of each forgotten chain and store are unswept. */
        h_s = 0; h_k = 0;
        do
        :: h_s < STRIPES ->
            /* site: free_list.take.swap Acquire */
            h_l = length[h_s]; h_f = first[h_s]; h_k = h_k + h_l;
            transfer(h_f, h_l, CHAIN, UNSWEPT);
            first[h_s] = 0; length[h_s] = 0;
            h_s++
        :: else -> break
        od;
        h_s = 0;
        do
        :: h_s < RECORDS ->
            /* site: store.length.load Relaxed */
            h_n = 0; h_k = h_k + held[h_s];
            do
            :: h_n < held[h_s] -> own[store[h_s * LIMIT + h_n]] = UNSWEPT; h_n++
            :: else -> break
            od;
            /* site: store.set_length.store Relaxed */
            as_user(h_s); held[h_s] = 0; clear_store(h_s); h_s++
        :: else -> break
        od;
        if
        :: new_cycle < LAST -> new_cycle++
        :: else -> begin_again(); new_cycle = 1
        fi;
        h_s = 0;
        do
        :: h_s < SEGMENTS ->
            /* site: committed.word.load Relaxed
             * site: unswept.start_cycle.store Relaxed */
            unswept[h_s] = claimed[h_s]; h_s++
        :: else -> break
        od;
        /* Slots that were unswept before still are. site: unswept.start_cycle.store.4 Relaxed */
        unswept_slots = unswept_slots + h_k;
        printf("@ %d makes %d slots unswept, begins cycle %d\n", me, h_k, new_cycle);
        h_i = 0; h_n = 0; h_s = 0; h_k = 0; h_f = 0; h_l = 0
    }
}

/* True of an unswept slot, in a segment that the thread has claimed. The claimant owns the unswept
 * slots of its segment. Other threads can neither make a slot unswept nor end that state. No free
 * slot has a later cycle than the table.
 * site: slot.peek.load Relaxed */
#define is_unswept(i) (!live[i] && cycle[i] < my_cycle)

/* Claims segment s. The caller owns its unswept slots. A caller makes sure in the same step that
 * the segment is still unswept.
 * site: unswept.claim.fetch_and Acquire */
inline claimed_by_me(s) {
    unswept[s] = 0;
    printf("@ %d claims segment %d\n", me, s);
    h_i = (s) * PER;
    do
    :: h_i < (s) * PER + PER ->
        if :: is_usable(h_i) && own[h_i] == UNSWEPT -> own[h_i] = me :: else fi;
        h_i++
    :: else -> break
    od;
    h_i = 0
}

/* Makes an ascending chain of the unswept slots of segment s: (f, l), with the last slot z. d is
 * the number of its unswept slots. Part of a step. */
inline sweep_segment(s, f, l, z, d) {
    h_i = (s) * PER; h_n = 0; f = 0; z = 0;
    do
    :: h_i < (s) * PER + PER ->
        if
        :: is_usable(h_i) && is_unswept(h_i) ->
            as_owner(h_i);
            if
            :: h_n == 0 -> f = h_i
            :: else ->
                /* site: slot.set_next_if_needed.load Relaxed */
                as_owner(z);
                if :: next(z) != h_i -> set_next(z, h_i) :: else fi
            fi;
            z = h_i; h_n++
        :: else
        fi;
        h_i++
    :: else -> break
    od;
    l = h_n; d = h_n; h_i = 0; h_n = 0;
    printf("@ %d links the %d unswept slots of segment %d\n", me, d, s)
}

/* Sweeps the lowest unswept segment, and puts the chain of its slots into (f, l). The caller owns
 * the chain, which may be empty. seg is NONE if no segment is unswept. */
inline sweep_lowest(f, l) {
    if
    /* No unswept slots, no search. site: unswept.slots.load Relaxed */
    :: d_step { unswept_slots == 0 -> seg = NONE; f = 0; l = 0 }
    :: unswept_slots != 0 ->
        do
        /* site: unswept.claim_lowest.load.3 Relaxed */
        :: d_step { lowest(unswept, 1) == NONE -> seg = NONE; f = 0; l = 0 } -> break
        :: d_step { lowest(unswept, 1) != NONE -> seg = lowest(unswept, 1) };
            if
            :: d_step { unswept[seg] -> claimed_by_me(seg); sweep_segment(seg, f, l, z, d); z = 0 };
                /* site: unswept.relink.fetch_sub Relaxed */
                d_step { unswept_slots = unswept_slots - d; d = 0 };
                break
            :: d_step { !unswept[seg] -> seg = 0 }
            fi
        od
    fi
}
