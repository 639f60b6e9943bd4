/* The arena: a thread claims the bit of a segment, then commits its memory. */

/* Commits the memory of segment `seg`, which the caller has claimed. The memory is zeros, and zeros
 * are a chain. The caller owns its slots. */
inline commit(f, l) {
    h_i = seg * PER; h_n = 0;
    do
    :: h_i < seg * PER + PER ->
        if
        :: is_usable(h_i) ->
            assert(own[h_i] == NOWHERE && !live[h_i] && cycle[h_i] == 0 && link[h_i] == 0);
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

/* Commits the lowest unclaimed segment, and puts the chain of its slots into (f, l). The caller
 * owns the chain. The chain is empty if every segment is claimed. Uses seg. In the source a hint
 * says which word of the bitmap comes first; here is only one word. */
inline grow(f, l) {
    do
    /* site: committed.set_lowest.load.2 Relaxed */
    :: d_step { lowest(claimed, 0) == NONE -> f = 0; l = 0 } -> break
    :: d_step { lowest(claimed, 0) != NONE -> seg = lowest(claimed, 0) };
        if
        /* site: committed.set.fetch_or Acquire */
        :: d_step { !claimed[seg] -> claimed[seg] = 1; commit(f, l) } -> break
        :: d_step { claimed[seg] -> seg = 0 }
#ifdef REFUSALS
        /* The system refuses the memory, and the caller gives its claim back. */
        :: d_step { !claimed[seg] -> claimed[seg] = 1 };
            /* site: committed.clear.fetch_and Release */
            d_step { claimed[seg] = 0; seg = 0; f = 0; l = 0;
                printf("@ %d is refused memory\n", me) };
            break
#endif
        fi
    od
}

/* Releases the memory of the segments from low to top, then clears their bits. The caller owns
 * their slots. Released memory reads as zeros. */
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
            live[h_i] = 0; cycle[h_i] = 0; link[h_i] = 0; h_i++
        :: else -> break
        od;
        h_s = low;
        do :: h_s <= top -> committed[h_s] = 0; h_s++ :: else -> break od;
        h_i = 0; h_s = 0; seg = low
    };
    do
    /* site: committed.clear.fetch_and Release */
    :: d_step { seg <= top -> claimed[seg] = 0; seg++ }
    :: d_step { seg > top -> seg = 0 } -> break
    od;
    skip
}
