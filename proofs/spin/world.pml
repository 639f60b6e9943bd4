/* The handshake. Events MB to SR as in src/world.rs.
 *
 * MB and SS may lie in a buffer. Nobody but the other side can tell, so a buffered store is shown
 * when a fence says so, or when the other side's load happens to see it.
 */

bit busy[RECORDS];
bit busy_buffered[RECORDS];          /* MB was made, and is not seen yet */
bit stopping;
bit stopping_buffered;
byte gate;                           /* the round */
byte registry;                       /* the lock: 1 + who has it */

#define show_busy(r) busy[r] = busy[r] | busy_buffered[r]; busy_buffered[r] = 0
#define show_gate() stopping = stopping | stopping_buffered; stopping_buffered = 0

/* MB. site: record.set_busy.store Relaxed */
inline set_busy() {
    d_step { busy_buffered[me] = 1; printf("@ %d MB: will be busy, which may not be seen yet\n", me) }
}

/* MI, the last step of an operation. site: record.set_idle.store Release */
inline leave() {
    d_step { inside[me] = 0; busy[me] = 0; busy_buffered[me] = 0; rnd = 0;
        printf("@ %d MI: idle, the operation has ended\n", me) }
}

/* MF. Where the fence is asymmetric it is the compiler's alone, and the other side's call does the
 * work.
 * site: world.enter.light Fence
 * site: world.enter_slow.light Fence
 * site: world.enter_slow.full Fence
 * site: fence.light.compiler_fence SeqCst */
#ifdef FENCED
/* site: fence.full.fence SeqCst */
#define light() ; d_step { show_busy(me); printf("@ %d MF: full fence\n", me) }
#else
#define light()
#endif

inline enter() {
    set_busy() light();
    do
    /* MS. site: world.enter.load Acquire
     * site: world.enter_slow.load Acquire */
    :: d_step { !stopping -> inside[me] = 1; rnd = gate;
            printf("@ %d MS: the gate is open, round %d\n", me, rnd);
            assert(!stopped) } -> break
    :: d_step { stopping || stopping_buffered -> show_gate();
            printf("@ %d MS: the gate is closed\n", me) };
        d_step { busy[me] = 0; busy_buffered[me] = 0; printf("@ %d MI: idle, waits\n", me) };
        registry == 0;               /* takes the lock, and gives it up */
        set_busy() light()
    od
}

#define is_idle(r) (!busy[r])
#define look_at(r) d_step { is_idle(r) -> printf("@ %d SB: %d is idle\n", me, r) }

/* The world is stopped: nobody is inside an operation (Invariant 8), and nothing is in transit. */
inline is_stopped() {
    stopped = me + 1;
    printf("@ %d SB: all are idle, the world is stopped\n", me);
    h_i = 0;
    do
    :: h_i < RECORDS -> assert(!inside[h_i]); h_i++
    :: else -> break
    od;
    h_i = 0;
    check_all()
}

/* Up to the moment when no operation is under way. The lock is held from then on. */
inline stop() {
    /* site: world.stop.load Relaxed: the round does not change while the lock is held. */
    d_step { registry == 0 -> registry = me + 1; new_round = gate;
        printf("@ %d takes the lock\n", me) };
    /* SS. site: world.stop.store.2 Relaxed */
    d_step { stopping_buffered = 1;
        printf("@ %d SS: closes the gate, which may not be seen yet\n", me) };
    /* SF. site: world.stop.heavy Fence */
#ifdef FENCED
    /* site: fence.heavy.fence SeqCst */
    d_step { show_gate(); printf("@ %d SF: full fence\n", me) };
#else
    /* The system call: the caller passes a fence, then each thread does, at a moment of its own.
     * One step shows what several would: whoever makes MB after it sees the gate, and nobody
     * reads a busy flag before SB. */
    d_step { show_gate(); show_busy(0); show_busy(1);
#if MUTATORS > 1
        show_busy(2);
#endif
#if MUTATORS > 2
        show_busy(3);
#endif
        printf("@ %d SF: makes all pass a fence\n", me)
    };
#endif
    /* SB. site: record.is_busy.load Acquire */
    look_at(0);
#if MUTATORS > 1
    look_at(1);
#endif
#if MUTATORS > 2
    look_at(2);
#endif
    d_step { is_idle(SWEEPER) -> is_stopped() }
}

inline resume() {
    /* SR. site: world.drop.store.2 Release */
    d_step { stopping = 0; stopping_buffered = 0; gate = new_round; stopped = 0;
        printf("@ %d SR: opens the gate, round %d\n", me, gate); new_round = 0 };
    d_step { registry = 0; printf("@ %d gives up the lock\n", me) }
}
