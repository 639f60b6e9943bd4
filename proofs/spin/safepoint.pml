/* The handshake, with the events MB to SR of src/safepoint/safepoint.rs.
 *
 * The stores MB and SS may lie in a buffer. Only the other side can tell the difference. So a
 * buffered store becomes visible at a fence, or when a load of the other side happens to see it.
 */

bit busy[RECORDS];
bit busy_buffered[RECORDS];          /* MB is made, and not visible yet */
bit stopping;
bit stopping_buffered;
byte gate;                           /* the cycle */
byte registry;                       /* the lock: 1 + its holder */

#define show_busy(r) busy[r] = busy[r] | busy_buffered[r]; busy_buffered[r] = 0
#define show_gate() stopping = stopping | stopping_buffered; stopping_buffered = 0

/* MB. site: record.set_busy.store Relaxed */
inline set_busy() {
    d_step { busy_buffered[me] = 1; printf("@ %d MB: will be busy, which may not be seen yet\n", me) }
}

/* MI, the last step of an operation.
 * site: record.set_idle.store Release */
inline leave() {
    d_step { inside[me] = 0; busy[me] = 0; busy_buffered[me] = 0; my_cycle = 0;
        printf("@ %d MI: idle, the operation has ended\n", me) }
}

/* MF. An asymmetric light fence is a compiler fence only; the heavy fence of the other side does
 * the work.
 * site: safepoint.enter.light Fence
 * site: safepoint.enter_slow.light Fence
 * site: safepoint.enter_slow.full Fence
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
    /* MS. site: safepoint.enter.load Acquire
     * site: safepoint.enter_slow.load Acquire */
    :: d_step { !stopping -> inside[me] = 1; my_cycle = gate;
            printf("@ %d MS: the gate is open, cycle %d\n", me, my_cycle);
            assert(!stopped) } -> break
    :: d_step { stopping || stopping_buffered -> show_gate();
            printf("@ %d MS: the gate is closed\n", me) };
        d_step { busy[me] = 0; busy_buffered[me] = 0; printf("@ %d MI: idle, waits\n", me) };
        registry == 0;               /* takes the lock, and gives it up */
        set_busy() light()
    od
}

#define is_idle(r) (!busy[r])
#define await_idle(r) d_step { is_idle(r) -> printf("@ %d SB: %d is idle\n", me, r) }

/* The world is stopped. Asserts that no participant is inside an operation (Invariant 8), and that
 * no slot is in transit. */
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

/* Takes the registry's lock, and waits until no operation is under way. The stopper keeps the lock
 * until it resumes. */
inline stop() {
    /* site: stop.announce.load Relaxed: the cycle does not change while the lock is held. */
    d_step { registry == 0 -> registry = me + 1; new_cycle = gate;
        printf("@ %d takes the lock\n", me) };
    /* SS. site: stop.announce.store Relaxed */
    d_step { stopping_buffered = 1;
        printf("@ %d SS: closes the gate, which may not be seen yet\n", me) };
    /* SF. site: stop.pass_fence.heavy Fence */
#ifdef FENCED
    /* site: fence.heavy.fence SeqCst */
    d_step { show_gate(); printf("@ %d SF: full fence\n", me) };
#else
    /* The system call: the caller passes a fence, then each thread passes one, at a moment of its
     * own. One step shows the same as several would. A thread that makes MB after it sees the gate,
     * and no thread reads a busy flag before SB. */
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
    await_idle(0);
#if MUTATORS > 1
    await_idle(1);
#endif
#if MUTATORS > 2
    await_idle(2);
#endif
    d_step { is_idle(SWEEPER) -> is_stopped() }
}

inline resume() {
    /* SR. site: stop.drop.store Release */
    d_step { stopping = 0; stopping_buffered = 0; gate = new_cycle; stopped = 0;
        printf("@ %d SR: opens the gate, cycle %d\n", me, gate); new_cycle = 0 };
    d_step { registry = 0; printf("@ %d gives up the lock\n", me) }
}
