/* Segments become usable: a bit is claimed, then the memory is there. */

/* The memory of a segment that the caller has claimed: zeros, which are a chain. Its slots are the
 * caller's. */
inline commit(f, l) {
    h_i = seg * PER; h_n = 0;
    do
    :: h_i < seg * PER + PER ->
        if
        :: is_usable(h_i) ->
            assert(own[h_i] == NOWHERE && !live[h_i] && round[h_i] == 0 && link[h_i] == 0);
            own[h_i] = me; h_n++
        :: else
        fi;
        h_i++
    :: else -> break
    od;
    printf("@ %d commits segment %d\n", me, seg);
    assert(!committed[seg]);
    committed[seg] = 1;
    f = seg * PER + (seg == 0 -> 1 : 0); l = h_n;
    seg = 0; h_i = 0; h_n = 0
}

/* A chain of the slots of the lowest unclaimed segment, the caller's, in (f, l); empty if there is
 * none. Uses seg. Which word of bits is looked at first is a hint, and there is one word. */
inline grow(f, l) {
    do
    /* site: claims.claim.load.2 Relaxed */
    :: d_step { lowest(claimed, 0) == NONE -> f = 0; l = 0 } -> break
    :: d_step { lowest(claimed, 0) != NONE -> seg = lowest(claimed, 0) };
        if
        /* site: claims.claim_this.fetch_or Acquire */
        :: d_step { !claimed[seg] -> claimed[seg] = 1; commit(f, l) } -> break
        :: d_step { claimed[seg] -> seg = 0 }
#ifdef REFUSALS
        /* The system says no, and the claim is given back. */
        :: d_step { !claimed[seg] -> claimed[seg] = 1 };
            /* site: claims.give_up.fetch_and Release */
            d_step { claimed[seg] = 0; seg = 0; f = 0; l = 0;
                printf("@ %d is refused memory\n", me) };
            break
#endif
        fi
    od
}

/* Gives back the memory of the segments from low to top, whose slots are the caller's: it reads as
 * zeros. Then clears their bits. */
inline release(low, top) {
    d_step {
        printf("@ %d releases the segments %d to %d\n", me, low, top);
        h_i = (low) * PER;
        do
        :: h_i < top * PER + PER ->
            if
            :: is_usable(h_i) -> as_owner(h_i); touch(h_i); own[h_i] = NOWHERE
            :: else
            fi;
            live[h_i] = 0; round[h_i] = 0; link[h_i] = 0; h_i++
        :: else -> break
        od;
        h_s = low;
        do :: h_s <= top -> committed[h_s] = 0; h_s++ :: else -> break od;
        h_i = 0; h_s = 0; seg = low
    };
    do
    /* site: claims.give_up.fetch_and Release */
    :: d_step { seg <= top -> claimed[seg] = 0; seg++ }
    :: d_step { seg > top -> seg = 0 } -> break
    od;
    skip
}
