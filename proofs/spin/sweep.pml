/* The sweep. The sweeper forgets all chains with the world stopped. While the world runs again, it
 * goes through the segments from above: it releases those that are wholly free, and sweeps some of
 * the others. */

/* Sets `whole` if every usable slot of segment s is unswept. */
inline scan(s) {
    h_i = (s) * PER; whole = 1;
    do
    :: h_i < (s) * PER + PER ->
        if :: is_usable(h_i) && !is_unswept(h_i) -> whole = 0 :: else fi;
        h_i++
    :: else -> break
    od;
    h_i = 0;
    printf("@ %d scans segment %d: wholly free %d\n", me, s, whole)
}

/* Pushes the chain (f, l) of segment s on the free list that the segment belongs to. */
inline give(s) {
    if
    :: l > 0 -> push((s % STRIPES), f, l, z)
    :: else
    fi;
    /* site: unswept.relink.fetch_sub Relaxed */
    d_step { unswept_slots = unswept_slots - d; d = 0 }
}

/* Deals with the highest unswept segment below `below`. If it is wholly free, the sweeper
 * releases it, together with the wholly free segments next below it. If not, the sweeper may
 * sweep it or leave it alone. In the source it sweeps those with few unswept slots or with a page
 * to purge; here both are explored for any segment.
 * site: unswept.highest.load Relaxed */
inline step() {
    if
    :: d_step { highest(unswept, below) == NONE -> top = NONE; low = 0 }
    :: d_step { highest(unswept, below) != NONE -> top = highest(unswept, below); low = top };
        d_step { scan(top) };
        if
        :: d_step { whole && unswept[top] -> whole = 0; claimed_by_me(top) };
            do
            /* site: unswept.contains.load Relaxed */
            :: low > 0 && unswept[low - 1] ->
                d_step { scan(low - 1) };
                if
                :: whole ->
                    whole = 0;
                    if
                    :: d_step { unswept[low - 1] -> claimed_by_me(low - 1); low-- }
                    :: d_step { !unswept[low - 1] -> skip } -> break
                    fi
                :: else -> break
                fi
            :: low == 0 || !unswept[low - 1] -> break
            od;
            release(low, top);
            /* site: unswept.subtract.fetch_sub Relaxed */
            d_step {
                unswept_slots = unswept_slots - ((top - low + 1) * PER - (low == 0 -> 1 : 0))
            }
        :: d_step { !whole && unswept[top] -> claimed_by_me(top) };
            d_step { sweep_segment(top, f, l, z, d) };
            give(top)
        /* The segment stays as it is, or another thread claimed it first. */
        :: d_step { !whole || !unswept[top] -> whole = 0 }
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
    byte my_cycle, new_cycle, k;
    byte f, l, z, d, sf, sl, seg;
    byte below, low, top;
    bit whole;

    do
    :: goes_on_sweeping -> stop();
        begin_cycle();
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
