(** * Each ordering is needed

    The semantics is a function of the orderings. With those of the code there is no race. With
    one of these weakened to *relaxed*, or a side of the fence left out, there is a race. This
    file shows each race step by step: a table of one slot and two threads, until a thread touches
    what it has not seen. *)

From Coq Require Import Arith Lia List Bool.
From Slotarena Require Import memory sites safepoint free_list allocator theorems.
Import ListNotations.

Inductive which :=
| SetIdle | IsBusy | Resume | Enter | Light | HeavyFence | Take | Push | PutBack | Publish | Free
| ReleaseBit | GrowBit.

Definition which_eq (a b : which) : {a = b} + {a <> b}.
Proof. decide equality. Defined.

Definition weaken (w : which) : orders :=
  let o v x := if which_eq w v then Relaxed else x code in
  let b v x := if which_eq w v then false else x code in
  {| o_set_busy := o_set_busy code; b_light := b Light b_light; o_enter := o Enter o_enter;
     o_enter_slow := o Enter o_enter_slow; o_set_idle := o SetIdle o_set_idle;
     o_cycle := o_cycle code; o_stop := o_stop code; b_heavy := b HeavyFence b_heavy;
     o_is_busy := o IsBusy o_is_busy; o_resume := o Resume o_resume; o_take := o Take o_take;
     o_push := o Push o_push; o_put_back := o PutBack o_put_back;
     o_publish := o Publish o_publish; o_replace := o_replace code; o_free := o Free o_free;
     o_free_owned := o_free_owned code; o_load := o_load code; o_next := o_next code;
     o_set_next := o_set_next code; o_peek := o_peek code; o_wipe := o_wipe code;
     o_claim := o_claim code; o_begin := o_begin code; o_committed := o_committed code;
     o_grow := o GrowBit o_grow; o_release := o ReleaseBit o_release;
     o_unclaim := o ReleaseBit o_unclaim |}.

Definition race_reachable (O : orders) : Prop :=
  exists G s t a s', valid G /\ reachable O G s /\ step O G s t a s' /\ racy t a (fst (fst s)).

Theorem the_code_has_no_race : ~ race_reachable code.
Proof.
  intros (G & [[M H] D] & t & a & s' & V & R & S & X). exact (no_race G V M H D R t a s' S X).
Qed.

(** One free list, one segment, one slot: number 1. *)
Definition tiny : geo := table 1 1 1.

(** ** Tactics that walk through an execution *)

Ltac compute_ := repeat match goal with X : reachable _ _ _ |- _ => clear X end; vm_compute; clear.
Ltac now_ := compute_; solve [reflexivity | tauto | lia | repeat constructor | discriminate].
Ltac cleanly := split; [|split; [|split; [|split]]];
  [ intros [|[|k]]; compute_; reflexivity
  | intros [|[|[|i]]]; compute_; discriminate
  | intros [|[|[|i]]]; compute_; discriminate
  | intros [|[|[|i]]]; compute_; reflexivity
  | intros [|[|[|i]]]; compute_; reflexivity ].
(** Names each state, so that Coq computes it once. *)
Ltac name_ R := let s := fresh "s" in
  match type of R with reachable _ _ ?x => set (s := x) in R end.
Ltac safepoint R t h := eapply r_step in R;
  [ name_ R | eapply (s_safepoint _ _ _ t); [ h; try now_; try cleanly | now_ ] ].
Ltac data R t h := eapply r_step in R;
  [ name_ R | eapply (s_data _ _ _ t); [ h; try now_ | now_ ] ].

Section with_orders.
Variable O : orders.
Lemma start : reachable O tiny init.
Proof. apply r_init. Qed.
End with_orders.

(** A thread becomes a participant, begins an operation, ends it, and stops the world (two
    participants). *)
Ltac takes_part R t :=
  safepoint R t ltac:(eapply h_lock); safepoint R t ltac:(eapply h_register);
  safepoint R t ltac:(eapply h_unlock).
Ltac enters R t ts :=
  safepoint R t ltac:(eapply h_busy); safepoint R t ltac:(eapply h_light);
  match type of R with reachable ?O _ _ =>
    safepoint R t ltac:(eapply (h_open O _ _ _ _ _ ts 0 (o_enter O))) end.
Ltac ends R t := safepoint R t ltac:(eapply (h_exit _ _ _ _ _ _ 0)).
(** [ts0] and [ts1] are the messages of the two busy flags that the stopper reads. *)
Ltac stops R t ts0 ts1 :=
  safepoint R t ltac:(eapply h_lock); safepoint R t ltac:(eapply (h_cycle _ _ _ _ _ _ 0 false 0));
  safepoint R t ltac:(eapply (h_stop _ _ _ _ _ _ 0));
  safepoint R t ltac:(eapply (h_heavy _ _ _ _ _ _ 0 0)); safepoint R t ltac:(eapply (h_heavy _ _ _ _ _ _ 0 1));
  safepoint R t ltac:(eapply (h_heavied _ _ _ _ _ _ 0 2));
  safepoint R t ltac:(eapply (h_idle _ _ _ _ _ _ 0 0 ts0));
  safepoint R t ltac:(eapply (h_idle _ _ _ _ _ _ 0 1 ts1));
  safepoint R t ltac:(eapply (h_stopped _ _ _ _ _ _ 0 2)).
(** The thread commits the segment, and holds its slot as a chain in variable 0. *)
Ltac grows R t :=
  data R t ltac:(eapply (d_grow _ _ _ _ _ _ 0 0));
  data R t ltac:(eapply (d_zeros _ _ _ _ _ _ 0 1 1 0);
    [ | | | intros i [<-|[]]; vm_compute; tauto ]).
Ltac touches R t := data R t ltac:(eapply (d_cell _ _ _ _ _ _ 0 0 (VN 0))).

Ltac both_take_part R := takes_part R 0; takes_part R 1.
(** The next step races. *)
Ltac races R t h := exists tiny; eexists; exists t; eexists; eexists;
  split; [apply table_valid | split; [exact R | split;
    [eapply (s_data _ _ _ t); [h; try now_ | now_] | vm_compute; discriminate]]].
Ltac touch_races R t := races R t ltac:(eapply (d_cell _ _ _ _ _ _ 0 0 (VN 0))).

(** ** The traces *)

(** A chain passes through a free list: one thread pushes it, the other takes it and touches the
    slot. *)
Ltac by_push :=
  let R := fresh "R" in match goal with |- race_reachable ?o => assert (R := start o) end;
  name_ R; both_take_part R; enters R 0 0; grows R 0; touches R 0;
  data R 0 ltac:(eapply (d_push _ _ _ _ _ _ 0 0 0 0 0));
  enters R 1 0; data R 1 ltac:(eapply (d_take _ _ _ _ _ _ 0 0 0 1 1)); touch_races R 1.

Theorem race_reachable_if_push_relaxed : race_reachable (weaken Push).
Proof. by_push. Qed.

Theorem race_reachable_if_take_relaxed : race_reachable (weaken Take).
Proof. by_push. Qed.

Theorem race_reachable_if_put_back_relaxed : race_reachable (weaken PutBack).
Proof.
  assert (R := start (weaken PutBack)). name_ R. both_take_part R.
  enters R 0 0. grows R 0. touches R 0.
  data R 0 ltac:(eapply (d_put_back _ _ _ _ _ _ 0 0 0 0)).
  enters R 1 0. data R 1 ltac:(eapply (d_take _ _ _ _ _ _ 0 0 0 1 1)). touch_races R 1.
Qed.

(** A slot passes through an entry: one thread allocates it, the other frees it. *)
Ltac by_entry w :=
  let R := fresh "R" in match goal with |- race_reachable ?o => assert (R := start o) end;
  name_ R; both_take_part R; enters R 0 0; grows R 0; touches R 0;
  data R 0 ltac:(eapply (d_publish _ _ _ _ _ _ 0 0 VUninit); [ | | left; reflexivity]);
  enters R 1 0; data R 1 ltac:(eapply (d_lookup _ _ _ _ _ _ 0 1 1 w));
  data R 1 ltac:(eapply (d_free _ _ _ _ _ _ 0 1 0)); touch_races R 1.

Theorem race_reachable_if_publish_relaxed : race_reachable (weaken Publish).
Proof. by_entry Acquire. Qed.

(** Here a thread tries the compare-and-swap with the value that a failed one has read. *)
Theorem race_reachable_if_free_relaxed : race_reachable (weaken Free).
Proof. by_entry Relaxed. Qed.

(** A segment passes through its bit: one thread makes it zero and gives it up, the other commits
    it. *)
Ltac by_bit :=
  let R := fresh "R" in match goal with |- race_reachable ?o => assert (R := start o) end;
  name_ R; both_take_part R; enters R 0 0;
  data R 0 ltac:(eapply (d_grow _ _ _ _ _ _ 0 0)); data R 0 ltac:(eapply (d_wipe _ _ _ _ _ _ 0 1));
  match type of R with reachable ?O _ _ =>
    data R 0 ltac:(eapply (d_release O _ _ _ _ _ 0 0 (o_release O));
    [ | | intros i [<-|[]]; vm_compute; tauto | | ]) end;
  enters R 1 0; data R 1 ltac:(eapply (d_grow _ _ _ _ _ _ 0 0));
  races R 1 ltac:(eapply (d_wipe _ _ _ _ _ _ 0 1)).

Theorem race_reachable_if_release_bit_relaxed : race_reachable (weaken ReleaseBit).
Proof. by_bit. Qed.

Theorem race_reachable_if_grow_bit_relaxed : race_reachable (weaken GrowBit).
Proof. by_bit. Qed.

(** A local store passes to the stopper: the owner's operation ends, and the stopper uses the
    store. *)
Ltac uses_store0 R t := races R t ltac:(eapply (d_permute _ _ _ _ _ _ 0 0 [1] [1])).
Ltac by_stop :=
  let R := fresh "R" in match goal with |- race_reachable ?o => assert (R := start o) end;
  name_ R; both_take_part R; enters R 0 0; grows R 0;
  data R 0 ltac:(eapply (d_push_free _ _ _ _ _ _ 0 0 0 [] [])); ends R 0;
  stops R 1 2 0; uses_store0 R 1.

Theorem race_reachable_if_set_idle_relaxed : race_reachable (weaken SetIdle).
Proof. by_stop. Qed.

Theorem race_reachable_if_is_busy_relaxed : race_reachable (weaken IsBusy).
Proof. by_stop. Qed.

(** And back: the stopper uses the store, the world resumes, and the owner uses it. *)
Ltac by_resume :=
  let R := fresh "R" in match goal with |- race_reachable ?o => assert (R := start o) end;
  name_ R; both_take_part R; enters R 0 0; grows R 0;
  data R 0 ltac:(eapply (d_push_free _ _ _ _ _ _ 0 0 0 [] [])); ends R 0;
  stops R 1 2 0;
  data R 1 ltac:(eapply (d_permute _ _ _ _ _ _ 0 0 [1] [1]));
  safepoint R 1 ltac:(eapply (h_resume _ _ _ _ _ _ 0)); enters R 0 2; uses_store0 R 0.

Theorem race_reachable_if_resume_relaxed : race_reachable (weaken Resume).
Proof. by_resume. Qed.

Theorem race_reachable_if_enter_relaxed : race_reachable (weaken Enter).
Proof. by_resume. Qed.

(** Without one side of the fence an operation is under way while the world is stopped. The
    operation did not see the gate closed, and the stopper reads an old value of the flag. *)
Ltac by_fence :=
  let R := fresh "R" in match goal with |- race_reachable ?o => assert (R := start o) end;
  name_ R; both_take_part R; enters R 0 0; grows R 0;
  stops R 1 0 0;
  data R 0 ltac:(eapply (d_push_free _ _ _ _ _ _ 0 0 0 [] [])); uses_store0 R 1.

Theorem race_reachable_without_light_fence : race_reachable (weaken Light).
Proof. by_fence. Qed.

Theorem race_reachable_without_heavy_fence : race_reachable (weaken HeavyFence).
Proof. by_fence. Qed.

(** So each of them is needed. *)
Theorem each_is_needed : forall w, race_reachable (weaken w).
Proof.
  intros []; auto using race_reachable_if_push_relaxed, race_reachable_if_take_relaxed,
    race_reachable_if_put_back_relaxed, race_reachable_if_publish_relaxed,
    race_reachable_if_free_relaxed, race_reachable_if_release_bit_relaxed,
    race_reachable_if_grow_bit_relaxed, race_reachable_if_set_idle_relaxed,
    race_reachable_if_is_busy_relaxed, race_reachable_if_resume_relaxed,
    race_reachable_if_enter_relaxed, race_reachable_without_light_fence,
    race_reachable_without_heavy_fence.
Qed.
