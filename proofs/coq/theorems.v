(** * The theorems

    Each theorem is about every reachable state of the composed system ([allocator.v], [step]),
    with the orderings of the code ([sites.v], [code]). The numbers of threads, free lists, slots,
    and segments are arbitrary. The numbers of the invariants are those of docs/DESIGN.md. A
    theorem about chains and stores is about memory: [chain] follows links, [store] reads an
    array. *)

From Coq Require Import Arith Lia List Bool Permutation.
From Slotarena Require Import memory sites safepoint free_list allocator audit record unswept sweep.
Import ListNotations.
Arguments do : simpl never.
Arguments nv : simpl never.
Arguments nw : simpl never.

(** ** Places of slots, by memory alone *)

Fixpoint follow (f : nat -> nat) (i n : nat) : list nat :=
  match n with O => [] | S n => i :: follow f (f i) n end.

(** The slots of a free list: those that *length* links lead to from its head. *)
Definition chain (M : mem) (s : nat) : list nat :=
  match nv M (Head s) with VChain f n => follow (nx M) f n | _ => [] end.
Definition chain_length (M : mem) (s : nat) : nat :=
  match nv M (Head s) with VChain _ n => n | _ => 0 end.
(** The slots of a local store. *)
Definition store (M : mem) (t : nat) : list nat :=
  match nv M (Store t) with VList l => l | _ => [] end.
(** The slots that a thread holds in a local variable, by its first slot and its length. *)
Definition held (M : mem) (D : ds) (t k : nat) : list nat :=
  follow (nx M) (pf (rg D t k)) (pn (rg D t k)).

Inductive place := PChain (s : nat) | PStore (t : nat) | PHeld (t k : nat).
Definition at_place (M : mem) (D : ds) (p : place) : list nat :=
  match p with PChain s => chain M s | PStore t => store M t | PHeld t k => held M D t k end.
Definition as_owner (p : place) : owner :=
  match p with PChain s => OChain s | PStore t => OStore t | PHeld t k => OHeld t k end.

Definition committed (G : geo) (M : mem) (i : nat) : Prop :=
  exists g, g < NG G /\ In i (slots G g) /\ nv M (Committed g) = VN 1.

Lemma follow_linked : forall f l, linked f l -> follow f (hd 0 l) (length l) = l.
Proof.
  induction l as [|a [|b l] IH]; cbn; auto. intros [-> L]. f_equal. apply (IH L).
Qed.

Section about.
Variables (G : geo) (VG : valid G) (M : mem) (H : hs) (D : ds).
Hypothesis R : reachable code G (M, H, D).

Let I : INV G M H D := INV_reachable _ _ _ _ VG R.

Lemma at_lst : forall p, at_place M D p = lst D (as_owner p).
Proof.
  assert (L := i_dl _ _ _ _ I). intros [s|t|t k]; cbn.
  - unfold chain. destruct (di_head _ _ _ _ L s) as [-> B]. apply follow_linked; auto.
  - unfold store. rewrite (di_store _ _ _ _ L). auto.
  - unfold held. destruct (di_held _ _ _ _ L t k) as (A & B & C). rewrite A.
    destruct (lst D (OHeld t k)) as [|a l] eqn:E; auto.
    destruct (C ltac:(discriminate)) as (-> & _). apply follow_linked; auto.
Qed.

Lemma at_own : forall p i, In i (at_place M D p) <-> own D i = as_owner p.
Proof.
  intros p i. rewrite at_lst. apply (own_list _ _ _ _ (i_dl _ _ _ _ I)). destruct p; auto.
Qed.

Lemma used_own : forall i, inuse (nv M (Word i)) <-> own D i = OUsed.
Proof.
  intros i. split; [eapply used; apply (i_dw _ _ _ _ I)|]. apply (di_used _ _ _ (i_dw _ _ _ _ I)).
Qed.

Lemma committed_own : forall i, own D i <> ORel <-> committed G M i.
Proof.
  assert (W := i_dw _ _ _ _ I). intros i. split.
  - intros N. destruct (di_real _ _ _ W i N) as (g & A & B). exists g. repeat split; auto.
    eapply di_com; eauto.
  - intros (g & A & B & C) E. rewrite (di_rel _ _ _ W g i) in C by auto. discriminate.
Qed.

(** ** Exclusivity (invariants 1 and 3) *)

(** No slot is in two places, or twice in one. No slot in use is in any place. Every slot in use
    or in a place is in a committed segment, and none of them is slot 0. *)
Theorem exclusivity :
  (forall p q i, In i (at_place M D p) -> In i (at_place M D q) -> p = q) /\
  (forall p, NoDup (at_place M D p)) /\
  (forall p i, In i (at_place M D p) -> ~ inuse (nv M (Word i))) /\
  (forall p i, In i (at_place M D p) \/ inuse (nv M (Word i)) -> committed G M i /\ i <> 0).
Proof.
  repeat split; intros.
  - rewrite at_own in *. destruct p, q; cbn in *; congruence.
  - rewrite at_lst. apply (di_oi _ _ _ _ (i_dl _ _ _ _ I)). destruct p; auto.
  - rewrite at_own in H0. rewrite used_own. destruct p; cbn in *; congruence.
  - apply committed_own. rewrite at_own, used_own in H0. destruct p; cbn in *;
      destruct H0; congruence.
  - rewrite at_own, used_own in H0.
    assert (C : committed G M i) by (apply committed_own; destruct p; cbn in *; destruct H0; congruence).
    destruct C as (g & A & B & _). intros E. subst i. apply (proj2 (proj2 VG) g A B).
Qed.

(** A slot that a thread hands out is free at that moment. That thread holds it, and it is in no
    other place. *)
Theorem handed_out_by_one : forall t i w o s', inuse w ->
  step code G (M, H, D) t (AStore (Word i) w o) s' ->
  isfree (nv M (Word i)) /\ exists k, held M D t k = [i] /\
  forall p, In i (at_place M D p) -> p = PHeld t k.
Proof.
  intros t i w o s' U S. inversion S; subst; cbn [fst snd] in *.
  - inversion H0.
  - inversion H0; subst; try (cbn in U; tauto; fail).
    assert (HO : held M D t k = [pf (rg D t k)]).
    { change (at_place M D (PHeld t k) = [pf (rg D t k)]). rewrite at_lst.
      eapply held_one; eauto. apply (i_dl _ _ _ _ I). }
    assert (E : own D (pf (rg D t k)) = OHeld t k).
    { apply (at_own (PHeld t k)). cbn. rewrite HO. cbn; auto. }
    split; [apply (di_free _ _ _ (i_dw _ _ _ _ I)); congruence|].
    exists k. split; auto. intros p P. apply at_own in P. destruct p; cbn in P; congruence.
Qed.

(** ** Chains (invariant 2) *)

(** Following the links of a head *length* times visits *length* distinct free slots of committed
    segments. None of them is slot 0. No other chain, no local store, and no thread holds one. *)
Theorem chains : forall s,
  length (chain M s) = chain_length M s /\ NoDup (chain M s) /\
  forall i, In i (chain M s) -> isfree (nv M (Word i)) /\ committed G M i /\ i <> 0 /\
    forall p, In i (at_place M D p) -> p = PChain s.
Proof.
  intros s. destruct exclusivity as (E1 & E2 & E3 & E4).
  split; [|split; [apply (E2 (PChain s))|]].
  - unfold chain, chain_length. destruct (nv M (Head s)); auto.
    generalize first. induction length as [|n IH]; cbn; intros; auto.
  - intros i X. change (In i (at_place M D (PChain s))) in X.
    destruct (E4 (PChain s) i (or_introl X)) as [C N]. repeat split; auto.
    + apply (di_free _ _ _ (i_dw _ _ _ _ I)). apply at_own in X. cbn in X. congruence.
    + intros p P. eapply E1; eauto.
Qed.

(** The owner of a chain reads the newest value of each link, although it reads them relaxed. *)
Theorem links_are_current : forall r t k ts, works H D t r -> 0 < pn (rg D t k) ->
  can t (ALoad (Word (pcur (rg D t k))) ts (o_next code)) M -> ts = last M (Word (pcur (rg D t k))).
Proof.
  intros r t k ts W P K. cbn in K.
  assert (E := held_cur _ _ _ _ (i_dl _ _ _ _ I) t k P).
  pose proof (held_word _ _ _ _ _ _ _ E (i_xi _ _ _ _ I)). lia.
Qed.

(** ** Conservation (invariant 4) *)

(** The slot waits for a thread to claim its segment, or for its claimant to peek at it. Or a
    sweep has forgotten it in a pause in which the cycle has not begun yet. *)
Definition unswept (i : nat) : Prop := own D i = OUnswept \/ own D i = OGone.
Definition set_aside (i : nat) : Prop := exists t, own D i = OScanned t.

(** No slot of a committed segment is lost or counted twice. Each is in use, or in exactly one
    place, or unswept, or set aside by the thread that has claimed its segment. *)
Theorem conservation : forall i, committed G M i ->
  (inuse (nv M (Word i)) \/ (exists p, In i (at_place M D p)) \/ unswept i \/ set_aside i) /\
  ~ (inuse (nv M (Word i)) /\ unswept i) /\ ~ (inuse (nv M (Word i)) /\ set_aside i) /\
  ~ (unswept i /\ set_aside i) /\
  forall p, In i (at_place M D p) -> ~ inuse (nv M (Word i)) /\ ~ unswept i /\ ~ set_aside i /\
    forall q, In i (at_place M D q) -> q = p.
Proof.
  intros i C. apply committed_own in C. unfold unswept, set_aside.
  split; [|split; [|split; [|split]]].
  - destruct (own D i) eqn:E; try tauto; eauto.
    + right; left. exists (PChain s). apply at_own; auto.
    + right; left. exists (PStore t). apply at_own; auto.
    + right; left. exists (PHeld t k). apply at_own; auto.
    + left. apply used_own; auto.
  - rewrite used_own. intros [A [B|B]]; congruence.
  - rewrite used_own. intros [A [t B]]; congruence.
  - intros [[A|A] [t B]]; congruence.
  - intros p P. apply at_own in P. rewrite used_own. repeat split.
    + destruct p; cbn in P; congruence.
    + intros [B|B]; destruct p; cbn in P; congruence.
    + intros [t B]; destruct p; cbn in P; congruence.
    + intros q Q. apply at_own in Q. destruct p, q; cbn in *; congruence.
Qed.

(** A sweep finds every unswept slot. The slot's segment is unswept, or its claimant has yet to
    peek at the slot. A thread that peeks at it sees a free word of an older cycle, whatever
    message it reads. *)
Theorem unswept_are_found : forall i, clr D = NoClr -> own D i = OUnswept ->
  KK G M D i /\
  forall r t ts, sweeps H D t r -> V M t (Word i) <= ts <= last M (Word i) ->
    unswept_word r (val M (Word i) ts).
Proof.
  intros i E O. assert (K := ri_unswept _ _ _ _ (i_ri _ _ _ _ I) E i O). split; auto.
  intros r t ts S T. eapply peek_unswept; eauto; apply I.
Qed.

(** And no thread that peeks takes another slot for an unswept one. *)
Theorem others_are_not : forall i r t ts, clr D = NoClr -> KK G M D i -> own D i <> OUnswept ->
  sweeps H D t r -> V M t (Word i) <= ts <= last M (Word i) -> ~ unswept_word r (val M (Word i) ts).
Proof.
  intros i r t ts E K O S T X. apply O. eapply peek_unswept; eauto; apply I.
Qed.

(** In the pause, once free lists and stores are empty, the free slots are the forgotten ones. So
    when the cycle numbers are used up, the stopper finds the slots to zero by their words. *)
Theorem free_means_forgotten : forall g i, clr D = ClrBits g -> committed G M i ->
  (isfree (nv M (Word i)) <-> unswept i).
Proof.
  intros g i E C. apply committed_own in C.
  pose proof (ri_stage _ _ _ _ (i_ri _ _ _ _ I)) as SG. unfold stageok in SG. rewrite E in SG.
  destruct SG as (SG1 & SG2 & _).
  destruct (ai_clr _ _ (i_ai _ _ _ _ I)) as (u & PU & CU); [rewrite E; discriminate|].
  assert (CL := all_clean _ _ _ _ (i_hi _ _ _ _ I) (i_ai _ _ _ _ I) PU CU).
  assert (OL := own_list _ _ _ _ (i_dl _ _ _ _ I)). unfold unswept. split.
  - intros F. destruct (own D i) eqn:O; auto; exfalso; try congruence.
    + apply OL in O; auto. rewrite SG1 in O; [destruct O|].
      destruct (Nat.lt_ge_cases s (NS G)); auto.
    + apply OL in O; auto. rewrite SG2 in O. destruct O.
    + apply OL in O; auto. rewrite (held_empty _ _ _ _ (i_dl _ _ _ _ I)) in O; [destruct O|].
      apply (CL t).
    + apply used_own in O. destruct (nv M (Word i)); cbn in *; tauto.
    + apply (proj1 (proj2 (CL t)) i O).
  - intros F. apply (di_free _ _ _ (i_dw _ _ _ _ I)). destruct F as [-> | ->]; discriminate.
Qed.

(** The lengths that memory holds add up. Take any slots of committed segments. Those in use,
    unswept, or set aside, and those in places, add up to all of them. *)
Definition kind (o : owner) : nat :=
  match o with OUsed => 0 | OUnswept | OGone => 1 | OScanned _ => 2 | _ => 3 end.
Definition count (k : nat) (l : list nat) : nat :=
  length (filter (fun i => Nat.eqb (kind (own D i)) k) l).
Fixpoint sum (f : place -> nat) (ps : list place) : nat :=
  match ps with [] => 0 | p :: r => f p + sum f r end.

Definition isat (p : place) (i : nat) : bool :=
  if owner_eq (own D i) (as_owner p) then true else false.

Lemma as_owner_inj : forall p q, as_owner p = as_owner q -> p = q.
Proof. intros [] []; cbn; congruence. Qed.

Lemma sum_one : forall ps i, NoDup ps -> (kind (own D i) = 3 -> own D i <> ORel ->
    exists p, In p ps /\ own D i = as_owner p) -> own D i <> ORel ->
  sum (fun p => if isat p i then 1 else 0) ps = if Nat.eqb (kind (own D i)) 3 then 1 else 0.
Proof.
  intros ps i N E NR.
  assert (Z : forall qs, (forall p, In p qs -> own D i <> as_owner p) ->
    sum (fun p => if isat p i then 1 else 0) qs = 0).
  { induction qs as [|q qs IH]; cbn; intros Q; auto. unfold isat at 1.
    destruct (owner_eq _ _) as [X|X]; [destruct (Q q); auto | apply IH; auto]. }
  destruct (Nat.eqb (kind (own D i)) 3) eqn:K.
  - apply Nat.eqb_eq in K. destruct (E K NR) as (p & P & O). clear E.
    induction ps as [|q ps IH]; [destruct P|]. inversion N; subst. cbn. unfold isat at 1.
    destruct (owner_eq _ _) as [X|X].
    + rewrite Z; auto. intros p' P' Y. assert (q = p') by (apply as_owner_inj; congruence).
      subst. tauto.
    + destruct P as [->|P]; [tauto|]. rewrite IH; auto.
  - apply Z. intros p _ X. apply Nat.eqb_neq in K. apply K. rewrite X. destruct p; auto.
Qed.

Lemma sum_add : forall f g ps, sum (fun p => f p + g p) ps = sum f ps + sum g ps.
Proof. induction ps; cbn; auto. rewrite IHps. lia. Qed.

Lemma sum_ext : forall f g ps, (forall p, In p ps -> f p = g p) -> sum f ps = sum g ps.
Proof.
  induction ps as [|p ps IH]; cbn; intros E; auto.
Qed.

Theorem lengths_add_up : forall U ps, NoDup ps -> (forall i, In i U -> committed G M i) ->
  (forall i p, In i U -> In i (at_place M D p) -> In p ps) ->
  length U = count 0 U + count 1 U + count 2 U +
             sum (fun p => length (filter (isat p) U)) ps.
Proof.
  intros U ps N. induction U as [|i U IH]; intros C E.
  - cbn. clear N E. induction ps; cbn; auto.
  - assert (C' : own D i <> ORel) by (apply committed_own, C; cbn; auto).
    assert (S1 := sum_one ps i N).
    assert (X : forall k, count k (i :: U) = (if Nat.eqb (kind (own D i)) k then 1 else 0) + count k U).
    { intros k. unfold count. cbn. destruct (Nat.eqb (kind (own D i)) k); auto. }
    rewrite !X.
    rewrite (sum_ext _ (fun p => (if isat p i then 1 else 0) + length (filter (isat p) U))).
    2:{ intros p _. cbn. destruct (isat p i); auto. }
    rewrite sum_add, S1; auto.
    + specialize (IH ltac:(intros; apply C; cbn; auto) ltac:(intros; eapply E; cbn; eauto)).
      cbn [length]. rewrite IH. destruct (own D i); cbn; lia.
    + intros K _. destruct (own D i) eqn:O; cbn in K; try discriminate; try tauto.
      * exists (PChain s). split; auto. eapply E; [cbn; auto|]. apply at_own; auto.
      * exists (PStore t). split; auto. eapply E; [cbn; auto|]. apply at_own; auto.
      * exists (PHeld t k). split; auto. eapply E; [cbn; auto|]. apply at_own; auto.
Qed.

(** ** Release (invariant 5) *)

(** No slot of an uncommitted segment is in use, in a chain, in a store, held by a thread, or
    unswept. Its word reads as zero. *)
Theorem released_slots : forall g i, g < NG G -> In i (slots G g) -> nv M (Committed g) = VN 0 ->
  nv M (Word i) = VFree 0 (S i) /\ (forall p, ~ In i (at_place M D p)) /\ ~ unswept i /\ ~ set_aside i.
Proof.
  intros g i A B C.
  assert (E : own D i = ORel).
  { destruct (owner_eq (own D i) ORel) as [|N]; auto.
    rewrite (di_com _ _ _ (i_dw _ _ _ _ I) g i) in C by auto. discriminate. }
  split; [apply (di_zero _ _ _ (i_dw _ _ _ _ I)); auto|]. unfold unswept, set_aside.
  split; [|split].
  - intros p P. apply at_own in P. destruct p; cbn in P; congruence.
  - intros [X|X]; congruence.
  - intros [t X]; congruence.
Qed.

(** No thread writes to a slot whose segment is not committed. *)
Theorem no_write_to_released : forall t a s' i, step code G (M, H, D) t a s' ->
  writes a (Word i) \/ writes a (Cell i) -> committed G M i.
Proof.
  intros t a s' i S W. apply committed_own. inversion S; subst; cbn [fst snd] in *.
  - exfalso. destruct W as [W|W]; revert W; eapply hstep_data; eauto; exact Logic.I.
  - destruct W as [W|W].
    + destruct (word_writer _ _ _ _ _ (i_dl _ _ _ _ I) (i_dw _ _ _ _ I) _ _ H0 i W)
        as [[k E]|[E|[E|[[E|E] _]]]]; congruence.
    + inversion H0; subst; cbn in W; try discriminate; try tauto. injection W as ->.
      rewrite (held_cur _ _ _ _ (i_dl _ _ _ _ I)) by auto. discriminate.
  - destruct W as [[]|[]].
Qed.

(** No thread tries to, either, with a compare-and-swap that fails. If a thread saw a slot in use
    in its operation, the segment stays committed until the operation ends. *)
Theorem no_attempt_on_released : forall t i, saw D t i = true -> committed G M i.
Proof.
  intros t i S. apply committed_own. intros E.
  destruct (ri_saw _ _ _ _ (i_ri _ _ _ _ I) t i S) as (n & N & U).
  apply (ri_use _ _ _ _ (i_ri _ _ _ _ I) i (or_intror E) n N U).
Qed.

(** ** No data race, and no store that is not the newest *)

Theorem no_race : forall t a s', step code G (M, H, D) t a s' -> ~ racy t a M.
Proof.
  assert (HI1 := i_hi _ _ _ _ I). destruct (hi_wf _ _ HI1) as (WF & _).
  assert (UP : forall t x, last M x <= V M t x -> V M t x = last M x).
  { intros t x X. specialize (WF t x). lia. }
  assert (HA : forall t k i, own D i = OHeld t k -> cov M (V M t) i).
  { intros t k i E. pose proof (xi_slot _ _ _ _ (i_xi _ _ _ _ I) i) as X. rewrite E in X. exact X. }
  intros t a s' S RA. inversion S; subst; cbn [fst snd] in *.
  - assert (L : forall r, ph H t = LckC r \/ ph H t = Stopped r -> V M t Gate = last M Gate).
    { intros r X. apply UP. pose proof (hi_hlg _ _ HI1) as Y.
      rewrite (hl_eq _ _ t HI1) in Y; auto. destruct X as [-> | ->]; exact Logic.I. }
    inversion H0; subst; cbn in RA; auto;
      try (apply RA, UP, (hi_vb _ _ HI1)); try (apply RA; eapply L; eauto).
  - assert (PR : forall r u, works H D t r -> mayuse H t u -> V M t (Store u) = last M (Store u)).
    { intros r u W U. apply UP. eapply scov_use; eauto; try exact Logic.I; apply I. }
    assert (PA : forall r x, ph H t = Stopped r -> isdata x -> V M t x = last M x).
    { intros r x P X. apply UP. eapply stopper_sees; eauto; try apply I.
      rewrite P. exact Logic.I. }
    inversion H0; subst; cbn in RA; auto; try (apply RA; eapply PR; eauto; fail);
      try (apply RA; eapply PA; eauto; exact Logic.I).
    + apply RA, UP. apply (HA t k). eapply held_cur; [apply I|]. lia.
    + apply RA, UP. apply (HA t k). eapply held_cur; [apply I|]. lia.
    + apply RA, UP. apply (HA t k). eapply held_pf; [apply I|]. lia.
    + apply RA, UP. match goal with E : own D ?j = OScanned t |- _ =>
        pose proof (xi_slot _ _ _ _ (i_xi _ _ _ _ I) j) as X; rewrite E in X end. apply X.
  - exact RA.
Qed.

(** ** Stop (invariant 8) *)

(** While the world is stopped, only the stopper writes to a chain, a local store, a slot, or a
    bit. No other thread may use one. *)
Theorem stopped_means_stopped : forall u t a s', pausing (ph H u) -> t <> u ->
  step code G (M, H, D) t a s' ->
  (forall x, writes a x -> x = Busy t \/ exists d, x = Data d) /\ forall r, ~ works H D t r.
Proof.
  intros u t a s' P N S.
  assert (NW := only_stopper _ _ _ (i_hi _ _ _ _ I) P t N).
  assert (NW' : forall r, ~ works H D t r) by (intros r X; apply NW; eapply works_working; eauto).
  assert (NS' : forall r, ~ sweeps H D t r) by (intros r X; apply (NW' r), sweeps_works, X).
  assert (NL : ~ locked (ph H t)).
  { intros L. apply N. eapply hi_locked_one; eauto; [apply I | apply pausing_locked; auto]. }
  split; auto. intros x W. inversion S; subst; cbn [fst snd] in *.
  - inversion H0; subst; cbn in W; auto; try tauto;
      exfalso; apply NL; match goal with E : ph H t = _ |- _ => rewrite E; exact Logic.I end.
  - inversion H0; subst; cbn in W; eauto; try tauto; try (exfalso; eapply NW'; eauto; fail);
      try (exfalso; eapply NS'; eauto; fail);
      exfalso; apply NW; match goal with E : ph H t = _ |- _ => rewrite E; exact Logic.I end.
  - destruct W.
Qed.

(** When the gate opens, its message carries all that the stopper did and saw. *)
Theorem resume_hands_on : forall r t, ph H t = Stopped r ->
  le (V M t) (nw (do t (AStore Gate (VGate false r) (o_resume code)) M) Gate).
Proof. intros r t _. apply nw_store_rel. reflexivity. Qed.

(** Every operation sees that message from its beginning to its end, and is in the gate's cycle. *)
Theorem operations_see_the_stop : forall r t, ph H t = Inside r ->
  le (vw M Gate (og H)) (V M t) /\ val M Gate (og H) = VGate false r /\
  forall n, og H < n <= last M Gate -> exists q, val M Gate n = VGate true q.
Proof.
  intros r t E. assert (B := i_hi _ _ _ _ I).
  assert (IN : inside (ph H t)) by (rewrite E; exact Logic.I).
  split; [apply (hi_in _ _ B); auto|].
  pose proof (hi_cycle _ _ B t) as RD. rewrite E in RD. cbn in RD.
  destruct (hi_val _ _ B) as (q & X & Y). rewrite Y in X by (eapply not_inside_pausing; eauto).
  split; [congruence|]. intros n N.
  destruct (stopping_dec _ _ B) as [[u S]|S].
  - destruct (hi_open _ _ B u S) as [L Z]. replace n with (last M Gate) by lia. exact Z.
  - rewrite (hi_open2 _ _ B S) in N. lia.
Qed.

(** ** Publication (invariant 7) *)

(** An entry speaks of a version of the client's data. A thread that loads the entry, old or new,
    sees that version. *)
Theorem publication : forall t i ts d v, can t (ALoad (Word i) ts (o_load code)) M ->
  val M (Word i) ts = VLive d v ->
  v <= V (do t (ALoad (Word i) ts (o_load code)) M) t (Data d).
Proof.
  intros t i ts d v K E. pose proof (i_pi _ _ _ _ I i ts d v (proj2 K) E).
  pose proof (V_load_acq t (Word i) ts (o_load code) M eq_refl (Data d)). lia.
Qed.

End about.

(** ** A real table *)

(** A table of this capacity and shift, as in [src/bits/geometry.rs], with so many free lists. The
    usable slots are 1 to the capacity, and a segment has 2^shift slots. *)
Definition table (capacity shift stripes : nat) : geo := {|
  NS := stripes;
  NG := capacity / 2 ^ shift + 1;
  slots := fun g => filter (fun i => (1 <=? i) && (i <=? capacity)) (seq (g * 2 ^ shift) (2 ^ shift))
|}.

Lemma table_valid : forall c s n, valid (table c s n).
Proof.
  intros c s n. split; [|split].
  - intros g. apply NoDup_filter, seq_NoDup.
  - intros g h i _ _ A B. apply filter_In in A, B. destruct A as [A _], B as [B _].
    apply in_seq in A, B. nia.
  - intros g _ A. apply filter_In in A. destruct A as [_ A]. discriminate.
Qed.

(** Every slot that a table has is in a segment. *)
Lemma table_covers : forall c s n i, 1 <= i <= c ->
  exists g, g < NG (table c s n) /\ In i (slots (table c s n) g).
Proof.
  intros c s n i L. assert (P : 2 ^ s <> 0) by (apply Nat.pow_nonzero; lia).
  exists (i / 2 ^ s). cbn [NG slots table]. split.
  - assert (i / 2 ^ s <= c / 2 ^ s) by (apply Nat.div_le_mono; lia). lia.
  - apply filter_In. split.
    + apply in_seq. pose proof (Nat.div_mod i (2 ^ s) P). pose proof (Nat.mod_upper_bound i (2 ^ s) P).
      nia.
    + apply andb_true_intro. split; apply Nat.leb_le; lia.
Qed.

(** All of it together, for any table, at every moment. Nothing is assumed but the model itself. *)
Theorem the_table_keeps_its_invariants : forall capacity shift stripes M H D,
  let G := table capacity shift stripes in
  reachable code G (M, H, D) ->
  (* 1, 3 *)
  (forall p q i, In i (at_place M D p) -> In i (at_place M D q) -> p = q) /\
  (forall p i, In i (at_place M D p) -> ~ inuse (nv M (Word i)) /\ committed G M i /\ i <> 0) /\
  (* 2 *)
  (forall s, length (chain M s) = chain_length M s /\ NoDup (chain M s)) /\
  (* 4 *)
  (forall i, committed G M i -> inuse (nv M (Word i)) \/ (exists p, In i (at_place M D p)) \/
     unswept D i \/ set_aside D i) /\
  (* 5 *)
  (forall t a s' i, step code G (M, H, D) t a s' -> writes a (Word i) \/ writes a (Cell i) ->
     committed G M i) /\
  (* no data race *)
  (forall t a s', step code G (M, H, D) t a s' -> ~ racy t a M) /\
  (* 8 *)
  (forall u t r, pausing (ph H u) -> t <> u -> ~ works H D t r) /\
  (* 7 *)
  (forall t i ts d v, can t (ALoad (Word i) ts (o_load code)) M -> val M (Word i) ts = VLive d v ->
     v <= V (do t (ALoad (Word i) ts (o_load code)) M) t (Data d)).
Proof.
  intros c sh st M H D G R. assert (VG := table_valid c sh st). fold G in VG.
  destruct (exclusivity G VG M H D R) as (E1 & E2 & E3 & E4).
  split; [exact E1|split; [|split; [|split; [|split; [|split; [|split]]]]]].
  - intros p i P. split; [eapply E3; eauto|]. apply (E4 p). auto.
  - intros s. destruct (chains G VG M H D R s) as (A & B & _). auto.
  - intros i C. apply (conservation G VG M H D R i C).
  - intros. eapply no_write_to_released; eauto.
  - intros. eapply no_race; eauto.
  - intros u t r P N W. apply works_working in W.
    apply (only_stopper _ _ _ (i_hi _ _ _ _ (INV_reachable _ _ _ _ VG R)) P t N W).
  - intros. eapply publication; eauto.
Qed.
