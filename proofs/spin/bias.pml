/* The bias of a table: participants that free slots and publish new entries, and a pause.
 *
 * A model of its own. The bias knows no chain and no store: a participant keeps the slots that it
 * has freed, and gives them new entries. One step is one atomic access. All are sequentially
 * consistent.
 *
 * A sequence is four steps. A restart ends all sequences under way, as the kernel does with a
 * thread that it interrupts: one that has not stored stores nothing. The kernel may also interrupt
 * a sequence for reasons of its own.
 *
 * Participants make operations without end, and the state has no counters. So a model explores
 * histories of any length.
 */

/* Sizes, unless the model sets them. EPOCHS is the last epoch in which ranges are biased. */
#ifndef PARTICIPANTS
#define PARTICIPANTS 2
#endif
#ifndef RANGES
#define RANGES 1
#endif
#ifndef SLOTS
#define SLOTS 1
#endif
#ifndef EPOCHS
#define EPOCHS 2
#endif

#define PAUSER PARTICIPANTS
#define range_of(s) ((s) % RANGES)

/* The word of a range, and the phase: the epoch, a number, and a kind, as in src/bias/ranges.rs.
 * A sequence compares the word with the sum of the phase and a tag. OFF is in every phase that is
 * *revoking* or *shared*, and in no word of a range, so that no such sum is any range's word. */
#define REVOKING 1
#define SHARED 2
#define KIND (REVOKING | SHARED)
#define OFF 4
#define tag_of(number) ((number) * 8)
#define EPOCH 32
#define epoch_of(w) ((w) - (w) % EPOCH)
#define KEPT EPOCH                   /* a range stays shared for so much longer */
#define REST_MAX 2

byte phase = EPOCH;
byte range[RANGES];
byte rest, last_rest;

/* Words of the slots: live or free, and which of two entries it is, or was. */
byte word[SLOTS];
#define is_live(w) (((w) & 1) != 0)
#define freed(w) ((w) & 2)
#define published(w) (((w) ^ 2) | 1)

/* A scratch variable, used within one step only. */
hidden byte h_p;

byte owner[SLOTS];                   /* 1 + the participant that has freed it, 0 while it is live */
byte operations;                     /* under way */
bit inside[PARTICIPANTS];            /* in a sequence, which was not restarted */

/* A ghost: a participant goes the shared way there, in this epoch. */
bit is_seen_shared[RANGES];

/* The participant of this model that has no number, if it has one. */
#ifdef NUMBERLESS
#define number_of(p) ((p) == PARTICIPANTS - 1 -> 0 : (p) + 1)
#else
#define number_of(p) ((p) + 1)
#endif

/* Frees slot s, by whichever kind of store. What the participant has compared is what is there, and
 * no other has freed it (Invariant 14). */
#define win(seen) assert(word[s] == seen && is_live(seen) && owner[s] == 0); \
    word[s] = freed(seen); owner[s] = me + 1; is_done = 1

/* BB. Sequences under way are restarted. Each thread is interrupted at a moment of its own; one
 * step shows the same as several would, since BR lets no sequence begin that could store. */
inline restart() {
    d_step {
        h_p = 0;
        do
        :: h_p < PARTICIPANTS -> inside[h_p] = 0; h_p++
        :: else -> break
        od;
        h_p = 0;
        printf("@ %d BB: restarts all sequences\n", me)
    }
}

/* BB, which the system may refuse. Then the operation ends, and has changed nothing. */
#ifdef REFUSALS
#define try_to_restart() \
    if \
    :: restart() \
    :: d_step { c = 0; w = 0; x = 0; printf("@ %d is refused the barrier\n", me) } \
    fi
#else
#define try_to_restart() restart()
#endif

/* The sequence. It stores if the condition is met, and `accepts` is true of the slot's word. */
inline sequence(accepts) {
    d_step { inside[me] = 1; x = phase + tag_of(number_of(me));
        printf("@ %d begins a sequence for slot %d\n", me, s) };
    if
    :: d_step { inside[me] && range[range_of(s)] == x -> x = 0;
            printf("@ %d sees that it has the bias\n", me) };
        if
        :: d_step { inside[me] && accepts -> x = word[s];
                printf("@ %d sees that the slot is live\n", me) };
            if
            :: d_step { inside[me] -> assert(!is_seen_shared[range_of(s)]);
                    printf("@ %d frees slot %d by its sequence\n", me, s);
                    win(x); inside[me] = 0; x = 0 }
            :: d_step { inside[me] = 0; x = 0; printf("@ %d is interrupted\n", me) }
            fi
        :: d_step { !(inside[me] && accepts) -> inside[me] = 0 }
        fi
    :: d_step { !(inside[me] && range[range_of(s)] == x) -> inside[me] = 0; x = 0 }
    fi
}

/* The compare-and-swap of slot s from c, by a participant that has seen *shared*.
 * site: slot.free.compare_exchange Acquire Relaxed */
inline swap() {
    if
    :: d_step { word[s] == c -> printf("@ %d frees slot %d by a compare-and-swap\n", me, s);
            win(c) }
    :: d_step { word[s] != c -> c = word[s] }
    fi
}

#define revoking_toward_me(w) ((epoch_of(w) + tag_of(number_of(me))) | REVOKING)

/* Revokes the bias of the range, whose word was w. */
inline revoke() {
    if
    /* BR. site: revoke.revoke.compare_exchange Relaxed Relaxed */
    :: d_step { !(w & REVOKING) && range[range_of(s)] == w ->
            w = w | REVOKING; range[range_of(s)] = w;
            printf("@ %d BR: revokes the bias\n", me) };
        try_to_restart()
    :: d_step { !(w & REVOKING) && range[range_of(s)] != w -> w = 0 }
    /* The participant with the bias is in no sequence, and needs no BB. */
    :: w & REVOKING && w == revoking_toward_me(w)
    :: w & REVOKING && w != revoking_toward_me(w) ->
        try_to_restart()
    fi;
    if
    /* BS. site: revoke.revoke.compare_exchange.2 Release Relaxed */
    :: d_step { w != 0 && range[range_of(s)] == w ->
            range[range_of(s)] = (epoch_of(w) + KEPT) | SHARED; w = 0;
            printf("@ %d BS: the range is shared\n", me) }
    :: d_step { w == 0 || range[range_of(s)] != w -> w = 0 }
    fi
}

/* The same for all ranges. The phase was x. */
inline revoke_all() {
    if
    /* BR. site: revoke.revoke_all.compare_exchange Relaxed Relaxed */
    :: d_step { !(x & REVOKING) && phase == x -> x = x | REVOKING | OFF; phase = x;
            printf("@ %d BR: revokes the bias of all ranges\n", me) };
        try_to_restart()
    :: d_step { !(x & REVOKING) && phase != x -> x = 0 }
    :: x & REVOKING ->
        try_to_restart()
    fi;
    if
    /* BS. site: revoke.revoke_all.compare_exchange.2 Release Relaxed */
    :: d_step { x != 0 && phase == x -> phase = epoch_of(x) | SHARED | OFF; x = 0;
            printf("@ %d BS: all is shared\n", me) }
    :: d_step { x == 0 || phase != x -> x = 0 }
    fi
}

#define goes_shared() printf("@ %d sees *shared*\n", me); \
    is_seen_shared[range_of(s)] = 1; x = 0; w = 0

/* Decides the range of slot s: `is_biased` says how. */
inline settle() {
    do
#ifdef REFUSALS
    :: !is_live(c) -> break
#endif
    /* site: revoke.settle.load Acquire */
    :: d_step { is_live(c) -> x = phase };
        if
        :: x & REVOKING ->
            revoke_all()
        :: d_step { x & SHARED -> is_biased = 0; goes_shared() } -> break
        :: else ->
            /* site: revoke.settle.load.2 Acquire */
            d_step { w = range[range_of(s)] };
            if
            :: w < epoch_of(x) ->
                if
                /* site: revoke.settle.compare_exchange Relaxed Relaxed */
                :: d_step { range[range_of(s)] == w ->
                        range[range_of(s)] = (number_of(me) == 0 -> (epoch_of(x) + KEPT) | SHARED
                            : epoch_of(x) + tag_of(number_of(me)));
                        printf("@ %d decides: the bias is toward number %d\n", me, number_of(me));
                        x = 0; w = 0 }
                :: d_step { range[range_of(s)] != w -> x = 0; w = 0 }
                fi
            :: d_step { w >= epoch_of(x) && w == epoch_of(x) + tag_of(number_of(me)) ->
                    is_biased = 1; x = 0; w = 0 } -> break
            :: d_step { w & SHARED && w >= epoch_of(x) ->
                    is_biased = 0; goes_shared() } -> break
            :: else ->
                if
                :: d_step { x = 0 };
                    revoke()
                /* site: revoke.may_revoke.load Relaxed
                 * site: revoke.revoke.fetch_add Relaxed
                 * site: bias.begin_epoch.store.5 Relaxed
                 * The bound on revocations may be reached at any time. */
                :: d_step { !(w & REVOKING) -> w = 0 };
                    revoke_all()
                fi
            fi
        fi
    od
}

/* The participant gives up its own bias, since its sequence was interrupted. */
inline give_up() {
    /* site: revoke.give_up.load Acquire */
    d_step { x = epoch_of(phase) };
    if
    /* site: revoke.give_up.compare_exchange Release Relaxed */
    :: d_step { range[range_of(s)] == x + tag_of(number_of(me)) ->
            range[range_of(s)] = (x + KEPT) | SHARED; x = 0;
            printf("@ %d gives up its bias\n", me) }
    :: d_step { range[range_of(s)] != x + tag_of(number_of(me)) -> x = 0 }
    fi
}

/* Frees slot s if its word is c. Else c becomes the word there instead. */
inline change() {
    do
    :: settle();
        if
#ifdef REFUSALS
        :: !is_live(c) -> break
#endif
        :: !is_biased && is_live(c) -> swap(); break
        :: is_biased ->
            is_biased = 0;
            if
            :: d_step { word[s] != c -> c = word[s] } -> break
            :: word[s] == c ->
                sequence(word[s] == c);
                if
                :: is_done -> break
                :: !is_done -> give_up()
#ifdef PATIENT
                :: !is_done
#endif
                fi
            fi
        fi
    od
}

/* Frees slot s, which any participant may try at any time. */
inline free() {
    if
    /* site: change.is_shared.load Acquire */
    :: d_step { phase & SHARED -> goes_shared() };
        d_step { c = word[s] };
        if
        :: is_live(c) -> swap()
        :: else
        fi
    :: d_step { !(phase & SHARED) };
        sequence(is_live(word[s]))
    fi;
    if
    :: !is_done ->
        d_step { c = word[s] };
        do
        :: is_live(c) && !is_done -> change()
        :: else -> break
        od
    :: else
    fi
}

/* Ends an operation. */
#define leave() operations--; is_done = 0; c = 0; s = 0

/* With SUSPENDED one participant is suspended forever, at any moment, as by a debugger. The others
 * must not wait for it: there is no deadlock. */
#ifdef SUSPENDED
byte suspended;                      /* 1 + its number */
#define as_long_as_it_runs provided (suspended != _pid)
#else
#define as_long_as_it_runs
#endif

proctype Participant(byte me) as_long_as_it_runs {
    byte s, c, x, w;
    bit is_done, is_biased;

    do
    :: d_step { operations++ ;
            printf("@ %d begins an operation\n", me) };
        if
        :: true
#if SLOTS > 1
        :: d_step { s = 1 }
#endif
        fi;
        free();
progress_free:
        atomic { leave() }
    /* site: slot.publish.store Release */
    :: d_step { owner[0] == me + 1 -> word[0] = published(word[0]); owner[0] = 0;
            printf("@ %d puts a new entry into slot 0\n", me) }
#if SLOTS > 1
    :: d_step { owner[1] == me + 1 -> word[1] = published(word[1]); owner[1] = 0;
            printf("@ %d puts a new entry into slot 1\n", me) }
#endif
    od
}

/* Begins an epoch, and decides for how many the table stays shared. Part of a step.
 * site: bias.begin_epoch.load Relaxed
 * site: bias.begin_epoch.load.2 Relaxed
 * site: bias.begin_epoch.load.3 Relaxed
 * site: bias.begin_epoch.store Relaxed
 * site: bias.begin_epoch.store.2 Relaxed
 * site: bias.begin_epoch.store.3 Relaxed
 * site: bias.begin_epoch.store.7 Relaxed */
inline begin_epoch() {
    if
    :: epoch_of(phase) > EPOCHS * EPOCH -> phase = epoch_of(phase) | SHARED | OFF
    :: else ->
        if
        :: !(phase & KIND) -> rest = 0; last_rest = last_rest / 2
        :: phase & KIND && rest == 0 ->
            last_rest = 2 * last_rest;
            if
            :: last_rest < 1 -> last_rest = 1
            :: last_rest > REST_MAX -> last_rest = REST_MAX
            :: else
            fi;
            rest = last_rest
        :: phase & KIND && rest != 0 -> rest--
        fi;
        phase = epoch_of(phase) + EPOCH + (rest > 0 -> SHARED | OFF : 0)
    fi;
    h_p = 0;
    do
    :: h_p < RANGES -> is_seen_shared[h_p] = 0; h_p++
    :: else -> break
    od;
    h_p = 0;
    printf("@ %d begins epoch %d\n", me, phase / EPOCH)
}

/* Pauses, and begins epochs. That no operation is under way in a pause is proved with the
 * handshake. */
proctype Pauser() {
    byte me = PAUSER;

end:
    do
    :: d_step { operations == 0 && !(epoch_of(phase) > EPOCHS * EPOCH && phase & SHARED) ->
            begin_epoch() }
    od
}

init {
    atomic {
        h_p = 0;
        do
        :: h_p < SLOTS -> word[h_p] = 1; h_p++
        :: else -> break
        od;
        h_p = 0;
        do
        :: h_p < PARTICIPANTS -> run Participant(h_p); h_p++
        :: else -> break
        od;
        h_p = 0;
        run Pauser()
    };
#ifdef SUSPENDED
    /* Here the first one is: any other would be as well. */
end_init:
    suspended == 0 -> suspended = 1
#endif
}
