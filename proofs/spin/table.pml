/* A table, mutators that make any operations in any order, and a sweeper. */

#include "common.pml"
#include "safepoint.pml"
#include "free_list.pml"
#include "arena.pml"
#include "unswept.pml"
#include "allocator.pml"

byte done;

/* Ends a process. The last one asserts that all slots are there. */
inline finished() {
    done++;
    if
    :: done == MUTATORS + 1 -> check_all()
    :: else
    fi
}

/* Starts one more operation, of `limit` or of infinitely many. */
#ifdef FOREVER
#define goes_on(limit) true
#else
#define goes_on(limit) d_step { k < limit -> k++ }
#endif

#include "sweep.pml"

/* Chooses a slot in use, or none. The source refuses a slot that is not in use immediately. */
inline choose(i) {
    i = SLOTS - 1;
    do
    :: i > 0 -> i--
    :: i == 0 || live[i] -> break
    od
}

proctype Mutator(byte me) {
    byte my_cycle, new_cycle, k;
    byte f, l, z, d, sf, sl, seg;
    byte i, s;

    do
    :: goes_on(OPERATIONS) -> allocate();
progress_allocate:
        skip
    :: atomic { goes_on(OPERATIONS) -> choose(i) };
        if
        :: i != 0 -> free(i)
        :: else
        fi;
progress_free:
        skip
#ifdef SETS
    :: atomic { goes_on(OPERATIONS) -> choose(i) };
        if
        :: i != 0 -> set(i)
        :: else
        fi
#endif
#ifndef FOREVER
    :: d_step { k == OPERATIONS -> k = 0 } -> break
#endif
    od;
#ifdef UNREGISTER
    unregister();
#else
    skip;
#endif
    d_step { finished() }
}

/* Sets up the table: the first COMMITTED segments are committed. Each of their slots is live, or in
 * free list 0, or in the local store of the first mutator. SPIN explores every choice; with MIXED
 * the slots take these three places in turn. */
#ifdef MIXED
#define in_turn(n) i % 3 == n
#else
#define in_turn(n) true
#endif

inline start() {
    byte i = SLOTS - 1;
    do
    :: i > 0 && i >= COMMITTED * PER -> own[i] = NOWHERE; i--
    :: i > 0 && i < COMMITTED * PER ->
        committed[segment_of(i)] = 1; claimed[segment_of(i)] = 1;
        if
        :: in_turn(1) -> live[i] = 1; own[i] = LIVE
        :: in_turn(2) -> own[i] = CHAIN;
            if :: length[0] > 0 -> link[i] = (first[0] - i - 1) & 255 :: else fi;
            first[0] = i; length[0]++
        :: in_turn(0) && held[0] < LIMIT -> own[i] = 0; store[held[0]] = i; held[0]++
        fi;
        i--
    :: i == 0 -> break
    od
}

init {
    atomic {
        start();
        run Sweeper();
        h_s = 0;
        do
        :: h_s < MUTATORS -> run Mutator(h_s); h_s++
        :: else -> break
        od;
        h_s = 0
    }
}

#ifdef STOPS
/* A stop that the sweeper or a mutator asks for happens (Invariant 9). The condition: each process
 * that can make a step makes one in the end. */
#define asks(p) (registry == p + 1 && (stopping || stopping_buffered))
ltl stops { [] ((asks(SWEEPER) -> <> (stopped == SWEEPER + 1)) && (asks(0) -> <> (stopped == 1))) }
#endif
