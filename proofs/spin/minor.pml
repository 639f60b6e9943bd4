/* Minor collections: segments go from a young space to an old one, and back to the reservation.
 *
 * A model of its own. A step is one atomic access. All are sequentially consistent. Each segment has
 * one slot: a model in which it may be kept although its slot is free stands for larger ones. Stops
 * and lists are the core's, as in `collected.pml`.
 *
 * Mutators make operations on any slot, with stale handles too. They look which space has the
 * segment, begin an operation of that space, load the word, and look again. Marks count as
 * operations: all have ended before the second stop, since `sweep` takes the marking by value.
 */

#ifndef MUTATORS
#define MUTATORS 2
#endif
#define SLOTS 2
#define COLLECTOR MUTATORS

/* With ROLES the first mutator frees, and the other one allocates, in the young space only. No fresh
 * segment is flipped then. */
#ifdef ROLES
#define can_zap(b) (((b) & TRANSIT) != 0)
#define can_change(p) ((p) == 0)
#define can_allocate(p) ((p) != 0)
#else
#define can_zap(b) true
#define can_change(p) true
#define can_allocate(p) true
#endif

#define YOUNG 0
#define OLD 1
#define NONE 2

/* The word of a slot: 0 if it is free. A zapped entry has no object any more. */
#define LIVE 1
#define COLOR 2
#define ZAPPED 4
#define is_live(w) (((w) & LIVE) != 0)
byte word[SLOTS];

/* The byte of a segment: its space, its flip bit, and whether it is in transit. */
#define FLIP 4
#define TRANSIT 8
#define space_of(b) ((b) & 3)
byte owner[SLOTS];

/* The color of an entry, relative to its segment. */
#define relative(w, b) (((w) & COLOR) ^ ((b) & FLIP) / 2)

byte white[2];
bit is_marking;                      /* the young space, in this model */
byte operations[2];                  /* under way in a space */

/* In transit white means dead. */
#define is_dead(w, b) (is_live(w) && ((b) & TRANSIT) != 0 && relative(w, b) != white[OLD])

/* Ghosts: where a slot is, and whether its entry was marked or allocated in this cycle. */
#define IN_USE 0
#define RESERVED 1
#define FORGOTTEN 2                  /* free, in no list, in a segment in transit */
#define listed(x) (3 + (x))
#define held_by(p) (5 + (p))
byte place[SLOTS];
bit is_kept[SLOTS];

/* A scratch variable, used within one step only. */
hidden byte h_i;

/* A slot goes from one owner to another. */
#define moves(s, from, to) assert(place[s] == from); place[s] = to

/* An operation of space x replaces the word of slot s, which is no dead entry's. */
#define replaces(new) assert(place[s] == IN_USE); assert(space_of(owner[s]) == x); \
    assert(!is_dead(word[s], owner[s])); word[s] = new

#define leave() operations[x]--; x = 0; b = 0; c = 0; s = 0

/* Frees or zaps slot s. In a segment in transit a free only zaps. */
inline change() {
    d_step { x = space_of(owner[s]) };
    if
    :: x == NONE -> x = 0; s = 0
    :: else ->
        d_step { operations[x]++; printf("@ %d begins an operation of space %d\n", me, x) };
        /* The word first: then it is an entry of the space that has the segment afterwards. */
        d_step { c = word[s] };
        d_step { b = owner[s] };
        if
        :: space_of(b) != x
        :: else ->
            if
            :: !is_live(c) || is_dead(c, b)
            :: else ->
                if
                :: d_step { word[s] != c -> skip }
                :: d_step { word[s] == c && can_zap(b) -> replaces(c | ZAPPED);
                        printf("@ %d zaps slot %d\n", me, s) }
                :: d_step { word[s] == c && !(b & TRANSIT) -> printf("@ %d frees slot %d\n", me, s);
                        replaces(0); is_kept[s] = 0; moves(s, IN_USE, held_by(me)) };
                    d_step { printf("@ %d puts slot %d into a list of space %d\n", me, s, x);
                        assert(space_of(owner[s]) == x); moves(s, held_by(me), listed(x)) }
                fi
            fi
        fi;
        atomic { leave() }
    fi
}

/* Allocates slot s in space x. */
inline allocate() {
    d_step { operations[x]++; printf("@ %d begins an operation of space %d\n", me, x) };
    if
    :: d_step { place[s] == listed(x) -> moves(s, listed(x), held_by(me));
            printf("@ %d takes slot %d\n", me, s) }
    /* The space leases a segment. Its flip bit is any. */
    :: d_step { place[s] == RESERVED -> moves(s, RESERVED, held_by(me));
            assert(space_of(owner[s]) == NONE); owner[s] = x;
            printf("@ %d leases the segment of slot %d for space %d\n", me, s, x) }
#ifndef ROLES
    :: d_step { place[s] == RESERVED -> moves(s, RESERVED, held_by(me));
            assert(space_of(owner[s]) == NONE); owner[s] = x | FLIP;
            printf("@ %d leases the segment of slot %d for space %d, flipped\n", me, s, x) }
#endif
    :: d_step { place[s] != listed(x) && place[s] != RESERVED -> skip }
    fi;
    if
    :: place[s] == held_by(me) ->
        /* Black while the young space is marked. */
        d_step { b = owner[s] };
        d_step { c = white[x] ^ (is_marking && x == YOUNG -> COLOR : 0) ^ (b & FLIP) / 2 };
        d_step { assert(!is_live(word[s]) && space_of(owner[s]) == x);
            word[s] = LIVE | c; is_kept[s] = (is_marking && x == YOUNG);
            printf("@ %d puts an entry into slot %d\n", me, s);
            moves(s, held_by(me), IN_USE) }
    :: else
    fi;
    atomic { leave() }
}

proctype Mutator(byte me) {
    byte s, x, b, c;

    do
    :: true ->
        if
        :: true
        :: d_step { s = 1 }
        fi;
        if
        :: can_change(me) -> change()
        :: can_allocate(me) ->
            if
            :: true
#ifndef ROLES
            :: d_step { x = OLD }
#endif
            fi;
            allocate()
        fi;
progress_operation:
        skip
    od
}

/* Marks slot s, if it is in the young space. */
inline mark() {
    d_step { operations[YOUNG]++; b = owner[s] };
    if
    :: space_of(b) == YOUNG ->
        d_step { c = word[s] };
        do
        :: is_live(c) && relative(c, b) == white[YOUNG] ->
            if
            :: d_step { word[s] == c -> assert(!is_kept[s]);
                    printf("@ %d marks slot %d\n", me, s);
                    replaces(c ^ COLOR); is_kept[s] = 1 } -> break
            :: d_step { word[s] != c -> c = word[s] }
            fi
        :: else -> break
        od
    :: else
    fi;
progress_mark:
    atomic { operations[YOUNG]--; b = 0; c = 0; s = 0 }
}

/* The segments of the young space leave it. Their black is white in the old one. */
inline move_all() {
    atomic { operations[YOUNG] == 0 -> is_marking = 0;
        h_i = 0;
        do
        :: h_i < SLOTS ->
            if
            :: space_of(owner[h_i]) == YOUNG ->
                owner[h_i] = (owner[h_i] ^ (white[YOUNG] ^ COLOR ^ white[OLD]) * 2) | OLD | TRANSIT;
                if
                :: place[h_i] == listed(YOUNG) -> place[h_i] = FORGOTTEN
                :: else -> assert(place[h_i] == IN_USE)
                fi
            :: else
            fi;
            h_i++
        :: else -> break
        od;
        h_i = 0;
        printf("@ %d stops the young space: its segments leave it\n", me) }
}

/* The segment of slot s goes back. Its slots have been dead or free since a stop of its space. */
#define give_back() owner[s] = NONE; moves(s, held_by(me), RESERVED); \
    printf("@ %d gives the segment of slot %d back\n", me, s)

/* Sweeps the segment of slot s by plain stores. */
inline sweep() {
    d_step { c = word[s]; b = owner[s] };
    if
    :: is_live(c) && !is_dead(c, b)
    :: d_step { is_dead(c, b) ->
            printf("@ %d frees slot %d, which is dead\n", me, s);
            assert(!is_kept[s] && word[s] == c);
            word[s] = 0; moves(s, IN_USE, held_by(me)) }
    :: d_step { !is_live(c) -> word[s] = 0; moves(s, FORGOTTEN, held_by(me)) }
    fi;
    if
    :: place[s] == held_by(me) ->
        if
        :: d_step { printf("@ %d puts slot %d into a list of the old space\n", me, s);
                moves(s, held_by(me), listed(OLD)) }
        :: d_step { give_back() }
        fi
    :: else
    fi;
    /* The segment is at home. */
    d_step {
        if
        :: owner[s] & TRANSIT -> owner[s] = owner[s] ^ TRANSIT;
            printf("@ %d is done with the segment of slot %d\n", me, s);
            assert(!is_live(word[s]) || relative(word[s], owner[s]) == white[OLD])
        :: else
        fi };
    b = 0; c = 0
}

proctype Collector() {
    byte me = COLLECTOR;
    byte s, b, c;
    byte x = YOUNG;

    do
    :: atomic { operations[YOUNG] == 0 -> is_marking = 1; is_kept[0] = 0; is_kept[1] = 0;
            printf("@ %d stops the young space: marking begins\n", me) };
        do
        :: mark()
        :: d_step { s = 1 };
            mark()
        :: break
        od;
        move_all();
        do
        :: s < SLOTS && owner[s] & TRANSIT -> sweep(); s++
        :: s < SLOTS && !(owner[s] & TRANSIT) -> s++
        :: s == SLOTS -> break
        od;
        s = 0;
        /* The old space gives a segment back. A stop is between, for the slot was just in a list. */
        if
        :: true
        :: d_step { place[0] == listed(OLD) -> moves(0, listed(OLD), held_by(me)) };
            d_step { operations[OLD] == 0 -> give_back() }
        fi;
progress_cycle:
        skip
    od
}

init {
    atomic {
        place[0] = RESERVED; place[1] = RESERVED;
        owner[0] = NONE; owner[1] = NONE;
        if
        :: true
        :: white[OLD] = COLOR
        fi;
        run Mutator(0);
#if MUTATORS > 1
        run Mutator(1);
#endif
        run Collector()
    }
}
