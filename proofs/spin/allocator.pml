/* The operations of a mutator. Within one: the private store, then the stripes, then what a sweep
 * has detached, then a fresh segment. */

#define home(r) ((r) % STRIPES)

/* Keeps a slot of the caller's in its store. Within a step, in an operation.
 * site: record.set_length.store Relaxed */
#define keep(i) as_user(me); as_owner(i); store[me * LIMIT + held[me]] = i; held[me]++

/* Fills the empty store from the chain (f, l) with one magazine, and puts the rest into a
 * stripe. */
inline load(s, f, l) {
    d_step {
        h_k = 0;
        do
        :: h_k < MAGAZINE && l > 0 ->
            keep(f);
            /* site: slot.next.load Relaxed */
            if :: l > 1 -> f = next(f) :: else f = 0 fi;
            h_k++; l--
        :: else -> break
        od;
        h_k = 0
    };
    put_back(s, f, l)
}

/* Makes sure that the store holds a slot, if there is one to be had. */
inline refill() {
    s = 0;
    do
    :: s < STRIPES ->
        take(((home(me) + s) % STRIPES), f, l);
        if
        :: l > 0 -> load(((home(me) + s) % STRIPES), f, l); break
        :: else -> s++
        fi
    :: else -> break
    od;
    do
    :: held[me] == 0 ->
        bring_back_lowest(f, l);
        if
        :: seg == NONE -> seg = 0; break
        :: else -> seg = 0;
            if
            :: l > 0 -> load(home(me), f, l)
            :: else
            fi
        fi
    :: else -> break
    od;
    if
    :: held[me] == 0 ->
        grow(f, l);
        if :: l > 0 -> load(home(me), f, l) :: else fi
    :: else
    fi;
    s = 0
}

/* Makes a slot of the store one in use. One step: the store is the caller's own.
 * site: slot.publish.store Release */
inline hand_out() {
    as_user(me); held[me]--; i = store[me * LIMIT + held[me]]; store[me * LIMIT + held[me]] = 0;
    printf("@ %d puts an entry into slot %d\n", me, i);
    as_owner(i); touch(i);
    live[i] = 1; round[i] = 0; link[i] = 0; own[i] = LIVE; i = 0
}

/* Puts all private stores into the caller's home stripe. Within a step, with the world stopped. */
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

/* The caller is told that there is no slot: then there is none (Invariant 4). */
inline say_full() {
    printf("@ %d says that the table is full\n", me);
    h_i = 1;
    do
    :: h_i < SLOTS -> assert(own[h_i] == LIVE); h_i++
    :: else -> break
    od;
    h_i = 0
}

/* What is in no stripe may lie in another's store, or be on its way: only here can it be said that
 * there is nothing. What is done with the world stopped is one step. */
inline allocate_stopped() {
    stop();
    d_step {
        rnd = new_round;
        printf("@ %d gathers all private stores\n", me);
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
        :: l == 0 && lowest(pending, 1) != NONE ->
            seg = lowest(pending, 1);
            claimed_by_me(seg); bring_back(seg, f, l, z, d);
            detached = detached - d; d = 0; z = 0; seg = 0
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
            keep(f);
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
        f = 0; l = 0; s = 0; rnd = 0
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

/* As as_user, or the store's owner has just given it up, and the lock keeps stoppers out. */
#define as_user_or_last(r) assert((inside[me] || registry == me + 1) && !stopped)

/* Puts count slots of the store, those that came first, into the home stripe. */
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

/* Takes back slot i, if it is in use: anybody may try, with any number. */
inline free(i) {
    enter();
    if
    /* site: slot.load.load Acquire */
    :: live[i] ->
        if
        /* site: slot.retire.compare_exchange Acquire Relaxed */
        :: d_step { live[i] -> printf("@ %d frees slot %d\n", me, i);
                touch(i); live[i] = 0; round[i] = rnd; link[i] = 0;
                assert(own[i] == LIVE); own[i] = me;
                if
                :: held[me] < LIMIT -> keep(i); i = 0
                :: else
                fi };
            if
            :: i != 0 -> spill(MAGAZINE); d_step { keep(i); i = 0 }
            :: else
            fi
        :: d_step { !live[i] -> touch(i); i = 0 }
        fi
    :: d_step { !live[i] -> i = 0 }
    fi;
    leave()
}

/* Puts another entry into slot i, if it is in use. */
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

/* Ends a participation. */
inline unregister() {
    d_step { registry == 0 -> registry = me + 1; rnd = gate };
    /* site: world.unregister.load Relaxed */
    spill(held[me]);
    d_step { registry = 0; rnd = 0 }
}
