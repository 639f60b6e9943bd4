(** * Compaction: relocating entries, and the cells that hold their handles

    One space, between collections, all of whose entries are white. A file of its own. A *cell* is a
    field of the program that holds a handle. Objects have numbers. An entry names an object until
    it is zapped. Its memory is sequentially consistent.

    Mutators take these steps in any order, and zap and free with any handles, stale ones too. A
    handle in a variable is one in a cell. It is copied from cell to cell in one step: the program
    lets no thread use a handle that it has loaded before. *)

From Coq Require Import Arith Bool Lia.

(** A live word has a color, and names an object unless it is zapped. *)
Inductive word := Free | Evacuated | Zapped (c : bool) | Live (c : bool) (o : nat).

(** Where the compactor is: what it knows of the cell, the slot, and the word that was there. *)
Inductive place :=
| Rest
| Took (i h : nat) (c : bool) (o : nat)     (* has evacuated slot [h] for cell [i] *)
| Put (i h n : nat) (c : bool) (o : nat)    (* and has put an evacuated copy into slot [n] *)
| Swung (h n : nat) (c : bool) (o : nat)    (* and the new handle into the cell *)
| Left (h : nat)                            (* the entry has left slot [h]: frees it next *)
| Undone (n : nat).                         (* the entry is where it was: gives slot [n] back *)

Record st := mkS {
  slot : nat -> word;
  cell : nat -> option nat;
  forward : nat -> option nat;   (* where the compactor has moved an entry to *)
  spent : nat -> bool;           (* slots above the frontier that were freed: in no list *)
  at_ : place;
  meant : nat -> option nat;     (* ghost: the object that the program means by a cell *)
  used : nat -> bool;            (* ghost: objects that there have been *)
  drops : nat -> nat             (* ghost: how often an object was dropped *)
}.

Definition set {A} (f : nat -> A) (k : nat) (a : A) : nat -> A :=
  fun j => if Nat.eq_dec j k then a else f j.

Definition writes (s : nat) (w : word) (S : st) : st :=
  mkS (set (slot S) s w) (cell S) (forward S) (spent S) (at_ S) (meant S) (used S) (drops S).
Definition goes (p : place) (S : st) : st :=
  mkS (slot S) (cell S) (forward S) (spent S) p (meant S) (used S) (drops S).
Definition spends (s : nat) (S : st) : st :=
  mkS (slot S) (cell S) (forward S) (set (spent S) s true) (at_ S) (meant S) (used S) (drops S).
Definition swings (i n : nat) (S : st) : st :=
  mkS (slot S) (set (cell S) i (Some n)) (forward S) (spent S) (at_ S) (meant S) (used S) (drops S).
Definition remembers (h n : nat) (S : st) : st :=
  mkS (slot S) (cell S) (set (forward S) h (Some n)) (spent S) (at_ S) (meant S) (used S) (drops S).
Definition holds (i : nat) (h : option nat) (o : option nat) (S : st) : st :=
  mkS (slot S) (set (cell S) i h) (forward S) (spent S) (at_ S) (set (meant S) i o) (used S)
    (drops S).
Definition makes (o : nat) (S : st) : st :=
  mkS (slot S) (cell S) (forward S) (spent S) (at_ S) (meant S) (set (used S) o true) (drops S).
Definition drop (o : nat) (S : st) : st :=
  mkS (slot S) (cell S) (forward S) (spent S) (at_ S) (meant S) (used S)
    (set (drops S) o (Datatypes.S (drops S o))).

Section about.
(** The flip bit of a slot's segment; the frontier; and which color is white. *)
Variables (flip : nat -> bool) (frontier : nat) (white : bool).

Definition colored (s : nat) : bool := xorb white (flip s).
Definition moved (c : bool) (h n : nat) : bool := xorb c (xorb (flip h) (flip n)).

Inductive step (S : st) : st -> Prop :=
(* The compactor. Compare-and-swaps of words and cells. *)
| m_evacuate : forall i h c o, at_ S = Rest -> cell S i = Some h -> frontier <= h ->
    slot S h = Live c o -> step S (goes (Took i h c o) (writes h Evacuated S))
| m_none : forall i h c o, at_ S = Took i h c o -> step S (goes Rest (writes h (Live c o) S))
| m_put : forall i h c o n, at_ S = Took i h c o -> n < frontier -> slot S n = Free ->
    step S (goes (Put i h n c o) (writes n Evacuated S))
| m_swing : forall i h n c o, at_ S = Put i h n c o -> cell S i = Some h ->
    step S (goes (Swung h n c o) (swings i n S))
| m_arrive : forall h n c o, at_ S = Swung h n c o ->
    step S (goes (Left h) (remembers h n (writes n (Live (moved c h n) o) S)))
| m_free : forall h, at_ S = Left h -> step S (goes Rest (spends h (writes h Free S)))
(* The cell has changed. *)
| m_restore : forall i h n c o, at_ S = Put i h n c o -> cell S i <> Some h ->
    step S (goes (Undone n) (writes h (Live c o) S))
| m_give_back : forall n, at_ S = Undone n -> step S (goes Rest (writes n Free S))
(* Another cell that holds the handle of an entry that was moved. *)
| m_follow : forall i h n, at_ S = Rest -> cell S i = Some h -> forward S h = Some n ->
    step S (swings i n S)
(* Mutators. *)
| u_allocate : forall i s o, slot S s = Free -> spent S s = false -> used S o = false ->
    step S (holds i (Some s) (Some o) (makes o (writes s (Live (colored s) o) S)))
| u_copy : forall i j, step S (holds i (cell S j) (meant S j) S)
| u_clear : forall i, step S (holds i None None S)
| u_zap : forall s c o, slot S s = Live c o -> step S (drop o (writes s (Zapped c) S))
| u_free : forall s c o, slot S s = Live c o -> s < frontier -> step S (drop o (writes s Free S))
| u_free_above : forall s c o, slot S s = Live c o -> frontier <= s ->
    step S (drop o (spends s (writes s Free S)))
| u_free_zapped : forall s c, slot S s = Zapped c -> s < frontier -> step S (writes s Free S)
| u_free_zapped_above : forall s c, slot S s = Zapped c -> frontier <= s ->
    step S (spends s (writes s Free S)).

Inductive run (S : st) : st -> Prop :=
| r_refl : run S S
| r_step : forall S1 S2, run S S1 -> step S1 S2 -> run S S2.

(** Before a compaction each entry is white, no two name one object, and cells hold what the program
    means. *)
Definition first (S : st) : Prop :=
  at_ S = Rest /\ (forall h, forward S h = None) /\ (forall s, spent S s = false) /\
  (forall s, slot S s <> Evacuated) /\
  (forall s c o, slot S s = Live c o -> c = colored s /\ used S o = true /\ drops S o = 0) /\
  (forall s c i d o, slot S s = Live c o -> slot S i = Live d o -> s = i) /\
  (forall o, drops S o <= 1 /\ (used S o = false -> drops S o = 0)) /\
  (forall i o, meant S i = Some o ->
    exists h c, cell S i = Some h /\ slot S h = Live c o).

Definition reachable (S : st) : Prop := exists S0, first S0 /\ run S0 S.

(** What a handle leads to, for the compactor. *)
Definition resolve (S : st) (h : nat) : nat := match forward S h with Some n => n | None => h end.

(** The entry that the compactor has in its hands: it has evacuated slot [h], which had it. *)
Definition carries (p : place) (h : nat) (c : bool) (o : nat) : Prop :=
  match p with
  | Took _ k d q | Put _ k _ d q | Swung k _ d q => h = k /\ c = d /\ o = q
  | _ => False
  end.

(** The handles of that entry that cells hold. *)
Definition names (p : place) (h o : nat) : Prop :=
  match p with
  | Took _ k _ q | Put _ k _ _ q => h = k /\ o = q
  | Swung k n _ q => (h = k \/ h = n) /\ o = q
  | _ => False
  end.

(** The slots that it has evacuated, above the frontier and below. *)
Definition leaves (p : place) (h : nat) : Prop :=
  match p with Took _ k _ _ | Put _ k _ _ _ | Swung k _ _ _ | Left k => h = k | _ => False end.
Definition fills (p : place) (s : nat) : Prop :=
  match p with Put _ _ n _ _ | Swung _ n _ _ | Undone n => s = n | _ => False end.

Record INV (S : st) : Prop := mkI {
  i_once : forall s c i d o, slot S s = Live c o -> slot S i = Live d o -> s = i;
  i_live : forall s c o, slot S s = Live c o -> c = colored s /\ used S o = true /\ drops S o = 0;
  i_drops : forall o, drops S o <= 1 /\ (used S o = false -> drops S o = 0);
  i_evacuated : forall s, slot S s = Evacuated <-> leaves (at_ S) s \/ fills (at_ S) s;
  i_leaves : forall s, leaves (at_ S) s -> frontier <= s;
  i_fills : forall s, fills (at_ S) s -> s < frontier;
  i_carries : forall h c o, carries (at_ S) h c o -> c = colored h /\ forward S h = None /\
    used S o = true /\ drops S o = 0 /\ forall s d, slot S s <> Live d o;
  i_forward : forall h n, forward S h = Some n -> n < frontier /\ frontier <= h /\
    (slot S h = Free /\ spent S h = true \/ at_ S = Left h);
  i_spent : forall s, spent S s = true -> slot S s = Free /\ frontier <= s;
  i_meant : forall i o, meant S i = Some o -> used S o = true /\ (drops S o = 1 \/
    exists h, cell S i = Some h /\ (names (at_ S) h o \/
      (forall k c, ~ carries (at_ S) k c o) /\ exists c, slot S (resolve S h) = Live c o))
}.

Ltac sets := unfold set in *; repeat match goal with
  | |- context [Nat.eq_dec ?a ?b] => destruct (Nat.eq_dec a b); subst
  | H : context [Nat.eq_dec ?a ?b] |- _ => destruct (Nat.eq_dec a b); subst
  end.

Lemma moved_colored : forall h n, moved (colored h) h n = colored n.
Proof. intros. unfold moved, colored. destruct white, (flip h), (flip n); auto. Qed.

Lemma INV_first : forall S, first S -> INV S.
Proof.
  intros S (A & F & P & E & L & O & D & M).
  constructor; rewrite ?A; cbn; auto; try congruence; try tauto.
  - intros s. split; [intros H; destruct (E _ H)|tauto].
  - intros i o H. destruct (M _ _ H) as (h & c & Q & R). destruct (L _ _ _ R) as (_ & U & _).
    split; auto. right. exists h. split; auto. right. split; [tauto|]. exists c.
    unfold resolve. rewrite F. auto.
Qed.

Ltac start I := pose proof I as J; destruct I; constructor; unfold resolve in *;
  cbn; try discriminate; auto; try tauto.

(** An object is dropped by the thread whose compare-and-swap takes it out of the word. *)
Lemma INV_drop : forall S s c o w, INV S -> slot S s = Live c o ->
  w = Free \/ (exists d, w = Zapped d) -> INV (drop o (writes s w S)).
Proof.
  intros S s c o w I L W. destruct (i_live _ I _ _ _ L) as (C & U & D).
  assert (N : forall d p, w <> Live d p) by (destruct W as [->|[d ->]]; discriminate).
  assert (V : w <> Evacuated) by (destruct W as [->|[d ->]]; discriminate).
  start I.
  - intros i d k e p. sets; try congruence. eauto.
  - intros i d p. unfold set. destruct (Nat.eq_dec i s) as [->|A]; [intros E; destruct (N _ _ E)|].
    intros E. destruct (i_live0 _ _ _ E) as (A1 & A2 & A3). repeat split; auto.
    destruct (Nat.eq_dec p o); auto. subst. elim A. eauto.
  - intros p. sets; auto. rewrite D. split; auto. congruence.
  - intros i. unfold set. destruct (Nat.eq_dec i s) as [->|A]; auto. split; [congruence|].
    intros E. apply i_evacuated0 in E. congruence.
  - intros h d p E. destruct (i_carries0 _ _ _ E) as (A1 & A2 & A3 & A4 & A5).
    repeat split; auto.
    + sets; auto. destruct (A5 _ _ L).
    + intros k f. unfold set. destruct (Nat.eq_dec k s); auto.
  - intros h n E. destruct (i_forward0 _ _ E) as (A1 & A2 & A3). repeat split; auto.
    destruct A3 as [[A3 A4]|A3]; auto. left. sets; auto. congruence.
  - intros i E. destruct (i_spent0 _ E). split; auto. sets; auto. congruence.
  - intros j p M. destruct (i_meant0 _ _ M) as (E & F). split; auto. unfold set at 1.
    destruct (Nat.eq_dec p o) as [->|B]; [left; congruence|].
    destruct F as [F|(k & K & F)]; auto. right. exists k. split; auto.
    destruct F as [F|[G [d F]]]; auto. right. split; auto. exists d. unfold set.
    destruct (Nat.eq_dec _ s) as [A|A]; auto. congruence.
Qed.

Lemma INV_spends : forall S s, INV S -> slot S s = Free -> frontier <= s -> INV (spends s S).
Proof.
  intros S s I F A. start I.
  - intros h n E. destruct (i_forward0 _ _ E) as (A1 & A2 & A3). repeat split; auto.
    destruct A3 as [[A3 A4]|A3]; auto. left. sets; auto.
  - intros i. sets; auto.
Qed.

Lemma INV_unzaps : forall S s c, INV S -> slot S s = Zapped c -> INV (writes s Free S).
Proof.
  intros S s c I F. start I.
  - intros i d k e p. sets; try discriminate. eauto.
  - intros i d p. sets; try discriminate. auto.
  - intros i. unfold set. destruct (Nat.eq_dec i s) as [->|A]; auto. split; [discriminate|].
    intros E. apply i_evacuated0 in E. congruence.
  - intros h d p E. destruct (i_carries0 _ _ _ E) as (A1 & A2 & A3 & A4 & A5).
    repeat split; auto. intros k f. unfold set. destruct (Nat.eq_dec k s); [discriminate|auto].
  - intros h n E. destruct (i_forward0 _ _ E) as (A1 & A2 & A3). repeat split; auto.
    destruct A3 as [[A3 A4]|A3]; auto. left. sets; auto.
  - intros i E. destruct (i_spent0 _ E). split; auto. sets; auto.
  - intros j p M. destruct (i_meant0 _ _ M) as (E & [B|(k & K & B)]); split; auto.
    right. exists k. split; auto. destruct B as [B|[G [d B]]]; auto. right. split; auto.
    exists d. unfold set. destruct (Nat.eq_dec _ s) as [A|A]; auto. congruence.
Qed.

(** The compactor puts the entry back where it was. *)
Lemma INV_back : forall S h c o p, INV S -> carries (at_ S) h c o ->
  (forall k d q, ~ carries p k d q) -> (forall k, ~ leaves p k) ->
  (forall k, fills p k <-> fills (at_ S) k) -> (forall k q, names (at_ S) k q -> k = h /\ q = o) ->
  INV (goes p (writes h (Live c o) S)).
Proof.
  intros S h c o p I C PC PL PF N. destruct (i_carries _ I _ _ _ C) as (A1 & A2 & A3 & A4 & A5).
  assert (LV : forall k, leaves (at_ S) k -> k = h).
  { intros k. destruct (at_ S); cbn in *; intuition congruence. }
  assert (LH : leaves (at_ S) h) by (destruct (at_ S); cbn in *; intuition congruence).
  assert (F := i_leaves _ I _ LH).
  assert (Z : slot S h = Evacuated) by (apply (i_evacuated _ I); auto).
  assert (NL : forall k, at_ S <> Left k) by (intros k E; rewrite E in C; exact C).
  start I.
  - intros s d i e q. sets; auto.
    + intros E. injection E as _ <-. intros L. destruct (A5 _ _ L).
    + intros L E. injection E as _ <-. destruct (A5 _ _ L).
    + eauto.
  - intros s d q. sets; auto. intros E. injection E as <- <-. auto.
  - intros s. unfold set. destruct (Nat.eq_dec s h) as [->|B].
    + split; [discriminate|]. intros [E|E]; [destruct (PL _ E)|].
      apply PF in E. apply i_fills0 in E. lia.
    + rewrite i_evacuated0. split; intros [E|E].
      * elim B. auto.
      * right. apply PF. auto.
      * destruct (PL _ E).
      * right. apply PF. auto.
  - intros s E. destruct (PL _ E).
  - intros s E. apply i_fills0, PF. auto.
  - intros k d q E. destruct (PC _ _ _ E).
  - intros k n E. destruct (i_forward0 _ _ E) as (B1 & B2 & [[B3 B4]|B3]).
    + repeat split; auto. left. sets; auto. congruence.
    + destruct (NL _ B3).
  - intros s E. destruct (i_spent0 _ E). split; auto. sets; auto. congruence.
  - intros j q M. destruct (i_meant0 _ _ M) as (V & [E|(k & K & E)]); split; auto.
    right. exists k. split; auto. right. split; [intros; apply PC|].
    destruct E as [E|[G [d E]]].
    + destruct (N _ _ E) as [-> ->]. rewrite A2. exists c. sets; congruence.
    + exists d. unfold set. destruct (Nat.eq_dec _ h) as [B|B]; auto. congruence.
Qed.

Lemma INV_step : forall S S', INV S -> step S S' -> INV S'.
Proof.
  intros S S' I X. inversion X; subst.
  - (* evacuate *)
    destruct (i_live _ I _ _ _ H2) as (C & U & D).
    start I; rewrite H in *; cbn in *; auto.
    + intros s d k e p. sets; try discriminate. eauto.
    + intros s d p. sets; try discriminate. auto.
    + intros s. sets; [tauto|]. rewrite i_evacuated0. tauto.
    + intros s ->. auto.
    + intros k d p (-> & -> & ->). repeat split; auto.
      * destruct (forward S h) eqn:F; auto.
        destruct (i_forward0 _ _ F) as (_ & _ & [[K _]|K]); congruence.
      * intros s d. sets; [discriminate|]. intros L. elim n. eapply i_once0; eauto.
    + intros k n F. destruct (i_forward0 _ _ F) as (A & B & K). repeat split; auto.
      destruct K as [[K L]|K]; [|congruence]. left. sets; auto. congruence.
    + intros s P. destruct (i_spent0 _ P) as [A B]. split; auto. sets; auto. congruence.
    + intros j p M. destruct (i_meant0 _ _ M) as (V & [E|(k & K & [E|[_ [d E]]])]); split; auto;
        [tauto|]. right. exists k. split; auto. destruct (Nat.eq_dec p o) as [->|N].
      * left. split; auto. assert (Q := i_once0 _ _ _ _ _ E H2).
        destruct (forward S k) eqn:F; auto. destruct (i_forward0 _ _ F). lia.
      * right. split; [intuition congruence|]. exists d. sets; auto. congruence.
  - (* none *)
    apply INV_back; rewrite ?H; cbn; auto; tauto.
  - (* put *)
    assert (A : frontier <= h) by (apply (i_leaves _ I); rewrite H; cbn; auto).
    start I; rewrite H in *; cbn in *; auto.
    + intros s d k e p. sets; try discriminate. eauto.
    + intros s d p. sets; try discriminate. auto.
    + intros s. sets; [tauto|]. rewrite i_evacuated0. tauto.
    + intros s ->. auto.
    + intros k d p E. destruct (i_carries0 _ _ _ E) as (A1 & A2 & A3 & A4 & A5).
      repeat split; auto. intros s f. sets; [discriminate|auto].
    + intros k m F. destruct (i_forward0 _ _ F) as (A1 & A2 & K). repeat split; auto.
      destruct K as [[K L]|K]; [|congruence]. left. sets; auto. lia.
    + intros s P. destruct (i_spent0 _ P) as [A1 A2]. split; auto. sets; auto. lia.
    + intros j p M. destruct (i_meant0 _ _ M) as (V & [E|(k & K & [E|[G [d E]]])]); split; auto;
        right; exists k; split; auto. right. split; auto. exists d. sets; auto. congruence.
  - (* swing *)
    start I; rewrite H in *; cbn in *; auto.
    + intros k m F. destruct (i_forward0 _ _ F) as (A1 & A2 & [K|K]); auto. congruence.
    + intros j p M. destruct (i_meant0 _ _ M) as (V & [E|(k & K & [E|[G [d E]]])]); split; auto;
        right.
      * destruct E as [-> ->]. exists (if Nat.eq_dec j i then n else h). split.
        -- destruct (Nat.eq_dec j i); sets; congruence.
        -- left. destruct (Nat.eq_dec j i); auto.
      * exists k. split.
        -- sets; auto. exfalso. rewrite H0 in K. injection K as <-.
           destruct (i_carries0 h c o) as (_ & F & _); auto. rewrite F in E.
           assert (slot S h = Evacuated) by (apply i_evacuated0; auto). congruence.
        -- right. eauto.
  - (* arrive *)
    assert (A : frontier <= h) by (apply (i_leaves _ I); rewrite H; cbn; auto).
    assert (B : n < frontier) by (apply (i_fills _ I); rewrite H; cbn; auto).
    destruct (i_carries _ I h c o) as (A1 & A2 & A3 & A4 & A5); [rewrite H; cbn; auto|].
    assert (Z : slot S h = Evacuated) by (apply (i_evacuated _ I); rewrite H; cbn; auto).
    assert (Y : slot S n = Evacuated) by (apply (i_evacuated _ I); rewrite H; cbn; auto).
    assert (FN : forward S n = None).
    { destruct (forward S n) eqn:F; auto. destruct (i_forward _ I _ _ F). lia. }
    start I; rewrite H in *; cbn in *; auto.
    + intros s d k e p. sets; auto.
      * intros E. injection E as _ <-. intros L. destruct (A5 _ _ L).
      * intros L E. injection E as _ <-. destruct (A5 _ _ L).
      * eauto.
    + intros s d p. sets; auto. intros E. injection E as <- <-. rewrite moved_colored. auto.
    + intros s. sets; [|rewrite i_evacuated0; intuition lia]. split; [discriminate|].
      intros [E|E]; [lia|contradiction].
    + intros k m. unfold set. destruct (Nat.eq_dec k h) as [->|Q]; intros E.
      * injection E as <-. auto.
      * destruct (i_forward0 _ _ E) as (B1 & B2 & [[B3 B4]|B3]); [|congruence].
        repeat split; auto. left. destruct (Nat.eq_dec k n); [lia|auto].
    + intros s P. destruct (i_spent0 _ P). split; auto. sets; auto. lia.
    + intros j p M. destruct (i_meant0 _ _ M) as (V & [E|(k & K & E)]); split; auto.
      right. exists k. split; auto. right. split; auto. destruct E as [[E ->]|[G [d E]]].
      * exists (moved (colored h) h n). destruct E as [-> | ->].
        -- unfold set. destruct (Nat.eq_dec h h); [|congruence].
           destruct (Nat.eq_dec n n); congruence.
        -- assert (n <> h) by lia. unfold set. destruct (Nat.eq_dec n h); [congruence|].
           rewrite FN. destruct (Nat.eq_dec n n); congruence.
      * exists d. assert (k <> h) by (intros ->; rewrite A2 in E; congruence).
        unfold set. destruct (Nat.eq_dec k h); [congruence|].
        destruct (Nat.eq_dec _ n) as [Q|Q]; auto. congruence.
  - (* free *)
    assert (A : frontier <= h) by (apply (i_leaves _ I); rewrite H; cbn; auto).
    assert (Z : slot S h = Evacuated) by (apply (i_evacuated _ I); rewrite H; cbn; auto).
    start I; rewrite H in *; cbn in *; auto.
    + intros s d k e p. sets; try discriminate. eauto.
    + intros s d p. sets; try discriminate. auto.
    + intros s. sets; [split; [discriminate|tauto]|]. rewrite i_evacuated0. tauto.
    + intros k m E. destruct (i_forward0 _ _ E) as (A1 & A2 & A3). repeat split; auto.
      left. destruct A3 as [[A3 A4]|A3]; [sets; auto|].
      injection A3 as <-. sets; auto; congruence.
    + intros s. sets; auto.
    + intros j p M. destruct (i_meant0 _ _ M) as (V & [E|(k & K & [E|[G [d E]]])]); split; auto;
        [tauto|]. right. exists k. split; auto. right. split; auto. exists d. sets; congruence.
  - (* restore *)
    apply INV_back; rewrite ?H; cbn; auto; tauto.
  - (* give back *)
    assert (B : n < frontier) by (apply (i_fills _ I); rewrite H; cbn; auto).
    assert (Y : slot S n = Evacuated) by (apply (i_evacuated _ I); rewrite H; cbn; auto).
    start I; rewrite H in *; cbn in *; auto.
    + intros s d k e p. sets; try discriminate. eauto.
    + intros s d p. sets; try discriminate. auto.
    + intros s. sets; [split; [discriminate|tauto]|]. rewrite i_evacuated0. tauto.
    + intros k m E. destruct (i_forward0 _ _ E) as (A1 & A2 & [[A3 A4]|A3]); [|congruence].
      repeat split; auto. left. sets; auto.
    + intros s P. destruct (i_spent0 _ P). split; auto. sets; auto.
    + intros j p M. destruct (i_meant0 _ _ M) as (V & [E|(k & K & [E|[G [d E]]])]); split; auto;
        [tauto|]. right. exists k. split; auto. right. split; auto. exists d. sets; congruence.
  - (* follow *) start I; rewrite H in *; cbn in *; auto.
    intros j p M. destruct (i_meant0 _ _ M) as (V & [E|(k & K & [E|[G [d E]]])]); split; auto;
      [tauto|]. right. destruct (Nat.eq_dec j i).
    + subst j. rewrite H0 in K. injection K as <-. exists n. split; [sets; congruence|].
      right. split; auto. exists d. rewrite H1 in E.
      destruct (forward S n) eqn:Q; auto. destruct (i_forward0 _ _ Q).
      destruct (i_forward0 _ _ H1). lia.
    + exists k. split; [sets; congruence|]. right. eauto.
  - (* allocate *)
    assert (W : forall i d, slot S i <> Live d o).
    { intros k d L. destruct (i_live _ I _ _ _ L) as (_ & U & _). congruence. }
    assert (G : forall k c, ~ carries (at_ S) k c o).
    { intros k c E. destruct (i_carries _ I _ _ _ E) as (_ & _ & U & _). congruence. }
    start I.
    + intros k d m e p. sets; auto.
      * intros E. injection E as _ <-. intros L. destruct (W _ _ L).
      * intros L E. injection E as _ <-. destruct (W _ _ L).
      * eauto.
    + intros k d p. unfold set at 1. destruct (Nat.eq_dec k s) as [->|A]; intros E.
      * injection E as <- <-. repeat split; [sets; congruence|]. apply i_drops0. auto.
      * destruct (i_live0 _ _ _ E) as (A1 & A2 & A3). repeat split; auto. sets; auto.
    + intros p. split; [apply i_drops0|]. sets; [discriminate|]. apply i_drops0.
    + intros k. unfold set. destruct (Nat.eq_dec k s) as [->|A]; auto. split; [discriminate|].
      intros E. apply i_evacuated0 in E. congruence.
    + intros h d p E. destruct (i_carries0 _ _ _ E) as (A1 & A2 & A3 & A4 & A5).
      repeat split; auto; [sets; auto|]. intros k f. unfold set.
      destruct (Nat.eq_dec k s); auto. congruence.
    + intros h n E. destruct (i_forward0 _ _ E) as (A1 & A2 & A3). repeat split; auto.
      destruct A3 as [[A3 A4]|A3]; auto. left. sets; auto. congruence.
    + intros k E. destruct (i_spent0 _ E). split; auto. sets; auto. congruence.
    + intros j p. unfold set at 1. destruct (Nat.eq_dec j i) as [->|A].
      * intros E. injection E as <-. split; [sets; congruence|]. right. exists s.
        split; [sets; congruence|]. right. split; auto. exists (colored s).
        assert (Q : forward S s = None).
        { destruct (forward S s) eqn:Q; auto.
          destruct (i_forward0 _ _ Q) as (_ & _ & [[_ B]|B]); [congruence|].
          assert (slot S s = Evacuated) by (apply i_evacuated0; rewrite B; cbn; auto). congruence. }
        rewrite Q. sets; congruence.
      * intros M. destruct (i_meant0 _ _ M) as (E & F). split; [sets; auto|].
        destruct F as [F|(k & K & F)]; auto. right. exists k. split; [sets; congruence|].
        destruct F as [F|[V [d F]]]; auto. right. split; auto. exists d. unfold set.
        destruct (Nat.eq_dec _ s) as [B|B]; auto. congruence.
  - (* copy *) start I. intros k p. sets; auto.
  - (* clear *) start I. intros k p. sets; [discriminate|]. auto.
  - (* zap *) eapply INV_drop; eauto.
  - (* free *) eapply INV_drop; eauto.
  - (* free above *)
    change (INV (spends s (drop o (writes s Free S)))). apply INV_spends; auto.
    + eapply INV_drop; eauto.
    + cbn. sets; congruence.
  - (* free zapped *) eapply INV_unzaps; eauto.
  - (* free zapped above *)
    apply INV_spends; [eapply INV_unzaps; eauto|cbn; sets; congruence|auto].
Qed.

Lemma INV_reachable : forall S, reachable S -> INV S.
Proof.
  intros S (S0 & F & R). induction R; [apply INV_first; auto|eapply INV_step; eauto].
Qed.

(** ** The theorems *)

(** No object is named by two live entries, nor by one while the compactor has it in its hands. *)
Theorem named_once : forall S o, reachable S ->
  (forall s c i d, slot S s = Live c o -> slot S i = Live d o -> s = i) /\
  (forall h c, carries (at_ S) h c o -> forall s d, slot S s <> Live d o).
Proof.
  intros S o R. assert (I := INV_reachable S R). split.
  - intros. eapply i_once; eauto.
  - intros h c E. apply (i_carries _ I _ _ _ E).
Qed.

(** So each object is dropped at most once, and none that an entry names was. *)
Theorem dropped_once : forall S o, reachable S ->
  drops S o <= 1 /\ forall s c, slot S s = Live c o -> drops S o = 0.
Proof.
  intros S o R. assert (I := INV_reachable S R). split; [apply (i_drops _ I)|].
  intros s c L. apply (i_live _ I _ _ _ L).
Qed.

(** Between relocations each cell leads to the object that the program means, if it was not dropped:
    at once, or through what the compactor remembers, if its handle has been moved. *)
Theorem cells_keep_their_objects : forall S i o, reachable S -> at_ S = Rest ->
  meant S i = Some o -> drops S o = 0 ->
  exists h c, cell S i = Some h /\ slot S (resolve S h) = Live c o /\
    (h < frontier -> slot S h = Live c o).
Proof.
  intros S i o R A M D. assert (I := INV_reachable S R).
  destruct (i_meant _ I _ _ M) as (_ & [E|(h & K & E)]); [congruence|].
  rewrite A in E. destruct E as [E|[_ [c E]]]; [contradiction|]. exists h, c.
  repeat split; auto. intros L. unfold resolve in E.
  destruct (forward S h) eqn:F; auto. destruct (i_forward _ I _ _ F). lia.
Qed.

(** What the compactor remembers stays right: no new entry takes the slot that an entry has left. *)
Theorem moved_means_moved : forall S h n, reachable S -> forward S h = Some n ->
  n < frontier /\ frontier <= h /\ forall c o, slot S h <> Live c o.
Proof.
  intros S h n R F. assert (I := INV_reachable S R).
  destruct (i_forward _ I _ _ F) as (A & B & C). repeat split; auto. intros c o L.
  destruct C as [[C _]|C]; [congruence|].
  assert (slot S h = Evacuated) by (apply (i_evacuated _ I); rewrite C; cbn; auto). congruence.
Qed.

(** And all entries stay white, although the flip bits of segments differ. *)
Theorem moved_entries_are_white : forall S s c o, reachable S -> slot S s = Live c o ->
  xorb c (flip s) = white.
Proof.
  intros S s c o R L. destruct (i_live _ (INV_reachable S R) _ _ _ L) as (-> & _).
  unfold colored. rewrite xorb_assoc, xorb_nilpotent. apply xorb_false_r.
Qed.
End about.
