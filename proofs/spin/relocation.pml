/* Compaction of a collected space: relocating the entries above the frontier, beside mutators.
 *
 * A model of its own. A step is one atomic access. All are sequentially consistent. Cells are fields
 * of the program that hold handles. Mutators clear cells, allocate, and zap and free entries by any
 * handles, stale ones too. What a mutator writes into a cell is the handle of a new entry: the
 * program lets no thread use a handle that it has loaded before.
 */

#ifndef MUTATORS
#define MUTATORS 1
#endif
#define COMPACTOR MUTATORS
#define CELLS 2
#define SLOTS 4
#define FRONTIER 2
#define NONE 255

/* Each slot is in a segment of its own. The segments of odd slots are flipped. */
#define COLOR 2
#define flip_of(s) (((s) & 1) * COLOR)

/* The word of a live slot: its color, and its object. A zapped entry has object 0. */
#define LIVE 1
#define is_live(w) (((w) & LIVE) != 0)
#define object_of(w) ((w) / 4)
#define entry(o, s) (LIVE | flip_of(s) | (o) * 4)
#define zapped(w) ((w) & (LIVE | COLOR))
#define is_white(s) ((word[s] & COLOR) == flip_of(s))
#define moved(w, from, to) ((w) ^ flip_of(from) ^ flip_of(to))
#define FREE 0
#define EVACUATED 2

/* The slot that an entry moves to has an evacuated copy first. */
#define COPY EVACUATED

byte word[SLOTS];
byte cell[CELLS];                    /* a handle, or NONE */
byte forward[SLOTS];                 /* where the compactor has moved an entry to, or NONE */

/* A slot above the frontier that becomes free is *spent*: it is in no list, and no thread gets it
 * before the compaction has ended. */
#define freed(s) ((s) >= FRONTIER -> SPENT : UNSWEPT)

/* Ghosts: where a slot is; what the program has put into a cell; and how often an object was
 * dropped. */
#define IN_USE 0
#define UNSWEPT 1
#define SPENT 2
#define held_by(p) (3 + (p))
byte place[SLOTS];
byte meant[CELLS];
#define OBJECTS 4
byte dropped[OBJECTS];

/* A slot goes from one owner to another. */
#define moves(s, from, to) assert(place[s] == from); place[s] = to

#define drops(o) dropped[o] = dropped[o] + ((o) > 0 -> 1 : 0); assert(dropped[o] <= 1)

/* What a thread gets that reads the cell, and then the table. */
#define seen(i) (cell[i] != NONE && is_live(word[cell[i]]) -> object_of(word[cell[i]]) : 0)

/* The cell leads to the object that the program means, if the object is still there. */
#define leads(i) (meant[i] == 0 || dropped[meant[i]] > 0 || seen(i) == meant[i])

/* Any slot. */
inline choose() {
    if
    :: true
    :: d_step { s = 1 }
    :: d_step { s = 2 }
    :: d_step { s = 3 }
    fi
}

proctype Mutator(byte me) {
    byte s, c;
    bit has_allocated;

end:
    do
    :: choose();
        d_step { c = word[s] };
        if
        :: d_step { object_of(c) > 0 && word[s] == c -> word[s] = zapped(c);
                printf("@ %d zaps slot %d, and drops object %d\n", me, s, object_of(c));
                drops(object_of(c)) }
        :: d_step { is_live(c) && word[s] == c -> word[s] = FREE;
                printf("@ %d frees slot %d, and drops object %d\n", me, s, object_of(c));
                moves(s, IN_USE, freed(s)); drops(object_of(c)) }
        :: d_step { !is_live(c) || word[s] != c -> skip }
        fi;
        atomic { s = 0; c = 0 }
    /* A new entry, for a cell. */
    :: !has_allocated -> choose();
        if
        :: d_step { place[s] == UNSWEPT -> moves(s, UNSWEPT, held_by(me));
                has_allocated = 1; printf("@ %d takes slot %d\n", me, s) };
            d_step { assert(!is_live(word[s])); word[s] = entry(OBJECTS - 1 - me, s);
                moves(s, held_by(me), IN_USE);
                printf("@ %d puts a new entry into slot %d\n", me, s) };
            if
            :: true
            :: d_step { c = 1 }
            fi;
            d_step { cell[c] = s; meant[c] = OBJECTS - 1 - me;
                printf("@ %d puts handle %d into cell %d\n", me, s, c) }
        :: d_step { place[s] != UNSWEPT -> skip }
        fi;
        atomic { s = 0; c = 0 }
    :: d_step { cell[0] != NONE -> cell[0] = NONE; meant[0] = 0;
            printf("@ %d clears cell 0\n", me) }
    :: d_step { cell[1] != NONE -> cell[1] = NONE; meant[1] = 0;
            printf("@ %d clears cell 1\n", me) }
    od
}

/* Changes the cell from h to n, if it still holds h. */
inline swing() {
    d_step { has_swung = (cell[i] == h);
        if
        :: has_swung -> cell[i] = n;
            printf("@ %d changes cell %d from handle %d to %d\n", me, i, h, n)
        :: else -> printf("@ %d finds that cell %d has changed\n", me, i)
        fi }
}

/* Moves the entry of slot h, which cell i holds, to a free slot below the frontier. */
inline move() {
    if
    :: d_step { place[0] == UNSWEPT -> n = 0; moves(n, UNSWEPT, held_by(me)) }
    :: d_step { place[1] == UNSWEPT -> n = 1; moves(n, UNSWEPT, held_by(me)) }
    :: d_step { place[0] != UNSWEPT && place[1] != UNSWEPT -> n = NONE }
    fi;
    if
    :: n == NONE
    :: else ->
        d_step { c = word[h] };
        if
        :: d_step { is_live(c) && word[h] == c -> word[h] = EVACUATED;
                printf("@ %d evacuates slot %d\n", me, h) };
            d_step { word[n] = COPY;
                printf("@ %d puts an evacuated copy into slot %d\n", me, n) };
            swing();
            if
            :: has_swung ->
                d_step { word[n] = moved(c, h, n); moves(n, held_by(me), IN_USE);
                    assert(is_white(n));
                    printf("@ %d puts object %d into slot %d\n", me, object_of(c), n) };
                d_step { word[h] = FREE; forward[h] = n; moves(h, IN_USE, freed(h));
                    printf("@ %d frees slot %d\n", me, h) }
            :: else ->
                d_step { word[h] = c; printf("@ %d restores slot %d\n", me, h) };
                d_step { word[n] = FREE; moves(n, held_by(me), UNSWEPT);
                    printf("@ %d gives slot %d back\n", me, n) }
            fi
        /* Another thread has changed the entry: it stays where it is. */
        :: d_step { !is_live(c) || word[h] != c -> moves(n, held_by(me), UNSWEPT) }
        fi
    fi
}

inline relocate() {
    d_step { h = cell[i]; printf("@ %d relocates cell %d, which holds handle %d\n", me, i, h) };
    if
    :: h != NONE && h >= FRONTIER && forward[h] != NONE ->
        d_step { n = forward[h] };
        swing()
    :: h != NONE && h >= FRONTIER && forward[h] == NONE -> move()
    :: h == NONE || h < FRONTIER
    fi;
    atomic { h = 0; n = 0; c = 0; has_swung = 0;
        assert(leads(i)); printf("@ %d has relocated cell %d\n", me, i); i++ }
}

proctype Compactor() {
    byte me = COMPACTOR;
    byte i, h, n, c;
    bit has_swung;

    do
    :: i < CELLS -> relocate()
    :: i == CELLS -> break
    od;
    atomic { assert(leads(0) && leads(1)) }
}

init {
    atomic {
        d_step {
            place[0] = UNSWEPT; place[1] = UNSWEPT;
            forward[0] = NONE; forward[1] = NONE; forward[2] = NONE; forward[3] = NONE;
            word[2] = entry(1, 2); cell[0] = 2; meant[0] = 1;
        };
        /* The second cell holds the same handle, or another. */
        if
        :: d_step { cell[1] = 2; meant[1] = 1; place[3] = UNSWEPT }
        :: d_step { word[3] = entry(2, 3); cell[1] = 3; meant[1] = 2 }
        fi;
        run Mutator(0);
#if MUTATORS > 1
        run Mutator(1);
#endif
        run Compactor()
    }
}
