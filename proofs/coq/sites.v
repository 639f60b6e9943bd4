(** * The orderings, and their sites in [src/]

    [orders] has one field for each kind of access that the protocol makes, and [code] gives it the
    ordering in [src/]. The comment on a line of [code] names the site: file, function, and operation.
    The ordering follows, and for a compare-and-swap the ordering of its failure, too. Each mistake in
    [mistakes/coq/] weakens one word of [code]. *)

From Slotarena Require Import memory.

Record orders := {
  o_set_busy : ord; b_light : bool; o_enter : ord; o_enter_slow : ord; o_set_idle : ord;
  o_cycle : ord; o_stop : ord; b_heavy : bool; o_is_busy : ord; o_resume : ord;
  o_take : ord; o_push : ord; o_put_back : ord;
  o_publish : ord; o_replace : ord; o_free : ord; o_free_owned : ord; o_load : ord;
  o_next : ord; o_set_next : ord; o_peek : ord; o_wipe : ord;
  o_claim : ord; o_begin : ord; o_committed : ord;
  o_grow : ord; o_release : ord; o_unclaim : ord
}.

Definition code : orders := {|
  o_set_busy := Relaxed;    (* site: record.set_busy.store Relaxed *)
  b_light := true;          (* site: fence.light.compiler_fence SeqCst *)
                            (* site: fence.full.fence SeqCst *)
                            (* site: safepoint.enter.light Fence *)
                            (* site: safepoint.enter_slow.light Fence *)
                            (* site: safepoint.enter_slow.full Fence *)
  o_enter := Acquire;       (* site: safepoint.enter.load Acquire *)
  o_enter_slow := Acquire;  (* site: safepoint.enter_slow.load Acquire *)
  o_set_idle := Release;    (* site: record.set_idle.store Release *)
  o_cycle := Relaxed;       (* site: stop.announce.load Relaxed *)
                            (* site: join.unregister.load Relaxed *)
  o_stop := Relaxed;        (* site: stop.announce.store Relaxed *)
  b_heavy := true;          (* site: fence.heavy.fence SeqCst *)
                            (* site: stop.pass_fence.heavy Fence *)
  o_is_busy := Acquire;     (* site: record.is_busy.load Acquire *)
  o_resume := Release;      (* site: stop.drop.store Release *)
  o_take := Acquire;        (* site: free_list.take.swap Acquire *)
  o_push := Release;        (* site: free_list.push.compare_exchange Release Relaxed *)
  o_put_back := Release;    (* site: free_list.put_back.compare_exchange Release Relaxed *)
  o_publish := Release;     (* site: slot.publish.store Release *)
  o_replace := AcqRel;      (* site: slot.replace.compare_exchange AcqRel Relaxed *)
  o_free := Acquire;        (* site: slot.free.compare_exchange Acquire Relaxed *)
  o_free_owned := Relaxed;  (* site: slot.free_owned.store Relaxed *)
  o_load := Acquire;        (* site: slot.load.load Acquire *)
  o_next := Relaxed;        (* site: slot.next.load Relaxed *)
                            (* site: slot.set_next_if_needed.load Relaxed *)
  o_set_next := Relaxed;    (* site: slot.set_next.store Relaxed *)
  o_peek := Relaxed;        (* site: slot.peek.load Relaxed *)
  o_wipe := Relaxed;        (* site: slot.wipe.store Relaxed *)
  o_claim := Acquire;       (* site: unswept.claim.fetch_and Acquire *)
  o_begin := Relaxed;       (* site: unswept.start_cycle.store Relaxed *)
  o_committed := Relaxed;   (* site: committed.word.load Relaxed *)
  o_grow := Acquire;        (* site: committed.set.fetch_or Acquire *)
  o_release := Release;     (* site: committed.clear.fetch_and Release *)
  o_unclaim := Release      (* site: committed.clear.fetch_and Release *)
|}.
