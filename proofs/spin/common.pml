/* Shared state of the models, and the assertions about it.
 *
 * One step is one atomic access, together with what its thread does before and after it to slots
 * that it owns. Each access to an owned slot asserts the ownership: no other thread can be at the
 * slot in between, so the order does not matter.
 *
 * All accesses are sequentially consistent but one pair, the stores of the handshake. MB and SS may
 * lie in their thread's buffer while the thread goes on (see safepoint.pml). The proofs in Coq deal
 * with weaker orderings.
 *
 * A replayed step prints what it does: `@`, the number of the participant, the action.
 *
 * A comment names the access in src/ that a step stands for. `verify proofs` compares the name and
 * the orderings with the source.
 */

/* Sizes, unless the model sets them. OPERATIONS counts per mutator. COMMITTED is the number of
 * segments that are committed at the start. LAST is the last cycle. */
#ifndef MUTATORS
#define MUTATORS 2
#endif
#ifndef SEGMENTS
#define SEGMENTS 2
#endif
#ifndef STRIPES
#define STRIPES 1
#endif
#ifndef OPERATIONS
#define OPERATIONS 1
#endif
#ifndef COMMITTED
#define COMMITTED 1
#endif
#ifndef SWEEPS
#define SWEEPS 0
#endif
#ifndef LAST
#define LAST 250
#endif

#define PER 2                        /* slots of a segment; slot 0 is never used */
#define SLOTS (SEGMENTS * PER)
#define MAGAZINE 1
#define LIMIT (2 * MAGAZINE)         /* of a local store */
#define SWEEPER MUTATORS             /* its record; the mutators have 0, 1, ... */
#define RECORDS (MUTATORS + 1)
#define NONE 255

/* Words of the slots: live, or free with a cycle and a link. */
bit live[SLOTS];
byte cycle[SLOTS];
byte link[SLOTS];

/* Free lists: the head of each. */
byte first[STRIPES];
byte length[STRIPES];

/* Records: a local store each. The busy flags are in safepoint.pml. */
byte store[RECORDS * LIMIT];
byte held[RECORDS];

/* One bit per segment. `claimed` is the committed bitmap: its bit is set before the memory is
 * there, and cleared after the memory is gone. */
bit claimed[SEGMENTS];
bit unswept[SEGMENTS];
byte unswept_slots;                  /* in segments that are unswept, or claimed and not finished */

/* Ghosts: assertions read them, steps do not. */
#define CHAIN 200                    /* the owner of a slot: a record's number, or one of these */
#define LIVE 201
#define UNSWEPT 202
#define NOWHERE 203
byte own[SLOTS];
bit committed[SEGMENTS];
bit inside[RECORDS];                 /* in an operation that saw the gate open */
byte stopped;                        /* 1 + the record of the stopper while the world is stopped */

/* Scratch variables, used within one step only. */
hidden byte h_i, h_n, h_s, h_f, h_l, h_last, h_k;

#define segment_of(i) ((i) / PER)
#define is_usable(i) ((i) != 0)
#define next(i) (((i) + 1 + link[i]) & 255)

/* Asserts that a store to slot i is allowed: its segment is committed (Invariant 5). */
#define touch(i) assert(committed[segment_of(i)])

/* Asserts that the thread owns slot i (Invariants 1 and 2). */
#define as_owner(i) assert((i) > 0 && (i) < SLOTS && own[i] == me)

/* Asserts that the thread may use the local store of record r (Invariant 8). Its owner may, in an
 * operation, while the world runs. The stopper may use every store while the world is stopped. */
#define as_user(r) assert((inside[me] && me == r && !stopped) || stopped == me + 1)

/* site: slot.set_next.store Relaxed */
#define set_next(i, n) as_owner(i); touch(i); live[i] = 0; cycle[i] = my_cycle; \
    link[i] = ((n) - (i) - 1) & 255

/* Moves the slots of a chain from one owner to another. They are distinct: each changes its owner
 * once (Invariant 2). */
inline transfer(f, l, from, to) {
    h_i = f; h_n = 0;
    do
    :: h_n < l ->
        assert(h_i > 0 && h_i < SLOTS && own[h_i] == from && !live[h_i]);
        own[h_i] = to; h_n++;
        /* The link of the last slot has no meaning. */
        if :: h_n < l -> h_i = next(h_i) :: else fi
    :: else -> break
    od;
    h_i = 0; h_n = 0
}

/* Asserts that every slot of a committed segment is in one place (Invariants 1, 2, and 4). It is
 * called when no operation is under way. */
inline check_all() {
    h_k = 0; h_s = 0;
    do
    :: h_s < STRIPES ->
        h_i = first[h_s]; h_n = 0;
        do
        :: h_n < length[h_s] ->
            assert(h_i > 0 && h_i < SLOTS && own[h_i] == CHAIN && !live[h_i]);
            assert(committed[segment_of(h_i)]);
            h_n++; h_k++;
            if :: h_n < length[h_s] -> h_i = next(h_i) :: else fi
        :: else -> break
        od;
        h_s++
    :: else -> break
    od;
    h_s = 0;
    do
    :: h_s < RECORDS ->
        h_n = 0;
        do
        :: h_n < held[h_s] ->
            h_i = store[h_s * LIMIT + h_n];
            assert(h_i > 0 && h_i < SLOTS && own[h_i] == h_s && !live[h_i]);
            h_n++; h_k++
        :: else -> break
        od;
        h_s++
    :: else -> break
    od;
    /* h_k counts the slots in chains and stores. The loop checks the others. */
    h_i = 1; h_n = 0;
    do
    :: h_i < SLOTS ->
        if
        :: own[h_i] == LIVE -> assert(live[h_i] && committed[segment_of(h_i)])
        :: own[h_i] == UNSWEPT -> assert(unswept[segment_of(h_i)]); h_n++
        :: own[h_i] == NOWHERE -> assert(!committed[segment_of(h_i)] && !claimed[segment_of(h_i)])
        :: else -> assert(committed[segment_of(h_i)] && h_k > 0); h_k--
        fi;
        h_i++
    :: else -> break
    od;
    assert(h_k == 0 && unswept_slots == h_n);
    h_i = 0; h_n = 0; h_s = 0
}

/* The lowest segment whose bit is `is`, or NONE. The highest segment below `end` whose bit is set,
 * or NONE. */
#if SEGMENTS == 2
#define lowest(bits, is) (bits[0] == is -> 0 : (bits[1] == is -> 1 : NONE))
#define highest(bits, end) ((end > 1 && bits[1]) -> 1 : ((end > 0 && bits[0]) -> 0 : NONE))
#elif SEGMENTS == 3
#define lowest(bits, is) (bits[0] == is -> 0 : (bits[1] == is -> 1 : (bits[2] == is -> 2 : NONE)))
#define highest(bits, end) ((end > 2 && bits[2]) -> 2 : ((end > 1 && bits[1]) -> 1 : \
    ((end > 0 && bits[0]) -> 0 : NONE)))
#endif
