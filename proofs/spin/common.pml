/* What the threads share, and what is true of it.
 *
 * One step is one atomic access, together with what its thread does to slots that it owns before
 * and after: each such access asserts the ownership, so nobody else can be at the slot in between,
 * and the order does not matter. All accesses are sequentially consistent but one pair: the stores
 * of the handshake, MB and SS, may lie in their thread's buffer while it goes on (see world.pml).
 * What weaker orderings do is the matter of the proofs in Coq.
 *
 * Replayed, a step prints what it does: `@`, who, what.
 *
 * A step says which access in src/ it stands for, in a comment that `verify proofs` holds against
 * the source, orderings and all.
 */

/* Sizes, unless the model says otherwise. OPERATIONS: of each mutator. COMMITTED: segments, at the
 * start. LAST: the last round. */
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
#define LIMIT (2 * MAGAZINE)         /* of a private store */
#define SWEEPER MUTATORS             /* its record; the mutators' are 0, 1, ... */
#define RECORDS (MUTATORS + 1)
#define NONE 255

/* A slot's word: live, or free with a round and a link. */
bit live[SLOTS];
byte round[SLOTS];
byte link[SLOTS];

/* Stripes. */
byte first[STRIPES];
byte length[STRIPES];

/* Records: a private store each. The busy flags are in world.pml. */
byte store[RECORDS * LIMIT];
byte held[RECORDS];

/* A bit a segment. */
bit claimed[SEGMENTS];
bit pending[SEGMENTS];
byte detached;                       /* slots of segments that are pending, or not finished */

/* Ghosts: never read by a step, only by assertions. */
#define CHAIN 200                    /* whose a slot is: a record's number, or one of these */
#define LIVE 201
#define DETACHED 202
#define NOWHERE 203
byte own[SLOTS];
bit committed[SEGMENTS];
bit inside[RECORDS];                 /* in an operation, the gate having been seen open */
byte stopped;                        /* 1 + who has stopped the world */

/* Scratch, used within one step only. */
hidden byte h_i, h_n, h_s, h_f, h_l, h_last, h_k;

#define segment_of(i) ((i) / PER)
#define is_usable(i) ((i) != 0)
#define next(i) (((i) + 1 + link[i]) & 255)

/* A store to a slot: not while its segment is released (Invariant 5). */
#define touch(i) assert(committed[segment_of(i)])

/* An access that only the owner of the slot may make (Invariants 1 and 2). */
#define as_owner(i) assert((i) > 0 && (i) < SLOTS && own[i] == me)

/* An access to a private store: in an operation, or with the world stopped by oneself, and never
 * while another has stopped it (Invariant 8). */
#define as_user(r) assert((inside[me] && me == r && !stopped) || stopped == me + 1)

/* site: slot.set_next.store Relaxed */
#define set_next(i, n) as_owner(i); touch(i); live[i] = 0; round[i] = rnd; \
    link[i] = ((n) - (i) - 1) & 255

/* Gives the slots of a chain from one owner to another. They are distinct: each changes hands
 * once (Invariant 2). */
inline transfer(f, l, from, to) {
    h_i = f; h_n = 0;
    do
    :: h_n < l ->
        assert(h_i > 0 && h_i < SLOTS && own[h_i] == from && !live[h_i]);
        own[h_i] = to; h_n++;
        /* The link of the last slot means nothing. */
        if :: h_n < l -> h_i = next(h_i) :: else fi
    :: else -> break
    od;
    h_i = 0; h_n = 0
}

/* Every slot of a committed segment is in one place (Invariants 1, 2 and 4). Called when no
 * operation is under way. */
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
    /* h_k: in chains and stores. The others: */
    h_i = 1; h_n = 0;
    do
    :: h_i < SLOTS ->
        if
        :: own[h_i] == LIVE -> assert(live[h_i] && committed[segment_of(h_i)])
        :: own[h_i] == DETACHED -> assert(pending[segment_of(h_i)]); h_n++
        :: own[h_i] == NOWHERE -> assert(!committed[segment_of(h_i)] && !claimed[segment_of(h_i)])
        :: else -> assert(committed[segment_of(h_i)] && h_k > 0); h_k--
        fi;
        h_i++
    :: else -> break
    od;
    assert(h_k == 0 && detached == h_n);
    h_i = 0; h_n = 0; h_s = 0
}

/* The lowest segment whose bit is so, or NONE; the highest below an end. */
#if SEGMENTS == 2
#define lowest(bits, is) (bits[0] == is -> 0 : (bits[1] == is -> 1 : NONE))
#define highest(bits, end) ((end > 1 && bits[1]) -> 1 : ((end > 0 && bits[0]) -> 0 : NONE))
#elif SEGMENTS == 3
#define lowest(bits, is) (bits[0] == is -> 0 : (bits[1] == is -> 1 : (bits[2] == is -> 2 : NONE)))
#define highest(bits, end) ((end > 2 && bits[2]) -> 2 : ((end > 1 && bits[1]) -> 1 : \
    ((end > 0 && bits[0]) -> 0 : NONE)))
#endif
