/* Detached slots, and how they come back. */

/* What a store no longer holds is no part of the state. */
inline clear_store(s) {
    h_n = 0;
    do
    :: h_n < LIMIT -> if :: h_n >= held[s] -> store[s * LIMIT + h_n] = 0 :: else fi; h_n++
    :: else -> break
    od;
    h_n = 0
}

/* The numbers of rounds are used up: every free slot forgets its own. Within a step. */
inline begin_again() {
    h_i = 1;
    do
    :: h_i < SLOTS ->
        /* site: slot.look.load Relaxed
         * site: slot.wipe.store Relaxed
         * site: claims.committed.load Relaxed */
        if
        :: claimed[segment_of(h_i)] && !live[h_i] -> touch(h_i); round[h_i] = 0; link[h_i] = 0
        :: else
        fi;
        h_i++
    :: else -> break
    od;
    h_i = 0
}

/* Makes every committed segment pending and begins a round. With the world stopped: one step.
 * All chains and stores are forgotten. */
inline detach() {
    d_step {
        /* Of each chain and store that is forgotten, the slots are detached. */
        h_s = 0; h_k = 0;
        do
        :: h_s < STRIPES ->
            /* site: freelist.take.swap Acquire */
            h_l = length[h_s]; h_f = first[h_s]; h_k = h_k + h_l;
            transfer(h_f, h_l, CHAIN, DETACHED);
            first[h_s] = 0; length[h_s] = 0;
            h_s++
        :: else -> break
        od;
        h_s = 0;
        do
        :: h_s < RECORDS ->
            /* site: record.length.load Relaxed */
            h_n = 0; h_k = h_k + held[h_s];
            do
            :: h_n < held[h_s] -> own[store[h_s * LIMIT + h_n]] = DETACHED; h_n++
            :: else -> break
            od;
            /* site: record.set_length.store Relaxed */
            as_user(h_s); held[h_s] = 0; clear_store(h_s); h_s++
        :: else -> break
        od;
        if
        :: new_round < LAST -> new_round++
        :: else -> begin_again(); new_round = 1
        fi;
        h_s = 0;
        do
        :: h_s < SEGMENTS ->
            /* site: claims.committed_word.load Relaxed
             * site: detached.begin.store Relaxed */
            pending[h_s] = claimed[h_s]; h_s++
        :: else -> break
        od;
        /* What was detached before still is. site: detached.begin.store.4 Relaxed */
        detached = detached + h_k;
        printf("@ %d detaches %d slots, begins round %d\n", me, h_k, new_round);
        h_i = 0; h_n = 0; h_s = 0; h_k = 0; h_f = 0; h_l = 0
    }
}

/* The claimant of seg looks at its slots, which are its own if they are detached; others can make
 * them neither detached nor anything else. No round of a free slot is a later one.
 * site: slot.look.load Relaxed */
#define is_detached(i) (!live[i] && round[i] < rnd)

/* Claims seg. Its detached slots are the caller's. Executable if it was still pending.
 * site: detached.claim.fetch_and Relaxed */
inline claimed_by_me(s) {
    pending[s] = 0;
    printf("@ %d claims segment %d\n", me, s);
    h_i = (s) * PER;
    do
    :: h_i < (s) * PER + PER ->
        if :: is_usable(h_i) && own[h_i] == DETACHED -> own[h_i] = me :: else fi;
        h_i++
    :: else -> break
    od;
    h_i = 0
}

/* Makes a chain, ascending, of the detached slots of segment s, in (f, l), its last slot z.
 * d is how many are detached. Within a step. */
inline bring_back(s, f, l, z, d) {
    h_i = (s) * PER; h_n = 0; f = 0; z = 0;
    do
    :: h_i < (s) * PER + PER ->
        if
        :: is_usable(h_i) && is_detached(h_i) ->
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
    printf("@ %d links the %d detached slots of segment %d\n", me, d, s)
}

/* Of the lowest pending segment, a chain of the caller's in (f, l), which may be empty; seg is
 * NONE if no segment is pending. */
inline bring_back_lowest(f, l) {
    if
    /* No search where there is nothing to be found. site: detached.slots.load Relaxed */
    :: d_step { detached == 0 -> seg = NONE; f = 0; l = 0 }
    :: detached != 0 ->
        do
        /* site: detached.claim_lowest.load.3 Relaxed */
        :: d_step { lowest(pending, 1) == NONE -> seg = NONE; f = 0; l = 0 } -> break
        :: d_step { lowest(pending, 1) != NONE -> seg = lowest(pending, 1) };
            if
            :: d_step { pending[seg] -> claimed_by_me(seg); bring_back(seg, f, l, z, d); z = 0 };
                /* site: detached.bring_back.fetch_sub Relaxed */
                d_step { detached = detached - d; d = 0 };
                break
            :: d_step { !pending[seg] -> seg = 0 }
            fi
        od
    fi
}
