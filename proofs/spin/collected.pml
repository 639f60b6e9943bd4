/* A collected space: mutators that allocate, set, zap, and free entries, beside the phases of a
 * collector.
 *
 * A model of its own. A step is one atomic access. All are sequentially consistent. What the core
 * proves is taken for granted: a stop waits until no operation is under way, and a list or a local
 * store hands each of its slots to one thread. So all free slots that are in lists are `LISTED`.
 *
 * Mutators make operations on any slot, with stale handles too, and cycles follow each other
 * without end. The state has no counters. So a model explores histories of any length.
 *
 * Marks count as operations: all have ended before the second stop, since `sweep` takes the marking
 * by value.
 */

/* Sizes, unless the model sets them. Segment 0 has slot 0, and segment 1 has the others. */
#ifndef MUTATORS
#define MUTATORS 2
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#define first_of(segment) (segment)
#define last_of(segment) ((segment) == 0 -> 0 : SLOTS - 1)

#define COLLECTOR MUTATORS

/* The word of a slot: 0 if it is free. A zapped entry has no object any more. The pointer is one of
 * two. */
#define LIVE 1
#define COLOR 2
#define POINTER 4
#define ZAPPED 8
#define is_live(w) (((w) & LIVE) != 0)
#define color_of(w) ((w) & COLOR)
#define marked(w) ((w) ^ COLOR)
#define reset(w) (((w) ^ POINTER) & (LIVE | COLOR | POINTER))
#define zapped(w) (LIVE | color_of(w) | ZAPPED)

byte word[SLOTS];

/* The phase, and which color is white. They change in a stop only. */
#define IDLE 0
#define MARKING 1
#define SWEEPING 2
byte phase;
byte white;
#define black (white ^ COLOR)

/* New entries are black in a cycle. */
#define color_of_new() (phase == IDLE -> white : black)

/* From the second stop on, white means dead. */
#define is_dead(w) (is_live(w) && phase == SWEEPING && color_of(w) == white)

/* What an operation refuses, as if the slot were free. */
#define is_refused(w) (!is_live(w) || is_dead(w))

byte operations;                     /* under way */

/* Ghosts: where a slot is, and whether its entry was marked or allocated in this cycle. */
#define IN_USE 0
#define LISTED 255
#define held_by(p) (1 + (p))
byte place[SLOTS];
bit is_kept[SLOTS];

/* A scratch variable, used within one step only. */
hidden byte h_i;

/* A slot goes from one owner to another. */
#define moves(s, from, to) assert(place[s] == from); place[s] = to

/* An operation replaces the word of slot s, which is c. It is no dead entry's. */
#define replaces(new) assert(place[s] == IN_USE && !is_dead(word[s])); word[s] = new

/* Begins an operation, which no stop is beside. Ends it. */
#define enter() operations++
#define leave() operations--; s = 0; c = 0

/* A thread marks slot s. */
inline mark() {
    d_step { c = word[s] };
    do
    :: is_live(c) && color_of(c) == white ->
        if
        :: d_step { word[s] == c -> assert(!is_kept[s]);
                printf("@ %d marks slot %d\n", me, s);
                replaces(marked(c)); is_kept[s] = 1 } -> break
        :: d_step { word[s] != c -> c = word[s] }
        fi
    :: else -> break
    od
}

/* Frees slot s, or changes its entry: `set`, `exchange`, `publish`, and `unpublish` are the
 * same here. They keep the color. */
inline change() {
    d_step { c = word[s] };
    do
    :: is_refused(c) -> break
    :: else ->
        if
        :: d_step { word[s] != c -> c = word[s] }
        :: d_step { word[s] == c -> printf("@ %d sets slot %d\n", me, s);
                replaces(reset(c)) } -> break
#ifdef ZAPS
        :: d_step { word[s] == c && !(c & ZAPPED) -> printf("@ %d zaps slot %d\n", me, s);
                replaces(zapped(c)) } -> break
#endif
        :: d_step { word[s] == c -> printf("@ %d frees slot %d\n", me, s);
                replaces(0); is_kept[s] = 0; moves(s, IN_USE, held_by(me)) };
            d_step { printf("@ %d puts slot %d into a list\n", me, s);
                moves(s, held_by(me), LISTED) } -> break
        fi
    od
}

/* Allocates slot s, if it is in a list. */
inline allocate() {
    if
    :: d_step { place[s] == LISTED -> printf("@ %d takes slot %d\n", me, s);
            moves(s, LISTED, held_by(me)) };
        d_step { c = color_of_new() };
        d_step { assert(!is_live(word[s]));
            word[s] = LIVE | c; is_kept[s] = (phase != IDLE);
            printf("@ %d puts an entry into slot %d\n", me, s);
            moves(s, held_by(me), IN_USE) }
    :: d_step { place[s] != LISTED -> skip }
    fi
}

/* Any slot. */
inline choose() {
    if
    :: true
    :: d_step { s = 1 }
#if SLOTS > 2
    :: d_step { s = 2 }
#endif
    fi
}

proctype Mutator(byte me) {
    byte s, c;

    do
    :: d_step { enter(); printf("@ %d begins an operation\n", me) };
        choose();
        if
        :: allocate()
        :: change()
        fi;
progress_operation:
        atomic { leave() }
#ifdef SUSPENDED
    /* It makes no step any more, as if a debugger had stopped it. */
    :: true ->
end_suspended:
        false
#endif
    od
}

#if MARKERS > 1
/* A second thread that marks. */
proctype Marker() {
    byte me = COLLECTOR;
    byte s, c;

end:
    do
    :: d_step { phase == MARKING -> enter(); printf("@ %d a second marker begins\n", me) };
        choose();
        mark();
progress_mark:
        atomic { leave() }
    od
}
#endif

/* The first stop: marking begins. */
inline begin() {
    d_step { operations == 0 -> assert(phase == IDLE);
        phase = MARKING;
        h_i = 0;
        do
        :: h_i < SLOTS -> is_kept[h_i] = 0; h_i++
        :: else -> break
        od;
        h_i = 0;
        printf("@ %d stops the space: marking begins\n", me) }
}

/* Marks some slots, in any order. */
inline mark_some() {
    do
    :: d_step { enter() };
        choose();
        mark();
progress_mark:
        atomic { leave() }
    :: break
    od
}

/* The second stop: what is white is dead from now on. No thread marks any more. */
inline end_marking() {
    atomic { operations == 0 -> phase = SWEEPING;
        printf("@ %d stops the space: the sweep begins\n", me) }
}

/* Sweeps a segment by plain stores, and puts its chain into a list. */
inline sweep(segment) {
    d_step { s = first_of(segment) };
    do
    :: s <= last_of(segment) ->
        d_step { c = word[s] };
        if
        :: d_step { is_dead(c) ->
                printf("@ %d frees slot %d, which is dead\n", me, s);
                assert(!is_kept[s]);
                assert(word[s] == c);
                word[s] = 0;
                moves(s, IN_USE, held_by(me)) }
        :: !is_dead(c)
        fi;
        d_step { c = 0; s++ }
    :: s > last_of(segment) -> break
    od;
    atomic { s = 0; h_i = first_of(segment);
        do
        :: h_i <= last_of(segment) ->
            if
            :: place[h_i] == held_by(me) -> moves(h_i, held_by(me), LISTED)
            :: else
            fi;
            h_i++
        :: else -> break
        od;
        h_i = 0;
        printf("@ %d puts the chain of segment %d into a list\n", me, segment) }
}

/* The third stop: black is the new white. No entry has another color. */
inline finish() {
    d_step { operations == 0 -> white = black; phase = IDLE;
        h_i = 0;
        do
        :: h_i < SLOTS -> assert(!is_live(word[h_i]) || color_of(word[h_i]) == white);
            is_kept[h_i] = 0; h_i++
        :: else -> break
        od;
        h_i = 0;
        printf("@ %d stops the space: all entries are white\n", me) }
}

proctype Collector() {
    byte me = COLLECTOR;
    byte s, c;

    do
    :: begin();
        mark_some();
        end_marking();
        sweep(1);
        sweep(0);
progress_cycle:
        finish()
    od
}

init {
    atomic {
        h_i = 0;
        do
        :: h_i < SLOTS -> place[h_i] = LISTED; h_i++
        :: else -> break
        od;
        h_i = 0;
        do
        :: h_i < MUTATORS -> run Mutator(h_i); h_i++
        :: else -> break
        od;
        h_i = 0;
        run Collector();
#if MARKERS > 1
        run Marker()
#endif
    }
}
