/* The operations of a mutator. An allocation tries its local store, then the free lists, then the
 * unswept segments, then a fresh segment. */

#define home(r) ((r) % STRIPES)

/* Puts slot i, which the caller owns, into its local store. Part of a step, in an operation.
 * site: store.set_length.store Relaxed */
#define push_free(i) as_user(me); as_owner(i); store[me * LIMIT + held[me]] = i; held[me]++

/* Fills the empty store with one magazine of the chain (f, l), and puts the rest back into free
 * list s. */
inline fill(s, f, l) {
    d_step {
        h_k = 0;
        do
        :: h_k < MAGAZINE && l > 0 ->
            push_free(f);
            /* site: slot.next.load Relaxed */
            if :: l > 1 -> f = next(f) :: else f = 0 fi;
            h_k++; l--
        :: else -> break
        od;
        h_k = 0
    };
    put_back(s, f, l)
}

/* Fills the empty store from the first source that has a free slot. */
inline refill() {
    s = 0;
    do
    :: s < STRIPES ->
        take(((home(me) + s) % STRIPES), f, l);
        if
        :: l > 0 -> fill(((home(me) + s) % STRIPES), f, l); break
        :: else -> s++
        fi
    :: else -> break
    od;
    do
    :: held[me] == 0 ->
        sweep_lowest(f, l);
        if
        :: seg == NONE -> seg = 0; break
        :: else -> seg = 0;
            if
            :: l > 0 -> fill(home(me), f, l)
            :: else
            fi
        fi
    :: else -> break
    od;
    if
    :: held[me] == 0 ->
        grow(f, l);
        if :: l > 0 -> fill(home(me), f, l) :: else fi
    :: else
    fi;
    s = 0
}

/* Takes a slot out of the store, and publishes an entry in it. One step: the caller owns the store.
 * site: slot.publish.store Release */
inline hand_out() {
    as_user(me); held[me]--; i = store[me * LIMIT + held[me]]; store[me * LIMIT + held[me]] = 0;
    printf("@ %d puts an entry into slot %d\n", me, i);
    as_owner(i); touch(i);
    live[i] = 1; cycle[i] = 0; link[i] = 0; own[i] = LIVE; i = 0
}

/* Puts the slots of all local stores into the caller's home free list. Part of a step, with the
 * world stopped. */
inline gather() {
    h_s = 0;
    do
    :: h_s < RECORDS ->
        do
        :: held[h_s] > 0 ->
            as_user(h_s);
            held[h_s]--; h_i = store[h_s * LIMIT + held[h_s]]; store[h_s * LIMIT + held[h_s]] = 0;
            assert(own[h_i] == h_s); own[h_i] = me;
            if :: length[home(me)] > 0 -> set_next(h_i, first[home(me)]) :: else fi;
            own[h_i] = CHAIN;
            first[home(me)] = h_i; length[home(me)]++
        :: else -> break
        od;
        h_s++
    :: else -> break
    od;
    h_s = 0; h_i = 0
}

/* Tells the caller that the table is full. Asserts that every slot is live (Invariant 4). */
inline say_full() {
    printf("@ %d says that the table is full\n", me);
    h_i = 1;
    do
    :: h_i < SLOTS -> assert(own[h_i] == LIVE); h_i++
    :: else -> break
    od;
    h_i = 0
}

/* Allocates with the world stopped. A free slot that is in no free list may lie in the store of
 * another participant, or be in transit. So only a stopper can say that the table is full. All that
 * the stopper does is one step. */
inline allocate_stopped() {
    stop();
    d_step {
        my_cycle = new_cycle;
        printf("@ %d gathers all local stores\n", me);
        gather();
        s = home(me);
        if :: length[s] == 0 -> s = STRIPES - 1 - s :: else fi;
        if
        :: length[s] > 0 ->
            f = first[s]; l = length[s];
            transfer(f, l, CHAIN, me); first[s] = 0; length[s] = 0
        :: else -> s = home(me)
        fi;
        do
        :: l == 0 && lowest(unswept, 1) != NONE ->
            seg = lowest(unswept, 1);
            claimed_by_me(seg); sweep_segment(seg, f, l, z, d);
            unswept_slots = unswept_slots - d; d = 0; z = 0; seg = 0
        :: else -> break
        od;
        if
        :: l == 0 && lowest(claimed, 0) != NONE ->
            seg = lowest(claimed, 0);
            claimed[seg] = 1; commit(f, l)
        :: else
        fi;
        if
        :: l > 0 ->
            push_free(f);
            if :: l > 1 -> f = next(f) :: else fi;
            l--;
            if
            :: l > 0 ->
                transfer(f, l, me, CHAIN);
                assert(length[s] == 0);
                first[s] = f; length[s] = l
            :: else
            fi;
            hand_out()
        :: else -> say_full()
        fi;
        f = 0; l = 0; s = 0; my_cycle = 0
    };
    resume()
}

inline allocate() {
    enter();
    if
    :: held[me] == 0 -> refill()
    :: else
    fi;
    if
    :: held[me] > 0 ->
        d_step { hand_out() };
        leave()
    :: else ->
        leave();
        allocate_stopped()
    fi
}

/* Asserts that the owner may use its store: in an operation, or while it holds the registry's lock
 * to unregister. The lock keeps stoppers out. */
#define as_user_or_last(r) assert((inside[me] || registry == me + 1) && !stopped)

/* Pushes the oldest `count` slots of the store on the home free list. */
inline spill(count) {
    d_step {
        as_user_or_last(me);
        h_n = 0; f = 0; z = 0; l = 0;
        do
        :: h_n < count ->
            h_i = store[me * LIMIT + h_n];
            as_owner(h_i);
            if
            :: h_n == 0 -> z = h_i
            :: else ->
                set_next(h_i, f)
            fi;
            f = h_i; l++; h_n++
        :: else -> break
        od;
        h_n = 0;
        do
        :: h_n + count < LIMIT ->
            store[me * LIMIT + h_n] = store[me * LIMIT + h_n + count]; h_n++
        :: else -> break
        od;
        held[me] = held[me] - count;
        clear_store(me);
        h_n = 0; h_i = 0
    };
    if
    :: l > 0 -> push(home(me), f, l, z)
    :: else
    fi
}

/* Frees slot i, if it is in use. Any thread may try, with any number. */
inline free(i) {
    enter();
    if
    /* site: slot.load.load Acquire */
    :: live[i] ->
        if
        /* site: slot.free.compare_exchange Acquire Relaxed */
        :: d_step { live[i] -> printf("@ %d frees slot %d\n", me, i);
                touch(i); live[i] = 0; cycle[i] = my_cycle; link[i] = 0;
                assert(own[i] == LIVE); own[i] = me;
                if
                :: held[me] < LIMIT -> push_free(i); i = 0
                :: else
                fi };
            if
            :: i != 0 -> spill(MAGAZINE); d_step { push_free(i); i = 0 }
            :: else
            fi
        :: d_step { !live[i] -> touch(i); i = 0 }
        fi
    :: d_step { !live[i] -> i = 0 }
    fi;
    leave()
}

/* Replaces the entry of slot i, if the slot is in use. */
inline set(i) {
    enter();
    if
    :: live[i] ->
        if
        /* site: slot.replace.compare_exchange AcqRel Relaxed */
        :: d_step { live[i] -> touch(i); i = 0 }
        :: d_step { !live[i] -> touch(i); i = 0 }
        fi
    :: d_step { !live[i] -> i = 0 }
    fi;
    leave()
}

/* Ends the participation of a thread: its slots go to the home free list. */
inline unregister() {
    d_step { registry == 0 -> registry = me + 1; my_cycle = gate };
    /* site: join.unregister.load Relaxed */
    spill(held[me]);
    d_step { registry = 0; my_cycle = 0 }
}
