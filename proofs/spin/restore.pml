/* How the sweeper of a collected space hands on what it has freed: one segment of a space, in the
 * sweep cycle of the core that the sweep's stop begins.
 *
 * A model of its own. A step is one atomic access. All are sequentially consistent. A free slot's
 * word may be an old one: zero, or of an earlier cycle. A thread that claims the segment takes all
 * free slots with old words for unswept. A fresh segment's slots have old words too while they are
 * in lists and local stores, since its zeros are a chain already. So the stop begins a cycle, which
 * forgets lists and stores: afterwards each slot in a list or a store has been linked or freed in
 * this cycle.
 */

#ifndef MUTATORS
#define MUTATORS 2
#endif
#define SLOTS 3
#define COLLECTOR MUTATORS

/* The words. */
#define OLD 0
#define LINKED 1                     /* free, with the number of this cycle */
#define LIVE 2
#define DEAD 3
byte word[SLOTS];
bit unswept;                         /* the segment's bit */

/* Ghost: where a slot is. */
#define IN_USE 0
#define LISTED 1
#define UNSWEPT 2
#define stored_by(p) (3 + (p))
byte place[SLOTS];

/* A slot goes from one owner to another. */
#define moves(s, from, to) assert(place[s] == from); place[s] = to

proctype Mutator(byte me) {
    byte s, c;

end:
    do
    :: true ->
        if
        :: true
        :: d_step { s = 1 }
        :: d_step { s = 2 }
        fi;
        if
        :: d_step { place[s] == stored_by(me) -> assert(word[s] == OLD || word[s] == LINKED);
                word[s] = LIVE; moves(s, stored_by(me), IN_USE);
                printf("@ %d allocates slot %d\n", me, s) }
        :: d_step { place[s] == LISTED -> moves(s, LISTED, stored_by(me));
                printf("@ %d takes slot %d from a list\n", me, s) }
        :: d_step { word[s] == LIVE -> word[s] = LINKED; moves(s, IN_USE, stored_by(me));
                printf("@ %d frees slot %d\n", me, s) }
        :: d_step { place[s] != stored_by(me) && place[s] != LISTED && word[s] != LIVE -> skip }
        fi;
        atomic { s = 0 }
    /* Claims the segment, and links its unswept slots. */
    :: d_step { unswept -> unswept = 0; printf("@ %d claims the segment\n", me) };
        do
        :: s < SLOTS ->
            d_step { c = word[s] };
            if
            /* A plain store. */
            :: d_step { c == OLD -> moves(s, UNSWEPT, stored_by(me)); word[s] = LINKED;
                    printf("@ %d takes slot %d, which is unswept\n", me, s) }
            :: c != OLD
            fi;
            s++
        :: s == SLOTS -> break
        od;
        s = 0; c = 0
    od
}

/* Frees the dead slots: they become unswept, or go to a list. */
inline free_dead(new, to) {
    do
    :: s < SLOTS ->
        d_step {
            if
            :: word[s] == DEAD -> word[s] = new; moves(s, IN_USE, to);
                printf("@ %d frees slot %d, which is dead\n", me, s)
            :: else
            fi;
            s++ }
    :: s == SLOTS -> break
    od;
    s = 0
}

proctype Collector() {
    byte me = COLLECTOR;
    byte s;

    if
    /* Claims it, so that no thread does. */
    :: d_step { unswept -> unswept = 0; printf("@ %d claims the segment\n", me) };
        free_dead(OLD, UNSWEPT); unswept = 1
    :: d_step { !unswept -> skip };
        free_dead(LINKED, LISTED)
    fi
}

/* A slot after the stop. */
inline prepare(s) {
    if
    :: word[s] = LIVE
    :: word[s] = DEAD
    :: place[s] = UNSWEPT
    fi
}

init {
    atomic {
        unswept = 1;
        prepare(0);
        prepare(1);
        prepare(2);
        run Mutator(0);
        run Mutator(1);
        run Collector()
    }
}
