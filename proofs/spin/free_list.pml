/* Free lists: a thread pushes a chain, takes the whole chain, or puts the rest back. */

/* Takes the chain of free list s into (f, l). */
inline take(s, f, l) {
    if
    /* site: free_list.peek.load Relaxed */
    :: d_step { length[s] == 0 -> f = 0; l = 0 }
    :: length[s] != 0 ->
        /* site: free_list.take.swap Acquire */
        d_step { f = first[s]; l = length[s]; first[s] = 0; length[s] = 0;
            printf("@ %d takes the chain (%d, %d)\n", me, f, l);
            transfer(f, l, CHAIN, me) }
    fi
}

/* Links z, the last slot of the chain to push, to the first slot of the head that was read. */
inline link_before(z, sf, sl) {
    if :: sl > 0 -> set_next(z, sf) :: else fi
}

/* Asserts that free list s holds a chain (Invariant 2). */
inline walk(s) {
    h_i = first[s]; h_n = 0;
    do
    :: h_n < length[s] ->
        assert(h_i > 0 && h_i < SLOTS && own[h_i] == CHAIN && !live[h_i]);
        assert(h_n < SLOTS);
        h_n++;
        if :: h_n < length[s] -> h_i = next(h_i) :: else fi
    :: else -> break
    od;
    h_i = 0; h_n = 0
}

/* Pushes the chain (f, l) with the last slot z. Uses (sf, sl). */
inline push(s, f, l, z) {
    /* site: free_list.peek.load Relaxed */
    d_step { sf = first[s]; sl = length[s];
        printf("@ %d will push (%d, %d), sees (%d, %d)\n", me, f, l, sf, sl) };
    do
    /* site: free_list.push.compare_exchange Release Relaxed */
    :: d_step { first[s] == sf && length[s] == sl -> link_before(z, sf, sl);
        printf("@ %d pushes (%d, %d) before (%d, %d)\n", me, f, l, sf, sl);
        transfer(f, l, me, CHAIN); first[s] = f; length[s] = l + sl;
        walk(s); f = 0; l = 0; z = 0; sf = 0; sl = 0 } -> break
    :: d_step { first[s] != sf || length[s] != sl -> link_before(z, sf, sl);
        sf = first[s]; sl = length[s];
        printf("@ %d cannot push, sees (%d, %d)\n", me, sf, sl) }
    od;
    skip
}

/* Puts the chain (f, l) back into free list s once the list is empty. Uses (sf, sl) for chains that
 * other threads push in the meantime. */
inline put_back(s, f, l) {
    do
    :: d_step { l == 0 -> f = 0 } -> break
    /* site: free_list.put_back.compare_exchange Release Relaxed */
    :: d_step { l > 0 && first[s] == 0 && length[s] == 0 ->
        printf("@ %d puts back (%d, %d)\n", me, f, l);
        transfer(f, l, me, CHAIN); first[s] = f; length[s] = l; walk(s);
        f = 0; l = 0 } -> break
    :: l > 0 && length[s] != 0 ->
        take(s, sf, sl);
        d_step {
            if
            :: sl > 0 ->
                /* site: slot.next.load Relaxed */
                h_i = sf; h_n = 1;
                do
                :: h_n < sl -> as_owner(h_i); h_i = next(h_i); h_n++
                :: else -> break
                od;
                set_next(h_i, f);
                printf("@ %d appends (%d, %d) to slot %d\n", me, f, l, h_i);
                f = sf; l = l + sl; h_i = 0; h_n = 0
            :: else
            fi;
            sf = 0; sl = 0
        }
    od
}
