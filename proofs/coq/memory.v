(** * The memory model

    Release and acquire, by views. Every location has a history of messages, numbered from 0. A
    message is a value and a view. A view gives, for each location, the last message that it
    includes. Each thread has a view.

    - [act] lists the accesses.
    - [can] says which message a load may read: none that the thread's view has passed, and any
      later one, the newest or not.
    - [do] is the memory after an access.
    - [racy] says which accesses are errors.

    The rules:

    - A store begins a new message. A release store puts the thread's whole view into it; a
      relaxed store puts only the message itself into it.
    - A read-modify-write reads the newest message, and its own message carries that one's view on
      (the release sequence).
    - An acquire load joins the view of the message that it reads.
    - [AOwn] is an access that only an owner may make: a plain, not an atomic one, read or write.
      Two of them race if neither happens before the other. Two reads count as a race as well.
    - A plain atomic store is an error, too, if the thread's view is not up to date. Here a store
      always begins the newest message. That is no restriction if no other thread can have begun
      one.
    - The asymmetric fence is a meeting point for each participant ([F]). The participant passes
      its light side, and the stopper the heavy one. The second of the two sees the view that the
      first one had. Two light sides do not meet. The model assumes no more of the fence. A
      sequentially consistent fence on both sides gives more. So does Linux's [membarrier]: during
      the call each running thread passes a full fence, at a moment of its own.
    - The registry's mutex hands the view of its holder to the next holder.

    The model assumes nothing about the number of threads, locations, or messages. It leaves out
    loads that see a store which depends on them (load buffering). *)

From Coq Require Import Arith Lia List Bool.
Import ListNotations.

Arguments Nat.eq_dec : simpl never.
Arguments Nat.max : simpl never.

Inductive loc :=
| Gate                    (* the safepoint's gate *)
| Busy (t : nat)          (* a record's busy flag *)
| Store (t : nat)         (* a record's local store: its length and its array, as one *)
| Head (s : nat)          (* the head of a free list *)
| Word (i : nat)          (* a slot's word *)
| Cell (i : nat)          (* the slot's payload, which its owner may touch *)
| Committed (g : nat)     (* a segment's bit in the committed bitmap *)
| Unswept (g : nat)       (* a segment's bit in the unswept bitmap *)
| Data (d : nat).         (* data of the client, which entries refer to *)

Definition loc_eq (x y : loc) : {x = y} + {x <> y}.
Proof. decide equality; apply Nat.eq_dec. Defined.
Arguments loc_eq : simpl never.

Inductive value :=
| VN (n : nat)                   (* a flag or a bit *)
| VGate (stopping : bool) (r : nat)
| VChain (first length : nat)
| VLive (d n : nat)              (* an entry; it speaks of version [n] of the client's data [d] *)
| VUninit
| VFree (r next : nat)           (* a free slot's cycle, and the slot that its link leads to *)
| VList (l : list nat).

Inductive ord := Relaxed | Acquire | Release | AcqRel.
Definition acq (o : ord) := match o with Acquire | AcqRel => true | _ => false end.
Definition rel (o : ord) := match o with Release | AcqRel => true | _ => false end.

Definition view := loc -> nat.
Definition bot : view := fun _ => 0.
Definition join (v w : view) : view := fun x => Nat.max (v x) (w x).
Definition setx (v : view) (x : loc) (n : nat) : view :=
  fun y => if loc_eq y x then Nat.max (v y) n else v y.
Definition le (v w : view) := forall x, v x <= w x.

Definition upd {A} (f : nat -> A) (k : nat) (a : A) : nat -> A :=
  fun j => if Nat.eq_dec j k then a else f j.
Definition updl {A} (f : loc -> A) (k : loc) (a : A) : loc -> A :=
  fun j => if loc_eq j k then a else f j.

Lemma upd_eq : forall A (f : nat -> A) k a, upd f k a k = a.
Proof. intros; unfold upd; destruct (Nat.eq_dec k k); congruence. Qed.
Lemma upd_neq : forall A (f : nat -> A) k a j, j <> k -> upd f k a j = f j.
Proof. intros; unfold upd; destruct (Nat.eq_dec j k); congruence. Qed.

Record mem := mkM {
  last : loc -> nat;                 (* the number of the newest message *)
  val : loc -> nat -> value;         (* the values of the messages *)
  vw : loc -> nat -> view;           (* and their views *)
  wby : loc -> nat;                  (* ghost: the writer of the newest *)
  V : nat -> view;                   (* the views of the threads *)
  F : nat -> view;                   (* the fence's meeting points, one for each participant *)
  LV : view                          (* the view of the registry's mutex *)
}.

Inductive act :=
| ALoad (x : loc) (ts : nat) (o : ord)
| AStore (x : loc) (v : value) (o : ord)
| ARmw (x : loc) (v : value) (o : ord)
| AOwn (x : loc) (v : value)
| ALight (there : bool)               (* the light fence; [false]: left out *)
| AHeavy (k : nat) (there : bool)     (* the heavy one, where it meets participant [k] *)
| ALock | AUnlock
| ASync (u : nat)                     (* the client's own synchronization with thread [u] *)
| ANop.

Definition newmsg (t : nat) (x : loc) (v : value) (w vt : view) (m : mem) : mem :=
  mkM (updl (last m) x (S (last m x)))
      (updl (val m) x (upd (val m x) (S (last m x)) v))
      (updl (vw m) x (upd (vw m x) (S (last m x)) w))
      (updl (wby m) x t) (upd (V m) t vt) (F m) (LV m).

Definition setV (t : nat) (v : view) (m : mem) : mem :=
  mkM (last m) (val m) (vw m) (wby m) (upd (V m) t v) (F m) (LV m).

Definition do (t : nat) (a : act) (m : mem) : mem :=
  match a with
  | ALoad x ts o =>
      let v := setx (V m t) x ts in
      setV t (if acq o then join v (vw m x ts) else v) m
  | AStore x v o =>
      let n := S (last m x) in
      let w := setx (V m t) x n in
      newmsg t x v (if rel o then w else setx bot x n) w m
  | ARmw x v o =>
      let n := S (last m x) in
      let old := vw m x (last m x) in
      let w := setx (V m t) x n in
      let w := if acq o then join w old else w in
      newmsg t x v (join old (if rel o then w else setx bot x n)) w m
  | AOwn x v =>
      let n := S (last m x) in
      newmsg t x v (setx bot x n) (setx (V m t) x n) m
  | ALight true =>
      let w := join (V m t) (F m t) in
      mkM (last m) (val m) (vw m) (wby m) (upd (V m) t w) (upd (F m) t w) (LV m)
  | AHeavy k true =>
      let w := join (V m t) (F m k) in
      mkM (last m) (val m) (vw m) (wby m) (upd (V m) t w) (upd (F m) k w) (LV m)
  | ALock => setV t (join (V m t) (LV m)) m
  | AUnlock => mkM (last m) (val m) (vw m) (wby m) (V m) (F m) (join (LV m) (V m t))
  | ASync u => setV t (join (V m t) (V m u)) m
  | ALight false | AHeavy _ false | ANop => m
  end.

Definition can (t : nat) (a : act) (m : mem) : Prop :=
  match a with ALoad x ts _ => V m t x <= ts <= last m x | _ => True end.

(** The errors: an owner's access or a plain store by a thread whose view is not up to date. *)
Definition racy (t : nat) (a : act) (m : mem) : Prop :=
  match a with
  | AOwn x _ | AStore x _ _ => V m t x <> last m x
  | _ => False
  end.

(** ** The effects of an access, in the form in which the proofs use them *)

Definition writes (a : act) (x : loc) : Prop :=
  match a with AStore y _ _ | ARmw y _ _ | AOwn y _ => x = y | _ => False end.
Definition wval (a : act) : value :=
  match a with AStore _ v _ | ARmw _ v _ | AOwn _ v => v | _ => VN 0 end.
Definition nv (m : mem) (x : loc) : value := val m x (last m x).
Definition nw (m : mem) (x : loc) : view := vw m x (last m x).

Ltac dloc := repeat match goal with
  | |- context [loc_eq ?a ?b] => destruct (loc_eq a b); subst
  | H : context [loc_eq ?a ?b] |- _ => destruct (loc_eq a b); subst
  end.
Ltac dnat := repeat match goal with
  | |- context [Nat.eq_dec ?a ?b] => destruct (Nat.eq_dec a b); subst
  | H : context [Nat.eq_dec ?a ?b] |- _ => destruct (Nat.eq_dec a b); subst
  end.

Lemma writes_dec : forall a x, {writes a x} + {~ writes a x}.
Proof. intros a y; destruct a; cbn; try (right; tauto); apply loc_eq. Qed.

Ltac unf := unfold do, newmsg, setV, nv, nw, updl, upd, setx, join, bot in *; cbn in *.

Lemma last_same : forall t a m x, ~ writes a x -> last (do t a m) x = last m x.
Proof. intros t a m y W; destruct a; try destruct there; unf; auto; dloc; tauto. Qed.
Lemma last_new : forall t a m x, writes a x -> last (do t a m) x = S (last m x).
Proof. intros t a m y W; destruct a; cbn in W; try tauto; subst; unf; dloc; tauto. Qed.
Lemma last_mono : forall t a m x, last m x <= last (do t a m) x.
Proof. intros. destruct (writes_dec a x); [rewrite last_new | rewrite last_same]; auto. Qed.
Lemma val_old : forall t a m x n, n <= last m x -> val (do t a m) x n = val m x n.
Proof. intros t a m y n L; destruct a; try destruct there; unf; auto; dloc; auto; dnat; auto; lia. Qed.
Lemma vw_old : forall t a m x n, n <= last m x -> vw (do t a m) x n = vw m x n.
Proof. intros t a m y n L; destruct a; try destruct there; unf; auto; dloc; auto; dnat; auto; lia. Qed.
Lemma nv_same : forall t a m x, ~ writes a x -> nv (do t a m) x = nv m x.
Proof. intros. unfold nv. rewrite last_same by auto. apply val_old; auto. Qed.
Lemma nv_new : forall t a m x, writes a x -> nv (do t a m) x = wval a.
Proof.
  intros t a m y W; destruct a; cbn in W; try tauto; subst; unf; destruct (loc_eq x x); try tauto;
    dnat; tauto.
Qed.
Lemma nw_same : forall t a m x, ~ writes a x -> nw (do t a m) x = nw m x.
Proof. intros. unfold nw. rewrite last_same by auto. apply vw_old; auto. Qed.
Lemma wby_new : forall t a m x, writes a x -> wby (do t a m) x = t.
Proof. intros t a m y W; destruct a; cbn in W; try tauto; subst; unf; dloc; tauto. Qed.
Lemma wby_same : forall t a m x, ~ writes a x -> wby (do t a m) x = wby m x.
Proof. intros t a m y W; destruct a; try destruct there; unf; auto; dloc; tauto. Qed.
Lemma V_other : forall t a m u, u <> t -> V (do t a m) u = V m u.
Proof. intros t a m u N; destruct a; try destruct there; unf; auto; dnat; auto; tauto. Qed.
Lemma V_mono : forall t a m u x, V m u x <= V (do t a m) u x.
Proof.
  intros t a m u y; destruct a; try destruct there; unf; auto; dnat; auto;
    try destruct (acq o); dloc; lia.
Qed.
Lemma V_new : forall t a m x, writes a x -> last (do t a m) x <= V (do t a m) t x.
Proof.
  intros t a m y W; destruct a; cbn in W; try tauto; subst; unf; dnat; try tauto; try destruct (acq o); dloc;
    try tauto; lia.
Qed.
Lemma F_mono : forall t a m u x, F m u x <= F (do t a m) u x.
Proof. intros t a m u y; destruct a; try destruct there; unf; auto; dnat; auto; lia. Qed.
Lemma LV_mono : forall t a m x, LV m x <= LV (do t a m) x.
Proof. intros t a m y; destruct a; try destruct there; unf; auto; lia. Qed.

Lemma V_load : forall t x ts o m, ts <= V (do t (ALoad x ts o) m) t x.
Proof. intros; unf; dnat; try tauto; destruct (acq o); dloc; try tauto; lia. Qed.
Lemma V_load_acq : forall t x ts o m, acq o = true ->
  le (vw m x ts) (V (do t (ALoad x ts o) m) t).
Proof. intros t x ts o m A y; unf; dnat; try tauto; rewrite A; dloc; lia. Qed.
Lemma V_rmw_acq : forall t x v o m, acq o = true ->
  le (nw m x) (V (do t (ARmw x v o) m) t).
Proof. intros t x v o m A y; unf; dnat; try tauto; rewrite A; dloc; lia. Qed.
Lemma nw_rmw : forall t x v o m, le (nw m x) (nw (do t (ARmw x v o) m) x).
Proof. intros t x v o m y; unf; destruct (loc_eq x x); try tauto; dnat; try tauto; lia. Qed.
Lemma nw_rmw_rel : forall t x v o m, rel o = true ->
  le (V m t) (nw (do t (ARmw x v o) m) x).
Proof.
  intros t x v o m R y; unf; destruct (loc_eq x x); try tauto; dnat; try tauto.
  rewrite R; destruct (acq o); dloc; lia.
Qed.
Lemma nw_store_rel : forall t x v o m, rel o = true ->
  le (V m t) (nw (do t (AStore x v o) m) x).
Proof.
  intros t x v o m R y; unf; destruct (loc_eq x x); try tauto; dnat; try tauto.
  rewrite R; dloc; lia.
Qed.

Lemma nw_store_le : forall t x v o m,
  le (nw (do t (AStore x v o) m) x) (V (do t (AStore x v o) m) t).
Proof.
  intros t x v o m y; unf; destruct (loc_eq x x); try tauto; dnat; try tauto.
  destruct (rel o); dloc; lia.
Qed.

(** ** No view reaches beyond the newest message *)

Definition wfm (m : mem) : Prop :=
  (forall t x, V m t x <= last m x) /\
  (forall t x, F m t x <= last m x) /\
  (forall x, LV m x <= last m x) /\
  (forall x n y, n <= last m x -> vw m x n y <= last m y).

Ltac bound :=
  repeat match goal with
  | |- context [acq ?o] => destruct (acq o)
  | |- context [rel ?o] => destruct (rel o)
  end;
  repeat match goal with
  | |- context [loc_eq ?a ?b] => destruct (loc_eq a b); subst; cbn
  | |- context [Nat.eq_dec ?a ?b] => destruct (Nat.eq_dec a b); subst; cbn
  end; try tauto; try lia.

Lemma wfm_do : forall t a m, wfm m -> can t a m -> wfm (do t a m).
Proof.
  intros t a m (A & B & C & D) K.
  assert (P : forall y, V (do t a m) t y <= last (do t a m) y).
  { intros y. pose proof (A t y). pose proof (B t y). pose proof (C y).
    destruct a; try (pose proof (D x _ y (le_n _))); try (pose proof (B k y));
      try (pose proof (A u y)); try (destruct there);
      try (pose proof (D x ts y (proj2 K))); cbn in K; unf; bound. }
  assert (Q : forall x n y, n <= last (do t a m) x -> vw (do t a m) x n y <= last (do t a m) y).
  { intros z n y L. pose proof (last_mono t a m y).
    destruct (writes_dec a z) as [W|W].
    - destruct (Nat.eq_dec n (S (last m z))) as [->|N].
      + pose proof (A t y). pose proof (D z _ y (le_n _)).
        destruct a; cbn in W; try tauto; subst; unf; bound.
      + rewrite last_new in L by auto. rewrite vw_old by lia.
        specialize (D z n y). lia.
    - rewrite last_same in L by auto. rewrite vw_old by auto. specialize (D z n y). lia. }
  split; [|split; [|split]]; auto.
  - intros u x. destruct (Nat.eq_dec u t) as [->|N]; auto.
    rewrite V_other by auto. pose proof (last_mono t a m x). specialize (A u x). lia.
  - intros u x. pose proof (last_mono t a m x). pose proof (A t x). pose proof (B u x).
    pose proof (B t x).
    destruct a; try destruct there; try (pose proof (B k x)); unf; bound.
  - intros x. pose proof (last_mono t a m x). pose proof (A t x). specialize (C x).
    destruct a; try destruct there; unf; bound.
Qed.
