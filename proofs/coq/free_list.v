(** * Owners of slots, and chains

    Each slot has one owner, given by a function. An owner that holds several slots in an order
    has a list: a free list, a local store, a chain that a thread holds. [OI] says that the lists
    and the function agree. A function cannot give two owners to one slot. So exclusivity rests on
    the proof that what threads *read* (heads, links, stores) is what the lists say. *)

From Coq Require Import Arith Lia List Bool Permutation.
From Slotarena Require Import memory.
Import ListNotations.

Inductive owner :=
| OChain (s : nat)      (* in the chain of free list [s] *)
| OStore (t : nat)      (* in the local store of participant [t] *)
| OHeld (t k : nat)     (* in transit: thread [t] holds it in its local variable [k] *)
| OUsed                 (* live or uninitialized *)
| OUnswept              (* unswept *)
| OScanned (t : nat)    (* in transit: [t] has claimed the segment, and set the slot aside *)
| OGone                 (* forgotten in the pause of a sweep, before the cycle begins *)
| ORel.                 (* in a segment that is not committed *)

Definition owner_eq (x y : owner) : {x = y} + {x <> y}.
Proof. decide equality; apply Nat.eq_dec. Defined.
Arguments owner_eq : simpl never.

Definition islist (o : owner) : bool :=
  match o with OChain _ | OStore _ | OHeld _ _ => true | _ => false end.

Definition updo {A} (f : owner -> A) (k : owner) (a : A) : owner -> A :=
  fun j => if owner_eq j k then a else f j.
(** All slots of [o1] pass to [o2]. *)
Definition ren (own : nat -> owner) (o1 o2 : owner) : nat -> owner :=
  fun i => if owner_eq (own i) o1 then o2 else own i.
(** The slots in [l] pass to [o]. *)
Definition setl (own : nat -> owner) (l : list nat) (o : owner) : nat -> owner :=
  fun i => if in_dec Nat.eq_dec i l then o else own i.

Definition OI (own : nat -> owner) (lst : owner -> list nat) : Prop :=
  forall o, islist o = true -> NoDup (lst o) /\ forall i, In i (lst o) <-> own i = o.

Ltac downer := unfold updo, ren, setl in *; repeat match goal with
  | |- context [owner_eq ?a ?b] => destruct (owner_eq a b); subst
  | H : context [owner_eq ?a ?b] |- _ => destruct (owner_eq a b); subst
  | |- context [in_dec Nat.eq_dec ?a ?b] => destruct (in_dec Nat.eq_dec a b); subst
  | H : context [in_dec Nat.eq_dec ?a ?b] |- _ => destruct (in_dec Nat.eq_dec a b); subst
  end.

Lemma NoDup_app' : forall (a b : list nat), NoDup a -> NoDup b ->
  (forall i, In i a -> ~ In i b) -> NoDup (a ++ b).
Proof.
  induction a as [|a l IH]; cbn; auto; intros b N M D. inversion N; subst. constructor.
  - intros X. apply in_app_or in X. destruct X as [X|X]; [tauto | apply (D a); auto].
  - apply IH; auto.
Qed.

Lemma OI_ren : forall own lst o1 o2 l, OI own lst -> islist o1 = true -> islist o2 = true ->
  o1 <> o2 -> Permutation l (lst o1 ++ lst o2) ->
  OI (ren own o1 o2) (updo (updo lst o1 []) o2 l).
Proof.
  intros own lst o1 o2 l I L1 L2 N P o L.
  destruct (I o1 L1) as [N1 M1]. destruct (I o2 L2) as [N2 M2].
  assert (NL : NoDup l).
  { apply (Permutation_NoDup (Permutation_sym P)). apply NoDup_app'; auto.
    intros i X Y. apply M1 in X. apply M2 in Y. congruence. }
  assert (ML : forall i, In i l <-> own i = o1 \/ own i = o2).
  { intros i. rewrite <- M1, <- M2, <- in_app_iff. split; apply Permutation_in; auto.
    apply Permutation_sym; auto. }
  unfold updo. destruct (owner_eq o o2) as [->|X].
  - split; auto. intros i. rewrite ML. unfold ren. destruct (owner_eq (own i) o1); tauto.
  - destruct (owner_eq o o1) as [->|Y].
    + split; [constructor|]. intros i. unfold ren. destruct (owner_eq (own i) o1); cbn; split;
        intros; try tauto; congruence.
    + destruct (I o L) as [No Mo]. split; auto. intros i. rewrite Mo. unfold ren.
      destruct (owner_eq (own i) o1); split; intros; congruence.
Qed.

Lemma OI_drop : forall own lst o1 o2, OI own lst -> islist o1 = true -> islist o2 = false ->
  OI (ren own o1 o2) (updo lst o1 []).
Proof.
  intros own lst o1 o2 I L1 L2 o L. unfold updo. destruct (owner_eq o o1) as [->|X].
  - split; [constructor|]. intros i. unfold ren. destruct (owner_eq (own i) o1); cbn; split;
      intros; try tauto; congruence.
  - destruct (I o L) as [No Mo]. split; auto. intros i. rewrite Mo. unfold ren.
    destruct (owner_eq (own i) o1); split; intros; congruence.
Qed.

Lemma NoDup_mid : forall (l1 l2 : list nat) i, NoDup (l1 ++ i :: l2) ->
  NoDup (l1 ++ l2) /\ ~ In i (l1 ++ l2).
Proof. intros. apply NoDup_remove in H. auto. Qed.

Lemma OI_move : forall own lst o1 o2 i l1 l2 l, OI own lst -> islist o1 = true ->
  islist o2 = true -> o1 <> o2 -> lst o1 = l1 ++ i :: l2 -> Permutation l (i :: lst o2) ->
  OI (setl own [i] o2) (updo (updo lst o1 (l1 ++ l2)) o2 l).
Proof.
  intros own lst o1 o2 i l1 l2 l I L1 L2 N E P o L.
  destruct (I o1 L1) as [N1 M1]. destruct (I o2 L2) as [N2 M2]. rewrite E in N1, M1.
  apply NoDup_mid in N1. destruct N1 as [N1 N1'].
  assert (OI1 : own i = o1) by (apply M1; apply in_or_app; cbn; auto).
  assert (SL : forall j, setl own [i] o2 j = if Nat.eq_dec j i then o2 else own j).
  { intros j. unfold setl. destruct (in_dec Nat.eq_dec j [i]) as [X|X]; cbn in X;
      destruct (Nat.eq_dec j i); subst; tauto || intuition congruence. }
  unfold updo. destruct (owner_eq o o2) as [->|X].
  - split.
    + apply (Permutation_NoDup (Permutation_sym P)). constructor; auto.
      intros Y. apply M2 in Y. congruence.
    + intros j. rewrite SL. split.
      * intros Y. apply (Permutation_in _ P) in Y. destruct Y as [<-|Y]; destruct (Nat.eq_dec _ _);
          try congruence. apply M2; auto.
      * intros Y. apply (Permutation_in _ (Permutation_sym P)). destruct (Nat.eq_dec j i);
          subst; cbn; auto. right. apply M2; auto.
  - destruct (owner_eq o o1) as [->|Y].
    + split; auto. intros j. rewrite SL. destruct (Nat.eq_dec j i) as [->|Z].
      * split; intros; [tauto|congruence].
      * rewrite <- M1. rewrite !in_app_iff. cbn. split; intros; intuition congruence.
    + destruct (I o L) as [No Mo]. split; auto. intros j. rewrite Mo, SL.
      destruct (Nat.eq_dec j i); subst; split; intros; congruence.
Qed.

Lemma OI_out : forall own lst o1 o2 i, OI own lst -> islist o1 = true -> islist o2 = false ->
  lst o1 = [i] -> OI (setl own [i] o2) (updo lst o1 []).
Proof.
  intros own lst o1 o2 i I L1 L2 E o L. destruct (I o1 L1) as [N1 M1]. rewrite E in M1.
  unfold updo. destruct (owner_eq o o1) as [->|X].
  - split; [constructor|]. intros j. unfold setl. destruct (in_dec Nat.eq_dec j [i]) as [Y|Y].
    + split; intros Z; [destruct Z|congruence].
    + rewrite <- M1. cbn in *. tauto.
  - destruct (I o L) as [No Mo]. split; auto. intros j. unfold setl.
    destruct (in_dec Nat.eq_dec j [i]) as [Y|Y]; auto. apply M1 in Y. rewrite Mo.
    split; intros; congruence.
Qed.

Lemma OI_into : forall own lst l o2, OI own lst -> islist o2 = true -> lst o2 = [] -> NoDup l ->
  (forall i, In i l -> islist (own i) = false) ->
  OI (setl own l o2) (updo lst o2 l).
Proof.
  intros own lst l o2 I L2 E N F o L. destruct (I o2 L2) as [N2 M2]. rewrite E in M2.
  unfold updo. destruct (owner_eq o o2) as [->|X].
  - split; auto. intros j. unfold setl. destruct (in_dec Nat.eq_dec j l); split; auto; try tauto.
    intros Y. apply M2 in Y. destruct Y.
  - destruct (I o L) as [No Mo]. split; auto. intros j. rewrite Mo. unfold setl.
    destruct (in_dec Nat.eq_dec j l) as [Y|Y]; [|tauto]. apply F in Y.
    split; intros; congruence.
Qed.

Lemma OI_other : forall own own' lst, OI own lst ->
  (forall i, own' i = own i \/ islist (own i) = false /\ islist (own' i) = false) ->
  OI own' lst.
Proof.
  intros own own' lst I F o L. destruct (I o L) as [N M]. split; auto. intros i. rewrite M.
  destruct (F i) as [->|[A B]]; [tauto|]. split; intros; congruence.
Qed.

Lemma OI_perm : forall own lst o l, OI own lst -> Permutation l (lst o) ->
  OI own (updo lst o l).
Proof.
  intros own lst o l I P q L. destruct (I q L) as [N M]. unfold updo.
  destruct (owner_eq q o) as [->|X]; auto. split.
  - apply (Permutation_NoDup (Permutation_sym P)); auto.
  - intros i. rewrite <- M. split; apply Permutation_in; auto. apply Permutation_sym; auto.
Qed.

(** ** Links *)

(** The link of each slot but the last leads to the next slot. *)
Fixpoint linked (nx : nat -> nat) (l : list nat) : Prop :=
  match l with
  | a :: (b :: _) as r => nx a = b /\ linked nx r
  | _ => True
  end.

Lemma linked_ext : forall f g l, (forall i, In i l -> f i = g i) -> linked f l -> linked g l.
Proof.
  induction l as [|a [|b l] IH]; cbn in *; auto. intros E [A B]. split.
  - rewrite <- E; auto.
  - apply IH; auto.
Qed.

Lemma linked_last : forall f g l x, (forall i, i <> x -> f i = g i) -> NoDup (l ++ [x]) ->
  linked f (l ++ [x]) -> linked g (l ++ [x]).
Proof.
  induction l as [|a l IH]; cbn; auto. intros x E N L. inversion N; subst.
  destruct l as [|b l].
  - cbn in *. destruct L. split; auto. rewrite <- E; auto.
  - cbn in *. destruct L as [A B]. split.
    + rewrite <- E; auto. intros ->. apply H1. right. apply in_or_app; right; left; auto.
    + apply IH; auto.
Qed.

Lemma linked_app : forall f a x b y, linked f (a ++ [x]) -> linked f (y :: b) -> f x = y ->
  linked f ((a ++ [x]) ++ y :: b).
Proof.
  induction a as [|c a IH]; intros x b y A B E.
  - cbn in *. split; auto.
  - cbn in A |- *. destruct a as [|d a].
    + cbn in *. destruct A. split; auto.
    + cbn in *. destruct A as [A1 A2]. split; auto. apply (IH x b y); auto.
Qed.

Lemma linked_tail : forall f a l, linked f (a :: l) -> linked f l.
Proof. intros f a [|b l]; cbn; tauto. Qed.

Lemma linked_nth : forall f l k, linked f l -> S k < length l ->
  f (nth k l 0) = nth (S k) l 0.
Proof.
  induction l as [|a [|b l] IH]; intros k L K; cbn in *; try lia.
  destruct L as [A B]. destruct k; auto. apply (IH k); auto. lia.
Qed.

Lemma linked_seq : forall f n a, (forall i, In i (seq a n) -> f i = S i) -> linked f (seq a n).
Proof.
  induction n as [|[|n] IH]; intros a F; cbn in *; auto. split.
  - apply F; auto.
  - apply (IH (S a)). intros i X. apply F. auto.
Qed.

Lemma last_nth : forall (l : list nat) k, S k = length l ->
  exists a, l = a ++ [nth k l 0] /\ length a = k.
Proof.
  intros l k E. destruct (exists_last (l := l)) as (a & x & ->); [destruct l; cbn in *; congruence|].
  rewrite app_length in E. cbn in E. assert (k = length a) by lia. subst.
  exists a. rewrite app_nth2, Nat.sub_diag by lia. auto.
Qed.
