/* The sweep: forget all chains with the world stopped, then release what is wholly free, segment by
 * segment, from above, while the world runs; bring some of the others back. */

/* Is every usable slot of segment s detached? */
inline look(s) {
    h_i = (s) * PER; whole = 1;
    do
    :: h_i < (s) * PER + PER ->
        if :: is_usable(h_i) && !is_detached(h_i) -> whole = 0 :: else fi;
        h_i++
    :: else -> break
    od;
    h_i = 0;
    printf("@ %d looks at segment %d: wholly free %d\n", me, s, whole)
}

/* Gives the chain (f, l) of segment s to the stripes, to each its part. */
inline give(s) {
    if
    :: l > 0 -> push((s % STRIPES), f, l, z)
    :: else
    fi;
    /* site: detached.bring_back.fetch_sub Relaxed */
    d_step { detached = detached - d; d = 0 }
}

/* Deals with a pending segment, and if it is wholly free with those below that are so too. Of the
 * others, those with few detached slots or with a page to give back are brought back: whichever.
 * site: detached.highest.load Relaxed */
inline step() {
    if
    :: d_step { highest(pending, below) == NONE -> top = NONE; low = 0 }
    :: d_step { highest(pending, below) != NONE -> top = highest(pending, below); low = top };
        d_step { look(top) };
        if
        :: d_step { whole && pending[top] -> whole = 0; claimed_by_me(top) };
            do
            /* site: detached.is_pending.load Relaxed */
            :: low > 0 && pending[low - 1] ->
                d_step { look(low - 1) };
                if
                :: whole ->
                    whole = 0;
                    if
                    :: d_step { pending[low - 1] -> claimed_by_me(low - 1); low-- }
                    :: d_step { !pending[low - 1] -> skip } -> break
                    fi
                :: else -> break
                fi
            :: low == 0 || !pending[low - 1] -> break
            od;
            release(low, top);
            /* site: detached.released.fetch_sub Relaxed */
            d_step {
                detached = detached - ((top - low + 1) * PER - (low == 0 -> 1 : 0))
            }
        :: d_step { !whole && pending[top] -> claimed_by_me(top) };
            d_step { bring_back(top, f, l, z, d) };
            give(top)
        /* It stays as it is, or somebody was quicker. */
        :: d_step { !whole || !pending[top] -> whole = 0 }
        fi
    fi
}

#ifdef FOREVER_SWEEPING
#define goes_on_sweeping true
#else
#define goes_on_sweeping d_step { k < SWEEPS -> k++ }
#endif

proctype Sweeper() {
    byte me = SWEEPER;
    byte rnd, new_round, k;
    byte f, l, z, d, sf, sl, seg;
    byte below, low, top;
    bit whole;

    do
    :: goes_on_sweeping -> stop();
        detach();
        resume();
        below = SEGMENTS;
        do
        :: enter();
            step();
            leave();
            if
            :: top == NONE -> d_step { top = 0; low = 0; below = 0 } -> break
            :: else -> d_step { below = low; top = 0; low = 0 }
            fi
        od
#ifndef FOREVER_SWEEPING
    :: d_step { k == SWEEPS -> finished() } -> break
#endif
    od
}
