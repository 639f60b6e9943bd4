(** * Collected tables: marks, sweeps, and moves

    The spaces of a collected table, their phases and colors, and the segments that go from one
    space to another. A file of its own. It knows no links and no sweep cycles of the core: a slot
    in a list, in a local store, or unswept is *listed*, and each thread takes it at most once, as
    [theorems.v] proves. Its memory is sequentially consistent.

    A thread inside an operation of a space makes these steps in any order, on any slots, with stale
    handles too. The phase of a space, its white, and the owner of its segments change only while
    the space is stopped: no operation of it is under way. *)

From Coq Require Import Arith Bool Lia.

Inductive phase := Idle | Marking | Sweeping.

(** A live word has a color and an entry: tag and pointer. *)
Inductive word := Free | Live (c : bool) (e : nat).

(** Where a thread is. *)
Inductive place :=
| Outside
| In (x : nat)                          (* inside an operation of space [x] *)
| Saw (x s : nat) (c : bool) (e : nat)  (* and has seen this word in slot [s], which is not dead *)
| Holds (x s : nat).                    (* and owns slot [s] *)

(** What the collector does. There is one collection at a time. *)
Inductive work :=
| Rest
| Major (x : nat)       (* collects space [x] *)
| Minor (y o : nat)     (* marks in space [y], whose survivors will move to space [o] *)
| Moving (y o : nat).   (* sweeps the segments that are in transit from [y] to [o] *)

Record st := mkS {
  white : nat -> bool;
  ph : nat -> phase;
  own : nat -> option nat;      (* the space of a segment, if it has one *)
  flip : nat -> bool;
  transit : nat -> bool;
  slot : nat -> word;
  pc : nat -> place;
  job : work;
  todo : nat -> bool;           (* slots that the sweeper has yet to look at *)
  seen : option nat;            (* the slot that it has seen dead: stores next *)
  listed : nat -> nat -> nat;   (* how often a space has a slot in lists, stores, or unswept *)
  mine : nat -> nat;            (* and the sweeper, in chains *)
  kept : nat -> bool            (* ghost: marked, or allocated since marking began *)
}.

Definition set {A} (f : nat -> A) (k : nat) (a : A) : nat -> A :=
  fun j => if Nat.eq_dec j k then a else f j.
Definition set2 {A} (f : nat -> nat -> A) (i k : nat) (a : A) : nat -> nat -> A :=
  set f i (set (f i) k a).

Definition inside (p : place) (x : nat) : Prop :=
  match p with Outside => False | In z | Saw z _ _ _ | Holds z _ => z = x end.

Definition about (p : place) (s : nat) : Prop :=
  match p with Saw _ i _ _ | Holds _ i => i = s | _ => False end.

(** A space is stopped. *)
Definition quiet (S : st) (x : nat) : Prop := forall t, ~ inside (pc S t) x.

Definition goes (t : nat) (p : place) (S : st) : st :=
  mkS (white S) (ph S) (own S) (flip S) (transit S) (slot S) (set (pc S) t p) (job S) (todo S)
    (seen S) (listed S) (mine S) (kept S).
Definition writes (s : nat) (w : word) (k : bool) (S : st) : st :=
  mkS (white S) (ph S) (own S) (flip S) (transit S) (set (slot S) s w) (pc S) (job S) (todo S)
    (seen S) (listed S) (mine S) (set (kept S) s k).
Definition lists (x s n : nat) (S : st) : st :=
  mkS (white S) (ph S) (own S) (flip S) (transit S) (slot S) (pc S) (job S) (todo S) (seen S)
    (set2 (listed S) x s n) (mine S) (kept S).
Definition gathers (s n : nat) (S : st) : st :=
  mkS (white S) (ph S) (own S) (flip S) (transit S) (slot S) (pc S) (job S) (todo S) (seen S)
    (listed S) (set (mine S) s n) (kept S).
Definition passes (s : nat) (S : st) : st :=
  mkS (white S) (ph S) (own S) (flip S) (transit S) (slot S) (pc S) (job S) (set (todo S) s false)
    None (listed S) (mine S) (kept S).

Section table.
Variable seg : nat -> nat.   (* the segment of a slot *)

(** The color of an entry, relative to its segment. *)
Definition rel (S : st) (s : nat) (c : bool) : bool := xorb c (flip S (seg s)).

(** What an operation refuses, as if the slot were free. *)
Definition dead (S : st) (x s : nat) (c : bool) : Prop :=
  ph S x = Sweeping /\ rel S s c = white S x \/
  transit S (seg s) = true /\ rel S s c <> white S x.

(** The color of new entries: black in a cycle. *)
Definition fresh (S : st) (x : nat) : bool :=
  match ph S x with Idle => white S x | _ => negb (white S x) end.
Definition in_cycle (p : phase) : bool := match p with Idle => false | _ => true end.

Definition is_of (S : st) (x g : nat) : bool :=
  match own S g with Some z => if Nat.eq_dec z x then true else false | None => false end.

(** A step of thread [t]. It loads the word, and looks at the owner of the segment after that. The
    two are one step here: as long as the segment is this space's, its entries are as well.

    A mark is no operation in the code. But [sweep] takes the marking by value, so all marks have
    ended before the second stop, as if they were. *)
Inductive step (S : st) (t : nat) : st -> Prop :=
| t_enter : forall x, pc S t = Outside -> step S t (goes t (In x) S)
| t_leave : forall x, pc S t = In x -> step S t (goes t Outside S)
| t_see : forall x s c e, pc S t = In x -> own S (seg s) = Some x -> slot S s = Live c e ->
    ~ dead S x s c -> step S t (goes t (Saw x s c e) S)
| t_fail : forall x s c e, pc S t = Saw x s c e -> step S t (goes t (In x) S)
(* Compare-and-swaps: set, exchange, zap, publish, and unpublish keep the color. *)
| t_change : forall x s c e f, pc S t = Saw x s c e -> slot S s = Live c e ->
    step S t (goes t (In x) (writes s (Live c f) (kept S s) S))
| t_mark : forall x s c e, pc S t = Saw x s c e -> slot S s = Live c e -> ph S x = Marking ->
    rel S s c = white S x -> step S t (goes t (In x) (writes s (Live (negb c) e) true S))
| t_free : forall x s c e, pc S t = Saw x s c e -> slot S s = Live c e ->
    transit S (seg s) = false -> step S t (goes t (Holds x s) (writes s Free false S))
(* Lists and stores. *)
| t_give : forall x s, pc S t = Holds x s ->
    step S t (goes t (In x) (lists x s (Datatypes.S (listed S x s)) S))
| t_take : forall x s n, pc S t = In x -> listed S x s = Datatypes.S n ->
    step S t (goes t (Holds x s) (lists x s n S))
(* A plain store. *)
| t_publish : forall x s e, pc S t = Holds x s -> step S t (goes t (In x)
    (writes s (Live (xorb (fresh S x) (flip S (seg s))) e) (in_cycle (ph S x)) S))
(* The space leases a segment, whatever its flip bit becomes. *)
| t_lease : forall x g f, pc S t = In x -> own S g = None ->
    step S t (mkS (white S) (ph S) (set (own S) g (Some x)) (set (flip S) g f) (transit S)
      (slot S) (pc S) (job S) (todo S) (seen S)
      (fun z s => if Nat.eq_dec z x then if Nat.eq_dec (seg s) g then Datatypes.S (listed S z s)
        else listed S z s else listed S z s) (mine S) (kept S)).

(** A step of the collector. *)
Inductive collect (S : st) : st -> Prop :=
(* The first stop. *)
| c_begin : forall x w, job S = Rest -> quiet S x ->
    w = Major x \/ (exists o, w = Minor x o /\ o <> x) ->
    collect S (mkS (white S) (set (ph S) x Marking) (own S) (flip S) (transit S) (slot S) (pc S) w
      (todo S) (seen S) (listed S) (mine S) (fun _ => false))
(* The second stop: white means dead. *)
| c_sweep : forall x, job S = Major x -> ph S x = Marking -> quiet S x ->
    collect S (mkS (white S) (set (ph S) x Sweeping) (own S) (flip S) (transit S) (slot S) (pc S)
      (job S) (fun s => is_of S x (seg s)) (seen S) (listed S) (mine S) (kept S))
(* The second stop of a minor collection: the segments of [y] leave it. Its lists and local stores
   are forgotten. *)
| c_move : forall y o, job S = Minor y o -> quiet S y ->
    collect S (mkS (white S) (set (ph S) y Sweeping)
      (fun g => if is_of S y g then Some o else own S g)
      (fun g => if is_of S y g then xorb (flip S g) (xorb (negb (white S y)) (white S o))
        else flip S g)
      (fun g => if is_of S y g then true else transit S g) (slot S) (pc S) (Moving y o)
      (fun s => is_of S y (seg s)) (seen S) (set (listed S) y (fun _ => 0)) (mine S) (kept S))
(* The sweeper goes through the slots. It frees a dead entry by a plain store, which compares
   nothing. *)
| c_look : forall x s c e, seen S = None -> todo S s = true -> own S (seg s) = Some x ->
    slot S s = Live c e -> dead S x s c ->
    collect S (mkS (white S) (ph S) (own S) (flip S) (transit S) (slot S) (pc S) (job S) (todo S)
      (Some s) (listed S) (mine S) (kept S))
| c_store : forall s, seen S = Some s ->
    collect S (passes s (gathers s (Datatypes.S (mine S s)) (writes s Free (kept S s) S)))
| c_survives : forall x s c e, seen S = None -> own S (seg s) = Some x -> slot S s = Live c e ->
    ~ dead S x s c -> collect S (passes s S)
| c_skip : forall s, seen S = None -> transit S (seg s) = false -> slot S s = Free ->
    collect S (passes s S)
| c_gather : forall s, seen S = None -> todo S s = true -> transit S (seg s) = true ->
    slot S s = Free -> collect S (passes s (gathers s (Datatypes.S (mine S s)) S))
| c_chain : forall x s n, own S (seg s) = Some x -> mine S s = Datatypes.S n ->
    collect S (gathers s n (lists x s (Datatypes.S (listed S x s)) S))
(* A segment in transit is done. *)
| c_home : forall g, (forall s, seg s = g -> todo S s = false) ->
    collect S (mkS (white S) (ph S) (own S) (flip S) (set (transit S) g false) (slot S) (pc S)
      (job S) (todo S) (seen S) (listed S) (mine S) (kept S))
(* The third stop: black is the new white. *)
| c_finish : forall x, job S = Major x -> ph S x = Sweeping -> quiet S x ->
    (forall s, todo S s = false /\ mine S s = 0) ->
    collect S (mkS (set (white S) x (negb (white S x))) (set (ph S) x Idle) (own S) (flip S)
      (transit S) (slot S) (pc S) Rest (todo S) (seen S) (listed S) (mine S) (kept S))
| c_done : forall y o, job S = Moving y o -> quiet S y -> (forall g, transit S g = false) ->
    (forall s, mine S s = 0) ->
    collect S (mkS (set (white S) y (negb (white S y))) (set (ph S) y Idle) (own S) (flip S)
      (transit S) (slot S) (pc S) Rest (todo S) (seen S) (listed S) (mine S) (kept S))
(* A wholly free segment goes back. Its slots have been free, or dead, since a stop of its space. So
   no operation goes on that has seen an entry there. *)
| c_release : forall x g, own S g = Some x -> (forall t s, seg s = g -> ~ about (pc S t) s) ->
    (forall s, seg s = g -> todo S s = false /\ listed S x s + mine S s = 1) ->
    collect S (mkS (white S) (ph S) (set (own S) g None) (flip S) (set (transit S) g false)
      (slot S) (pc S) (job S) (todo S) (seen S)
      (fun z s => if Nat.eq_dec (seg s) g then 0 else listed S z s)
      (fun s => if Nat.eq_dec (seg s) g then 0 else mine S s) (kept S)).

Inductive next (S S' : st) : Prop :=
| n_step : forall t, step S t S' -> next S S'
| n_collect : collect S S' -> next S S'.

Inductive run (S : st) : st -> Prop :=
| r_refl : run S S
| r_next : forall S1 S2, run S S1 -> next S1 S2 -> run S S2.

Definition first (w : nat -> bool) : st :=
  mkS w (fun _ => Idle) (fun _ => None) (fun _ => false) (fun _ => false) (fun _ => Free)
    (fun _ => Outside) Rest (fun _ => false) None (fun _ _ => 0) (fun _ => 0) (fun _ => false).

Definition reachable (S : st) : Prop := exists w, run (first w) S.

(** ** The invariant *)

Record INV (S : st) : Prop := mkI {
  (* One collection at a time. *)
  i_ph : forall x, ph S x <> Idle ->
    job S = Major x \/ (exists o, job S = Minor x o) /\ ph S x = Marking \/
    (exists o, job S = Moving x o) /\ ph S x = Sweeping;
  i_minor : forall y o, job S = Minor y o -> o <> y /\ ph S y = Marking;
  i_moving : forall y o, job S = Moving y o -> o <> y /\ ph S y = Sweeping;
  i_transit : forall g, transit S g = true ->
    exists y o, job S = Moving y o /\ own S g = Some o /\ ph S o = Idle;
  i_todo : forall s, todo S s = true ->
    (exists x, job S = Major x /\ ph S x = Sweeping /\ own S (seg s) = Some x) \/
    transit S (seg s) = true;
  (* Colors. *)
  i_live : forall s c e, slot S s = Live c e -> own S (seg s) <> None;
  i_idle : forall s c e x, slot S s = Live c e -> own S (seg s) = Some x -> ph S x = Idle ->
    transit S (seg s) = false \/ todo S s = false -> rel S s c = white S x;
  i_swept : forall s c e x, slot S s = Live c e -> own S (seg s) = Some x -> ph S x = Sweeping ->
    todo S s = false -> rel S s c <> white S x;
  i_black : forall s, kept S s = true -> exists c e, slot S s = Live c e /\
    forall x, own S (seg s) = Some x ->
      ~ dead S x s c /\ (ph S x <> Idle -> rel S s c <> white S x);
  (* What threads and the sweeper have seen. *)
  i_saw : forall t x s c e, pc S t = Saw x s c e -> own S (seg s) = Some x /\ ~ dead S x s c;
  i_seen : forall s, seen S = Some s -> todo S s = true /\ exists x c e,
    own S (seg s) = Some x /\ slot S s = Live c e /\ dead S x s c;
  (* Owners. *)
  i_listed : forall x s, 0 < listed S x s -> slot S s = Free /\ own S (seg s) = Some x /\
    listed S x s = 1 /\ mine S s = 0 /\ (forall t z, pc S t <> Holds z s) /\
    (transit S (seg s) = true -> todo S s = false);
  i_mine : forall s, 0 < mine S s -> slot S s = Free /\ own S (seg s) <> None /\ mine S s = 1 /\
    (forall t z, pc S t <> Holds z s) /\ (transit S (seg s) = true -> todo S s = false) /\
    ((exists x, job S = Major x /\ ph S x = Sweeping) \/ exists y o, job S = Moving y o);
  i_holds : forall t x s, pc S t = Holds x s -> slot S s = Free /\ own S (seg s) = Some x /\
    (forall u z, pc S u = Holds z s -> u = t) /\ (transit S (seg s) = true -> todo S s = false)
}.

Ltac sets := unfold set2, set in *; repeat match goal with
  | |- context [Nat.eq_dec ?a ?b] => destruct (Nat.eq_dec a b); subst
  | H : context [Nat.eq_dec ?a ?b] |- _ => destruct (Nat.eq_dec a b); subst
  end.

Lemma is_of_own : forall S x g, is_of S x g = true <-> own S g = Some x.
Proof.
  intros. unfold is_of. destruct (own S g) as [z|]; [destruct (Nat.eq_dec z x); subst|];
    split; congruence.
Qed.

Lemma other : forall a b : bool, a <> b -> a = negb b.
Proof. intros [] []; cbn; congruence. Qed.
Lemma not_negb : forall a : bool, negb a <> a.
Proof. intros []; cbn; congruence. Qed.

(** A live entry of an idle space that is not dead is white. *)
Lemma idle_white : forall S s c e x, INV S -> slot S s = Live c e -> own S (seg s) = Some x ->
  ~ dead S x s c -> ph S x = Idle -> rel S s c = white S x.
Proof.
  intros S s c e x I L O D P. destruct (transit S (seg s)) eqn:T.
  - destruct (bool_dec (rel S s c) (white S x)); auto. exfalso. apply D. right. auto.
  - eapply i_idle; eauto.
Qed.

(** A slot with an entry is nowhere else. *)
Lemma live_alone : forall S s c e, INV S -> slot S s = Live c e ->
  (forall x, listed S x s = 0) /\ mine S s = 0 /\ forall t z, pc S t <> Holds z s.
Proof.
  intros S s c e I L. repeat split.
  - intros x. destruct (listed S x s) eqn:E; auto.
    destruct (i_listed _ I x s); [lia|congruence].
  - destruct (mine S s) eqn:E; auto. destruct (i_mine _ I s); [lia|congruence].
  - intros t z E. destruct (i_holds _ I _ _ _ E). congruence.
Qed.

(** Nor is a slot in transit that the sweeper has yet to look at. *)
Lemma ahead_alone : forall S s, INV S -> transit S (seg s) = true -> todo S s = true ->
  (forall x, listed S x s = 0) /\ mine S s = 0 /\ forall t z, pc S t <> Holds z s.
Proof.
  intros S s I T D. repeat split.
  - intros x. destruct (listed S x s) eqn:E; auto.
    destruct (i_listed _ I x s) as (_ & _ & _ & _ & _ & A); [lia|]. rewrite A in D; congruence.
  - destruct (mine S s) eqn:E; auto.
    destruct (i_mine _ I s) as (_ & _ & _ & _ & A & _); [lia|]. rewrite A in D; congruence.
  - intros t z E. destruct (i_holds _ I _ _ _ E) as (_ & _ & _ & A). rewrite A in D; congruence.
Qed.

(** A thread goes on to another place. *)
Lemma INV_goes : forall S t q, INV S ->
  (forall x s c e, q = Saw x s c e -> own S (seg s) = Some x /\ ~ dead S x s c) ->
  (forall x s, q = Holds x s -> slot S s = Free /\ own S (seg s) = Some x /\
    (transit S (seg s) = true -> todo S s = false) /\
    (forall z, listed S z s = 0) /\ mine S s = 0 /\ forall u z, u <> t -> pc S u <> Holds z s) ->
  INV (goes t q S).
Proof.
  intros S t q I A B. destruct I. constructor; auto; cbn.
  - intros u x s c e. sets; [apply A|apply i_saw0].
  - intros x s L. destruct (i_listed0 _ _ L) as (C1 & C2 & C3 & C4 & C5 & C6).
    repeat split; auto. intros u z. sets; auto. intros ->.
    destruct (B _ _ eq_refl) as (_ & _ & _ & E & _). rewrite E in L. lia.
  - intros s L. destruct (i_mine0 _ L) as (C1 & C2 & C3 & C4 & C5 & C6).
    repeat split; auto. intros u z. sets; auto. intros ->.
    destruct (B _ _ eq_refl) as (_ & _ & _ & _ & E & _). lia.
  - intros u x s H. sets.
    + destruct (B _ _ eq_refl) as (B1 & B2 & B3 & _ & _ & B4). repeat split; auto.
      intros v z. sets; auto. intros E. exfalso. exact (B4 _ _ n E).
    + destruct (i_holds0 _ _ _ H) as (C1 & C2 & C3 & C4). repeat split; auto.
      intros v z. sets; eauto. intros ->. destruct (B _ _ eq_refl) as (_ & _ & _ & _ & _ & B4).
      exfalso. exact (B4 _ _ n H).
Qed.

Lemma INV_in : forall S t x, INV S -> INV (goes t (In x) S).
Proof. intros. apply INV_goes; auto; discriminate. Qed.

(** A thread writes a word: no dead entry's. *)
Lemma INV_writes : forall S s w k, INV S -> seen S <> Some s ->
  (k = true -> w <> Free) ->
  (w <> Free -> (forall x, listed S x s = 0) /\ mine S s = 0 /\ forall t z, pc S t <> Holds z s) ->
  (forall c e, w = Live c e -> exists x, own S (seg s) = Some x /\ ~ dead S x s c /\
    (ph S x = Idle -> rel S s c = white S x) /\
    (k = true -> ph S x <> Idle -> rel S s c <> white S x)) ->
  INV (writes s w k S).
Proof.
  intros S s w k I N K A B. destruct I. constructor; auto; cbn.
  - intros i c e. sets; eauto. intros E. destruct (B _ _ E) as (x & O & _). congruence.
  - intros i c e x. sets; eauto. intros E O P _. destruct (B _ _ E) as (z & O' & _ & Q & _).
    assert (z = x) by congruence. subst. apply Q; auto.
  - intros i c e x. sets; eauto. intros E O P _. destruct (B _ _ E) as (z & O' & D & _).
    assert (z = x) by congruence. subst. intros W. apply D. left. auto.
  - intros i. sets; [|exact (i_black0 i)]. intros ->.
    destruct w as [|c e]; [destruct (K eq_refl); auto|]. exists c, e. split; auto.
    intros x O. destruct (B _ _ eq_refl) as (z & O' & D & _ & E).
    assert (z = x) by congruence. subst. split; auto.
  - intros i E. destruct (i_seen0 _ E) as (C1 & x & c & e & C2). split; auto.
    exists x, c, e. sets; auto. congruence.
  - intros x i L. destruct (i_listed0 _ _ L) as (C1 & C). sets; auto. split; auto.
    destruct w; auto. destruct A as (A & _); [congruence|]. rewrite A in L. lia.
  - intros i L. destruct (i_mine0 _ L) as (C1 & C). sets; auto. split; auto.
    destruct w; auto. destruct A as (_ & A & _); [congruence|]. lia.
  - intros t x i H. destruct (i_holds0 _ _ _ H) as (C1 & C). sets; auto. split; auto.
    destruct w; auto. destruct A as (_ & _ & A); [congruence|]. exfalso. exact (A _ _ H).
Qed.

(** What a thread has seen alive is not what the sweeper has seen dead. *)
Lemma saw_unseen : forall S t x s c e, INV S -> pc S t = Saw x s c e -> slot S s = Live c e ->
  seen S <> Some s.
Proof.
  intros S t x s c e I P L E. destruct (i_saw _ I _ _ _ _ _ P) as [O D].
  destruct (i_seen _ I _ E) as (_ & z & d & f & O' & L' & D').
  rewrite L in L'. injection L' as <- <-. assert (z = x) by congruence. subst. auto.
Qed.
Lemma free_unseen : forall S s, INV S -> slot S s = Free -> seen S <> Some s.
Proof. intros S s I L E. destruct (i_seen _ I _ E) as (_ & x & c & e & _ & L' & _). congruence. Qed.

Lemma INV_step : forall S t S', INV S -> step S t S' -> INV S'.
Proof.
  intros S t S' I X. inversion X; subst; try (apply INV_in; auto; fail).
  - (* leave *) apply INV_goes; auto; discriminate.
  - (* see *) apply INV_goes; auto; try discriminate. intros ? ? ? ? E. injection E as <- <- <- <-.
    auto.
  - (* change *)
    destruct (i_saw _ I _ _ _ _ _ H) as [O D]. destruct (live_alone _ _ _ _ I H0) as (A1 & A2 & A3).
    apply INV_in. apply INV_writes; auto; try discriminate.
    + eapply saw_unseen; eauto.
    + intros d h E. injection E as <- <-. exists x. repeat split; auto.
      * intros. eapply idle_white; eauto.
      * intros K. destruct (i_black _ I _ K) as (d & h & L & B). rewrite H0 in L.
        injection L as <- <-. apply B; auto.
  - (* mark *)
    destruct (i_saw _ I _ _ _ _ _ H) as [O D]. destruct (live_alone _ _ _ _ I H0) as (A1 & A2 & A3).
    assert (R : rel S s (negb c) <> white S x).
    { rewrite <- H2. unfold rel. destruct c, (flip S (seg s)); discriminate. }
    apply INV_in. apply INV_writes; auto; try discriminate.
    + eapply saw_unseen; eauto.
    + intros d h E. injection E as <- <-. exists x. repeat split; auto; try congruence.
      intros [[E _]|[T _]]; [congruence|].
      destruct (i_transit _ I _ T) as (y & o & J & O' & P). congruence.
  - (* free *)
    destruct (i_saw _ I _ _ _ _ _ H) as [O D]. destruct (live_alone _ _ _ _ I H0) as (A1 & A2 & A3).
    assert (J : INV (writes s Free false S)).
    { apply INV_writes; auto; try discriminate. eapply saw_unseen; eauto. }
    apply INV_goes; auto; try discriminate. cbn. intros z i E. injection E as <- <-.
    sets; try congruence. repeat split; auto. congruence.
  - (* give *)
    destruct (i_holds _ I _ _ _ H) as (F & O & U & T).
    assert (Z : forall z, listed S z s = 0).
    { intros z. destruct (listed S z s) eqn:E; auto.
      destruct (i_listed _ I z s) as (_ & _ & _ & _ & A & _); [lia|]. destruct (A _ _ H). }
    assert (M : mine S s = 0).
    { destruct (mine S s) eqn:E; auto.
      destruct (i_mine _ I s) as (_ & _ & _ & A & _); [lia|]. destruct (A _ _ H). }
    pose proof (INV_in S t x I) as J. destruct J. constructor; auto; cbn in *.
    + intros z i L. sets; auto.
      rewrite Z. repeat split; auto. intros u z. sets; [discriminate|].
      intros E. elim n. eapply U; eauto.
  - (* take *)
    assert (L : 0 < listed S x s) by lia.
    destruct (i_listed _ I _ _ L) as (F & O & N & M & U & T).
    assert (J : INV (lists x s n S)).
    { destruct I. constructor; auto; cbn. intros z i B. sets; auto. lia. }
    apply INV_goes; auto; try discriminate. intros z i E. injection E as <- <-. cbn.
    repeat split; auto. intros z. sets; try lia. destruct (listed S z s) eqn:E; auto.
    destruct (i_listed _ I z s) as (_ & O' & _); [lia|congruence].
  - (* publish *)
    destruct (i_holds _ I _ _ _ H) as (F & O & U & T).
    change (INV (writes s (Live (xorb (fresh S x) (flip S (seg s))) e) (in_cycle (ph S x))
      (goes t (In x) S))).
    assert (R : rel S s (xorb (fresh S x) (flip S (seg s))) = fresh S x).
    { unfold rel. destruct (fresh S x), (flip S (seg s)); auto. }
    apply INV_writes; [apply INV_in; auto|..]; try discriminate.
    + apply (free_unseen S s I F).
    + intros _. cbn. repeat split.
      * intros z. destruct (listed S z s) eqn:E; auto.
        destruct (i_listed _ I z s) as (_ & _ & _ & _ & A & _); [lia|]. destruct (A _ _ H).
      * destruct (mine S s) eqn:E; auto.
        destruct (i_mine _ I s) as (_ & _ & _ & A & _); [lia|]. destruct (A _ _ H).
      * intros u z. sets; [discriminate|]. intros E. elim n. eapply U; eauto.
    + intros c h E. injection E as <- <-. exists x.
      change (own S (seg s) = Some x /\ ~ dead S x s (xorb (fresh S x) (flip S (seg s))) /\
        (ph S x = Idle -> rel S s (xorb (fresh S x) (flip S (seg s))) = white S x) /\
        (in_cycle (ph S x) = true -> ph S x <> Idle ->
          rel S s (xorb (fresh S x) (flip S (seg s))) <> white S x)).
      unfold dead. rewrite R. unfold fresh. repeat split; auto.
      * intros [[P E]|[V E]].
        -- rewrite P in E. exact (not_negb _ E).
        -- destruct (i_transit _ I _ V) as (y & o & _ & O' & P). assert (o = x) by congruence.
           subst. rewrite P in E. auto.
      * intros ->. auto.
      * intros _ P. destruct (ph S x); try congruence; apply not_negb.
  - (* lease *)
    assert (E : forall s z, own S (seg s) = Some z -> seg s <> g) by congruence.
    assert (F : forall s, seg s = g -> slot S s = Free /\ (forall z, listed S z s = 0) /\
      mine S s = 0 /\ forall u z, pc S u <> Holds z s).
    { intros s G. repeat split.
      - destruct (slot S s) eqn:L; auto. pose proof (i_live _ I _ _ _ L). congruence.
      - intros z. destruct (listed S z s) eqn:L; auto.
        destruct (i_listed _ I z s) as (_ & O' & _); [lia|congruence].
      - destruct (mine S s) eqn:L; auto. destruct (i_mine _ I s) as (_ & O' & _); [lia|congruence].
      - intros u z L. destruct (i_holds _ I _ _ _ L) as (_ & O' & _). congruence. }
    assert (NS : forall s, seg s = g -> seen S <> Some s).
    { intros s G. apply free_unseen; auto. apply F; auto. }
    unfold dead, rel in *.
    destruct I. constructor; auto; unfold dead, rel in *; cbn.
    + intros h T. destruct (i_transit0 _ T) as (y & o & J & O & P). exists y, o. sets; auto.
      congruence.
    + intros s T. destruct (i_todo0 _ T) as [(y & J & P & O)|O]; auto.
      left. exists y. sets; auto. congruence.
    + intros s c e L. sets; eauto. congruence.
    + intros s c e z L. sets; eauto. destruct (F s) as (F' & _); congruence.
    + intros s c e z L. sets; eauto. destruct (F s) as (F' & _); congruence.
    + intros s K. destruct (i_black0 _ K) as (c & e & L & B). exists c, e. split; auto. sets; auto.
      destruct (F s) as (F' & _); congruence.
    + intros u z s c e P. destruct (i_saw0 _ _ _ _ _ P) as (O & D). sets; auto. congruence.
    + intros s D. pose proof (NS s) as NS. destruct (i_seen0 _ D) as (T & z & c & e & O & R).
      split; auto. exists z, c, e. sets; auto. destruct NS; auto.
    + intros z s L. destruct (Nat.eq_dec z x).
      * subst z. destruct (Nat.eq_dec (seg s) g).
        -- destruct (F s) as (F1 & F2 & F3 & F4); auto. rewrite F2. repeat split; auto.
           ++ subst g. sets; congruence.
           ++ intros T. destruct (i_transit0 _ T) as (y & o & J & O & P). congruence.
        -- destruct (i_listed0 _ _ L) as (C1 & C2 & C3). split; auto. sets; auto.
      * destruct (i_listed0 _ _ L) as (C1 & C2 & C3). split; auto. sets; auto. congruence.
    + intros s L. destruct (i_mine0 _ L) as (C1 & C2 & C3). split; auto. sets; auto.
    + intros u z s L. destruct (i_holds0 _ _ _ L) as (C1 & C2 & C3). split; auto. sets; auto.
      congruence.
Qed.

(** What the sweeper does with one slot. *)
Lemma INV_passes : forall S s, INV S ->
  (forall c e x, slot S s = Live c e -> own S (seg s) = Some x -> ~ dead S x s c) ->
  INV (passes s S).
Proof.
  intros S s I A. destruct I. constructor; auto; cbn; try discriminate.
  - intros i. sets; [discriminate|apply i_todo0].
  - intros i c e x L O P [T|T]; [eapply i_idle0; eauto|]. sets; [|eapply i_idle0; eauto].
    destruct (transit S (seg s)) eqn:V; [|eapply i_idle0; eauto].
    destruct (bool_dec (rel S s c) (white S x)); auto. exfalso. eapply A; eauto. right. auto.
  - intros i c e x L O P. sets; [|eapply i_swept0; eauto].
    intros _ W. eapply A; eauto. left. auto.
  - intros x i L. destruct (i_listed0 _ _ L) as (C1 & C2 & C3 & C4 & C5 & C6).
    repeat split; auto. sets; auto.
  - intros i L. destruct (i_mine0 _ L) as (C1 & C2 & C3 & C4 & C5 & C6).
    repeat split; auto. sets; auto.
  - intros t x i L. destruct (i_holds0 _ _ _ L) as (C1 & C2 & C3 & C4).
    repeat split; auto. sets; auto.
Qed.

Ltac busy I := exfalso; repeat match goal with
  | H : ph _ ?x <> Idle |- _ => apply (i_ph _ I) in H; destruct H as [H|[[[? H] ?]|[[? H] ?]]]
  | H : transit _ _ = true |- _ => apply (i_transit _ I) in H; destruct H as (? & ? & H & _)
  | H : todo _ _ = true |- _ => apply (i_todo _ I) in H; destruct H as [(? & H & ? & _)|H]
  end; congruence.

Lemma INV_collect : forall S S', INV S -> collect S S' -> INV S'.
Proof.
  intros S S' I X. inversion X; subst.
  - (* begin *)
    assert (J : forall g, transit S g = false).
    { intros g. destruct (transit S g) eqn:T; auto. busy I. }
    assert (D : forall s, todo S s = false).
    { intros s. destruct (todo S s) eqn:T; auto. busy I. }
    assert (M : forall s, mine S s = 0).
    { intros s. destruct (mine S s) eqn:E; auto.
      destruct (i_mine _ I s) as (_ & _ & _ & _ & _ & [(y & A & _)|(y & o & A)]); [lia|..];
        congruence. }
    assert (P : forall z, ph S z = Idle).
    { intros z. destruct (ph S z) eqn:E; auto; assert (F : ph S z <> Idle) by congruence; busy I. }
    destruct I. constructor; auto; unfold dead, rel in *; cbn; try discriminate.
    + intros z. sets; [|congruence]. destruct H1 as [-> |(o & -> & _)]; eauto.
    + intros y o ->. destruct H1 as [E|(v & E & N)]; [discriminate|]. injection E as -> ->.
      sets; auto. congruence.
    + intros y o ->. destruct H1 as [E|(v & E & N)]; discriminate.
    + intros g T. rewrite J in T. discriminate.
    + intros s T. rewrite D in T. discriminate.
    + intros s c e z L O. sets; [discriminate|]. eauto.
    + intros s c e z L O. sets; [discriminate|]. rewrite P. discriminate.
    + intros t z s c e E. destruct (i_saw0 _ _ _ _ _ E) as (O & A). split; auto.
      sets; auto. destruct (H0 t). rewrite E. cbn. auto.
    + intros s E. destruct (i_seen0 _ E) as (T & _). rewrite D in T. discriminate.
    + intros s L. rewrite M in L. lia.
  - (* sweep *)
    assert (J : forall g, transit S g = false).
    { intros g. destruct (transit S g) eqn:T; auto. busy I. }
    assert (D : forall s, todo S s = false).
    { intros s. destruct (todo S s) eqn:T; auto. busy I. }
    assert (P : forall z, z <> x -> ph S z = Idle).
    { intros z N. destruct (ph S z) eqn:E; auto; assert (F : ph S z <> Idle) by congruence;
        busy I. }
    destruct I. constructor; auto; unfold dead, rel in *; cbn.
    + intros z. sets; auto.
    + intros y o E. congruence.
    + intros y o E. congruence.
    + intros g T. rewrite J in T. discriminate.
    + intros s T. apply is_of_own in T. left. exists x. sets; auto. congruence.
    + intros s c e z L O. sets; [discriminate|]. eauto.
    + intros s c e z L O. sets; [|rewrite P; auto; discriminate]. intros _ T.
      apply is_of_own in O. congruence.
    + intros s K. destruct (i_black0 _ K) as (c & e & L & B). exists c, e. split; auto.
      intros z O. destruct (B _ O) as [B1 B2]. sets; auto. rewrite J.
      assert (Q : xorb c (flip S (seg s)) <> white S x) by (apply B2; congruence).
      split; auto. intros [[_ W]|[W _]]; auto. discriminate.
    + intros t z s c e E. destruct (i_saw0 _ _ _ _ _ E) as (O & A). split; auto.
      sets; auto. destruct (H1 t). rewrite E. cbn. auto.
    + intros s E. destruct (i_seen0 _ E) as (T & _). rewrite D in T. discriminate.
    + intros z s L. destruct (i_listed0 _ _ L) as (C1 & C2 & C3 & C4 & C5 & C6).
      repeat split; auto. rewrite J. discriminate.
    + intros s L. destruct (i_mine0 _ L) as (C1 & C2 & C3 & C4 & C5 & C6).
      repeat split; auto; [rewrite J; discriminate|]. left. exists x. sets; auto. congruence.
    + intros t z s L. destruct (i_holds0 _ _ _ L) as (C1 & C2 & C3 & C4). repeat split; auto.
      rewrite J. discriminate.
  - (* move *)
    destruct (i_minor _ I _ _ H) as [N M].
    assert (J : forall g, transit S g = false).
    { intros g. destruct (transit S g) eqn:T; auto. busy I. }
    assert (D : forall s, todo S s = false).
    { intros s. destruct (todo S s) eqn:T; auto. busy I. }
    assert (P : forall z, z <> y -> ph S z = Idle).
    { intros z V. destruct (ph S z) eqn:E; auto; assert (F : ph S z <> Idle) by congruence;
        busy I. }
    assert (Q : forall g z, own S g = Some z -> z <> y -> is_of S y g = false).
    { intros g z O V. destruct (is_of S y g) eqn:E; auto. apply is_of_own in E. congruence. }
    destruct I. constructor; unfold dead, rel in *; cbn; auto; try discriminate.
    + intros z. sets; eauto. intros V. destruct V; auto.
    + intros v u E. injection E as <- <-. sets; auto. congruence.
    + intros g. destruct (is_of S y g); [|rewrite J; discriminate]. intros _.
      exists y, o. sets; auto; congruence.
    + intros s ->. auto.
    + intros s c e L. destruct (is_of S y (seg s)); eauto. discriminate.
    + intros s c e x L. destruct (is_of S y (seg s)) eqn:E.
      * intros _ _ [T|T]; discriminate.
      * intros O _ _. assert (x <> y) by (intros ->; apply is_of_own in O; congruence).
        eapply i_idle0; eauto.
    + intros s c e x L O. sets; [|rewrite P; auto; discriminate]. exfalso.
      destruct (is_of S y (seg s)) eqn:E; [congruence|]. apply is_of_own in O. congruence.
    + intros s K. destruct (i_black0 _ K) as (c & e & L & B). exists c, e. split; auto.
      intros x. destruct (is_of S y (seg s)) eqn:E.
      * intros O. injection O as <-. apply is_of_own in E. destruct (B _ E) as [_ B2].
        assert (R := other _ _ (B2 ltac:(congruence))).
        assert (R' : xorb c (xorb (flip S (seg s)) (xorb (negb (white S y)) (white S o))) =
          white S o).
        { rewrite <- xorb_assoc, R, <- xorb_assoc, xorb_nilpotent. apply xorb_false_l. }
        rewrite R'. sets; [congruence|]. rewrite P by auto.
        split; [|congruence]. intros [[W _]|[_ W]]; congruence.
      * intros O. assert (x <> y) by (intros ->; apply is_of_own in O; congruence).
        destruct (B _ O) as [B1 B2]. sets; auto; congruence.
    + intros t x s c e E. destruct (i_saw0 _ _ _ _ _ E) as (O & A).
      assert (x <> y) by (intros ->; apply (H0 t); rewrite E; cbn; auto).
      rewrite (Q _ _ O); auto. split; auto. sets; auto.
    + intros s E. destruct (i_seen0 _ E) as (T & _). rewrite D in T. discriminate.
    + intros x s. sets; [lia|]. intros L.
      destruct (i_listed0 _ _ L) as (C1 & C2 & C3 & C4 & C5 & C6).
      rewrite (Q _ _ C2); auto. repeat split; auto.
    + intros s L. destruct (i_mine0 _ L) as (_ & _ & _ & _ & _ & [(x & A & _)|(x & v & A)]);
        congruence.
    + intros t x s L. destruct (i_holds0 _ _ _ L) as (C1 & C2 & C3 & C4).
      assert (x <> y) by (intros ->; apply (H0 t); rewrite L; cbn; auto).
      rewrite (Q _ _ C2); auto.
  - (* look *)
    destruct I. constructor; auto. cbn. intros i E. injection E as <-. split; auto.
    exists x, c, e. auto.
  - (* store *)
    destruct (i_seen _ I _ H) as (T & x & c & e & O & L & D).
    destruct (live_alone _ _ _ _ I L) as (A1 & A2 & A3).
    assert (K : kept S s = false).
    { destruct (kept S s) eqn:K; auto. destruct (i_black _ I _ K) as (d & f & L' & B).
      rewrite L in L'. injection L' as <- <-. destruct (B _ O). contradiction. }
    assert (W : (exists x, job S = Major x /\ ph S x = Sweeping) \/ exists y o, job S = Moving y o).
    { destruct (i_todo _ I _ T) as [(z & Q & Q' & _)|Q]; [left; eauto|].
      destruct (i_transit _ I _ Q) as (y & o & Q' & _). eauto. }
    destruct I. constructor; unfold dead, rel in *; cbn; auto; try discriminate.
    + intros i. sets; [discriminate|]. apply i_todo0.
    + intros i d f. sets; [discriminate|]. apply i_live0.
    + intros i d f z. sets; [discriminate|]. apply i_idle0.
    + intros i d f z. sets; [discriminate|]. apply i_swept0.
    + intros i. sets; [congruence|]. apply i_black0.
    + intros z i V. destruct (i_listed0 _ _ V) as (C1 & C2 & C3 & C4 & C5 & C6).
      sets; [rewrite A1 in V; lia|]. repeat split; auto.
    + intros i V. sets; [|auto]. rewrite A2. repeat split; auto. congruence.
    + intros t z i V. destruct (i_holds0 _ _ _ V) as (C1 & C2 & C3 & C4). sets.
      * destruct (A3 _ _ V).
      * repeat split; auto.
  - (* survives *)
    apply INV_passes; auto. intros d f z L O. rewrite H1 in L. injection L as <- <-. congruence.
  - (* skip *) apply INV_passes; auto. congruence.
  - (* gather *)
    destruct (ahead_alone _ _ I H1 H0) as (A1 & A2 & A3).
    assert (V : exists y o, job S = Moving y o /\ own S (seg s) = Some o).
    { destruct (i_transit _ I _ H1) as (y & o & Q & O & _). eauto. }
    destruct V as (y & o & V & O).
    destruct I. constructor; unfold dead, rel in *; cbn; auto; try discriminate.
    + intros i. sets; [discriminate|]. apply i_todo0.
    + intros i d f z L. sets; [congruence|]. eauto.
    + intros i d f z L. sets; [congruence|]. eauto.
    + intros z i W. destruct (i_listed0 _ _ W) as (C1 & C2 & C3 & C4 & C5 & C6).
      sets; [rewrite A1 in W; lia|]. repeat split; auto.
    + intros i W. sets; [|auto]. rewrite A2. repeat split; eauto. congruence.
    + intros t z i W. destruct (i_holds0 _ _ _ W) as (C1 & C2 & C3 & C4). sets.
      * destruct (A3 _ _ W).
      * repeat split; auto.
  - (* chain *)
    destruct (i_mine _ I s) as (F & _ & N & U & T & W); [lia|].
    assert (Z : forall z, listed S z s = 0).
    { intros z. destruct (listed S z s) eqn:E; auto.
      destruct (i_listed _ I z s) as (_ & _ & _ & M & _); lia. }
    destruct I. constructor; auto; cbn.
    + intros z i L. sets.
      * rewrite Z. assert (n = 0) by lia. repeat split; auto.
      * destruct (i_listed0 _ _ L) as (C1 & C2 & C3 & C4 & C5 & C6). repeat split; auto.
      * rewrite Z in L. lia.
      * auto.
    + intros i L. sets; [lia|auto].
  - (* home *)
    destruct I. constructor; auto; unfold dead, rel in *; cbn.
    + intros h. sets; [discriminate|]. auto.
    + intros s T. destruct (i_todo0 _ T) as [Q|Q]; auto. right. sets; auto.
      rewrite H in T; auto; discriminate.
    + intros s c e x L O P T. eapply i_idle0; eauto. sets; auto.
    + intros s K. destruct (i_black0 _ K) as (c & e & L & B). exists c, e. split; auto.
      intros x O. destruct (B _ O) as [B1 B2]. split; auto. sets; auto.
      intros [W|[W _]]; [tauto|discriminate].
    + intros t x s c e E. destruct (i_saw0 _ _ _ _ _ E) as (O & A). split; auto.
      sets; auto. intros [W|[W _]]; [tauto|discriminate].
    + intros s E. destruct (i_seen0 _ E) as (T & x & c & e & C). split; auto. exists x, c, e.
      sets; auto. rewrite H in T; auto; discriminate.
    + intros x s L. destruct (i_listed0 _ _ L) as (C1 & C2 & C3 & C4 & C5 & C6).
      repeat split; auto. sets; auto.
    + intros s L. destruct (i_mine0 _ L) as (C1 & C2 & C3 & C4 & C5 & C6).
      repeat split; auto. sets; auto.
    + intros t x s L. destruct (i_holds0 _ _ _ L) as (C1 & C2 & C3 & C4).
      repeat split; auto. sets; auto.
  - (* finish *)
    assert (J : forall g, transit S g = false).
    { intros g. destruct (transit S g) eqn:T; auto. busy I. }
    assert (P : forall z, z <> x -> ph S z = Idle).
    { intros z N. destruct (ph S z) eqn:E; auto; assert (F : ph S z <> Idle) by congruence;
        busy I. }
    destruct I. constructor; auto; unfold dead, rel in *; cbn; try discriminate.
    + intros z. sets; [congruence|]. intros V. destruct V; auto.
    + intros g T. rewrite J in T. discriminate.
    + intros s T. destruct (H2 s). congruence.
    + intros s c e z L O. sets; eauto. intros _ _. apply other. eapply i_swept0; eauto. apply H2.
    + intros s c e z L O. sets; [discriminate|]. rewrite P; auto. discriminate.
    + intros s K. destruct (i_black0 _ K) as (c & e & L & B). exists c, e. split; auto.
      intros z O. destruct (B _ O) as [B1 B2]. rewrite J. sets; auto.
      * split; [|congruence]. intros [[W _]|[W _]]; congruence.
      * split; auto. intros [[W _]|[W _]]; [|congruence]. rewrite P in W; auto. discriminate.
    + intros t z s c e E. destruct (i_saw0 _ _ _ _ _ E) as (O & A). split; auto.
      sets; auto. destruct (H1 t). rewrite E. cbn. auto.
    + intros s E. destruct (i_seen0 _ E) as (T & _). destruct (H2 s). congruence.
    + intros s L. destruct (H2 s). lia.
  - (* done *)
    destruct (i_moving _ I _ _ H) as [N M].
    assert (P : forall z, z <> y -> ph S z = Idle).
    { intros z V. destruct (ph S z) eqn:E; auto; assert (F : ph S z <> Idle) by congruence;
        busy I. }
    assert (D : forall s, todo S s = false).
    { intros s. destruct (todo S s) eqn:T; auto. destruct (i_todo _ I _ T) as [(z & Q & _)|Q];
        congruence. }
    destruct I. constructor; auto; unfold dead, rel in *; cbn; try discriminate.
    + intros z. sets; [congruence|]. intros V. destruct V; auto.
    + intros g T. congruence.
    + intros s T. congruence.
    + intros s c e z L O. sets; eauto. intros _ _. apply other. eapply i_swept0; eauto.
    + intros s c e z L O. sets; [discriminate|]. rewrite P; auto. discriminate.
    + intros s K. destruct (i_black0 _ K) as (c & e & L & B). exists c, e. split; auto.
      intros z O. destruct (B _ O) as [B1 B2]. rewrite H1. sets; auto.
      * split; [|congruence]. intros [[W _]|[W _]]; congruence.
      * split; auto. intros [[W _]|[W _]]; [|congruence]. rewrite P in W; auto. discriminate.
    + intros t z s c e E. destruct (i_saw0 _ _ _ _ _ E) as (O & A). split; auto.
      sets; auto. destruct (H0 t). rewrite E. cbn. auto.
    + intros s E. destruct (i_seen0 _ E) as (T & _). congruence.
    + intros s L. rewrite H2 in L. lia.
  - (* release *)
    assert (F : forall s, seg s = g -> slot S s = Free /\ forall u z, pc S u <> Holds z s).
    { intros s G. destruct (H1 s G) as [_ A]. destruct (listed S x s) eqn:E.
      - destruct (i_mine _ I s) as (A1 & _ & _ & A2 & _); [lia|]. auto.
      - destruct (i_listed _ I x s) as (A1 & _ & _ & _ & A2 & _); [lia|]. auto. }
    assert (NS : forall s, seg s = g -> seen S <> Some s).
    { intros s G. apply free_unseen; auto. apply F; auto. }
    destruct I. constructor; auto; unfold dead, rel in *; cbn.
    + intros h. sets; [discriminate|]. auto.
    + intros s T. destruct (Nat.eq_dec (seg s) g); [destruct (H1 s); congruence|].
      sets; auto.
    + intros s c e L. sets; eauto. destruct (F s); congruence.
    + intros s c e z L. sets; eauto. discriminate.
    + intros s c e z L. sets; eauto. discriminate.
    + intros s K. destruct (i_black0 _ K) as (c & e & L & B). exists c, e. split; auto.
      intros z. sets; [discriminate|]. apply B.
    + intros t z s c e E. destruct (i_saw0 _ _ _ _ _ E) as (O & A).
      destruct (Nat.eq_dec (seg s) g).
      * destruct (H0 t s); auto. rewrite E. cbn. auto.
      * sets; auto. congruence.
    + intros s E. destruct (i_seen0 _ E) as (T & z & c & e & C). split; auto. exists z, c, e.
      destruct (Nat.eq_dec (seg s) g); [destruct (NS s); auto|]. sets; auto. congruence.
    + intros z s L. destruct (Nat.eq_dec (seg s) g); [lia|].
      destruct (i_listed0 _ _ L) as (C1 & C2 & C3 & C4 & C5 & C6).
      repeat split; auto; sets; auto; congruence.
    + intros s L. destruct (Nat.eq_dec (seg s) g); [lia|].
      destruct (i_mine0 _ L) as (C1 & C2 & C3 & C4 & C5 & C6).
      repeat split; auto; sets; auto; congruence.
    + intros t z s L. destruct (Nat.eq_dec (seg s) g).
      { destruct (F s) as [_ U]; auto. destruct (U _ _ L). }
      destruct (i_holds0 _ _ _ L) as (C1 & C2 & C3 & C4).
      repeat split; auto; sets; auto; congruence.
Qed.

Lemma INV_first : forall w, INV (first w).
Proof.
  intros w. constructor; cbn; intros; try congruence; try contradiction; try lia; auto.
Qed.

Lemma INV_next : forall S S', INV S -> next S S' -> INV S'.
Proof. intros S S' I [t X|X]; [eapply INV_step|eapply INV_collect]; eauto. Qed.

Lemma INV_run : forall S S', INV S -> run S S' -> INV S'.
Proof. intros S S' I R. induction R; auto. eapply INV_next; eauto. Qed.

Lemma INV_reachable : forall S, reachable S -> INV S.
Proof. intros S (w & R). eapply INV_run; eauto. apply INV_first. Qed.

(** ** Marks *)

(** A thread frees slot [s] by hand in this step. *)
Definition frees (s : nat) (S S' : st) : Prop :=
  slot S s <> Free /\ slot S' s = Free /\ exists t x, pc S' t = Holds x s.

(** The steps of one cycle in which no thread frees slot [s] by hand. *)
Inductive cycle (s : nat) (S : st) : st -> Prop :=
| y_refl : cycle s S S
| y_next : forall S1 S2, cycle s S S1 -> next S1 S2 -> ~ frees s S1 S2 ->
    (job S1 = Rest -> job S2 = Rest) -> cycle s S S2.

(** The winner of the compare-and-swap, and a thread that allocates in a cycle, note it. *)
Theorem marked_is_kept : forall S t S' x s c e, step S t S' -> pc S t = Saw x s c e ->
  slot S' s = Live (negb c) e -> slot S s <> Live (negb c) e -> kept S' s = true.
Proof.
  intros S t S' x s c e X P L N. inversion X; subst; cbn in *; try congruence;
    rewrite P in H; injection H as <- <- <- <-; sets; try congruence.
Qed.

Theorem allocated_is_kept : forall S t S' x s e, step S t S' -> pc S t = Holds x s ->
  slot S s = Free -> slot S' s = Live (xorb (fresh S x) (flip S (seg s))) e -> ph S x <> Idle ->
  kept S' s = true.
Proof.
  intros S t S' x s e X P F L N. inversion X; subst; cbn in *; try congruence;
    rewrite P in H; injection H as <- <-; sets; try congruence.
  destruct (ph S x); auto.
Qed.

Lemma kept_next : forall S S' s, INV S -> next S S' -> kept S s = true -> ~ frees s S S' ->
  (job S = Rest -> job S' = Rest) -> kept S' s = true.
Proof.
  intros S S' s I [t X|X] K N J; inversion X; subst; cbn in *; auto; sets; auto.
  - (* free *) elim N. split; [cbn; congruence|]. split; cbn; [sets; congruence|].
    exists t, x. sets; congruence.
  - (* publish *) destruct (i_black _ I _ K) as (c & f & L & _).
    destruct (i_holds _ I _ _ _ H). congruence.
  - (* begin *) rewrite J in H1; auto. destruct H1 as [H1|(o & H1 & _)]; discriminate.
Qed.

(** What was marked, or allocated since marking began, is there and black until the sweep has
    passed, whatever is set, zapped, or published concurrently. In a segment in transit, and after
    the sweep, it is white. *)
Theorem a_mark_is_never_lost : forall S S' s, reachable S -> kept S s = true -> cycle s S S' ->
  exists x c e, slot S' s = Live c e /\ own S' (seg s) = Some x /\
    match ph S' x with Idle => rel S' s c = white S' x | _ => rel S' s c = negb (white S' x) end.
Proof.
  intros S S' s R K C. assert (A : INV S' /\ kept S' s = true).
  { induction C as [|S1 S2 C [I K1] X N J]; [split; auto; apply INV_reachable; auto|].
    split; [eapply INV_next; eauto|eapply kept_next; eauto]. }
  destruct A as [I K']. destruct (i_black _ I _ K') as (c & e & L & B).
  destruct (own S' (seg s)) as [x|] eqn:O; [|destruct (i_live _ I _ _ _ L O)].
  exists x, c, e. split; auto. split; auto. destruct (B _ eq_refl) as [D W].
  destruct (ph S' x) eqn:P; try (apply other; apply W; congruence).
  eapply idle_white; eauto.
Qed.

(** The sweeper frees nothing that was marked, or allocated since marking began. *)
Theorem the_marked_survive : forall S s, reachable S -> seen S = Some s -> kept S s = false.
Proof.
  intros S s R E. assert (I := INV_reachable S R).
  destruct (kept S s) eqn:K; auto. destruct (i_black _ I _ K) as (c & e & L & B).
  destruct (i_seen _ I _ E) as (_ & x & d & f & O & L' & D). rewrite L in L'.
  injection L' as <- <-. destruct (B _ O). contradiction.
Qed.

(** ** Owners *)

(** The sweeper's plain store replaces the word that it has seen: still there, and dead. *)
Theorem replaces_what_is_dead : forall S s, reachable S -> seen S = Some s ->
  exists x c e, own S (seg s) = Some x /\ slot S s = Live c e /\ dead S x s c.
Proof. intros S s R E. apply (i_seen _ (INV_reachable S R) _ E). Qed.

(** No operation changes a dead entry, nor is about to. *)
Theorem the_dead_are_left_alone : forall S t S' x s c e, reachable S -> slot S s = Live c e ->
  own S (seg s) = Some x -> dead S x s c ->
  (step S t S' -> slot S' s = Live c e) /\ forall z d f, pc S t = Saw z s d f -> d <> c.
Proof.
  intros S t S' x s c e R L O D. assert (I := INV_reachable S R).
  assert (A : forall z d f, pc S t = Saw z s d f -> d <> c).
  { intros z d f P ->. destruct (i_saw _ I _ _ _ _ _ P) as [O' N].
    assert (z = x) by congruence. subst. auto. }
  split; auto. intros X. inversion X; subst; cbn; auto; sets; auto;
    try (exfalso; rewrite H0 in L; injection L as -> ->; eapply A; eauto; fail).
  destruct (i_holds _ I _ _ _ H). congruence.
Qed.

(** No slot has two owners: an entry, a space's lists, the sweeper's chains, or one thread. *)
Theorem one_owner : forall S s, reachable S ->
  (slot S s <> Free -> (forall x, listed S x s = 0) /\ mine S s = 0 /\
    forall t x, pc S t <> Holds x s) /\
  (forall x, 0 < listed S x s -> listed S x s = 1 /\ (forall z, z <> x -> listed S z s = 0) /\
    mine S s = 0 /\ forall t z, pc S t <> Holds z s) /\
  (0 < mine S s -> mine S s = 1 /\ forall t x, pc S t <> Holds x s) /\
  (forall t u x z, pc S t = Holds x s -> pc S u = Holds z s -> t = u).
Proof.
  intros S s R. assert (I := INV_reachable S R). repeat apply conj.
  - intros L. destruct (slot S s) as [|c e] eqn:E; [congruence|]. eapply live_alone; eauto.
  - intros x L. destruct (i_listed _ I _ _ L) as (_ & O & N & M & U & _). repeat split; auto.
    intros z V. destruct (listed S z s) eqn:E; auto.
    destruct (i_listed _ I z s) as (_ & O' & _); [lia|congruence].
  - intros L. destruct (i_mine _ I _ L) as (_ & _ & N & U & _). auto.
  - intros t u x z A B. destruct (i_holds _ I _ _ _ A) as (_ & _ & U & _). symmetry. eauto.
Qed.

(** A thread that owns a slot is inside an operation of the space that has the slot's segment. *)
Theorem owners_are_inside : forall S t x s, reachable S -> pc S t = Holds x s ->
  own S (seg s) = Some x.
Proof. intros S t x s R P. apply (i_holds _ (INV_reachable S R) _ _ _ P). Qed.

(** ** Colors *)

(** Between collections all entries of a space are white. No word was cleared. *)
Theorem all_are_white_again : forall S x s c e, reachable S -> ph S x = Idle ->
  own S (seg s) = Some x -> transit S (seg s) = false -> slot S s = Live c e ->
  rel S s c = white S x.
Proof. intros S x s c e R P O T L. eapply (i_idle _ (INV_reachable S R)); eauto. Qed.

(** Right after the stop of a minor sweep each entry has its handle and its word. Those that were
    marked are white in the old space, by the flip bit, and the others dead. *)
Theorem survivors_stay : forall S S' y o s c e, reachable S -> collect S S' ->
  job S = Minor y o -> job S' = Moving y o -> own S (seg s) = Some y -> slot S s = Live c e ->
  slot S' s = Live c e /\ own S' (seg s) = Some o /\
  (rel S s c <> white S y -> rel S' s c = white S' o /\ ~ dead S' o s c) /\
  (rel S s c = white S y -> dead S' o s c).
Proof.
  intros S S' y o s c e R X J J' O L. assert (I := INV_reachable S R).
  inversion X; subst; cbn in J'; try congruence.
  assert (z : y0 = y) by congruence. subst y0. assert (o0 = o) by congruence. subst o0.
  destruct (i_minor _ I _ _ J) as [N M]. apply is_of_own in O.
  assert (P : ph S o <> Sweeping).
  { intros P. destruct (i_ph _ I o) as [E|[[(v & E) _]|[(v & E) _]]]; congruence. }
  unfold dead, rel; cbn. rewrite O. repeat split; auto.
  - apply other in H1. rewrite <- xorb_assoc, H1, <- xorb_assoc, xorb_nilpotent.
    apply xorb_false_l.
  - apply other in H1. rewrite <- xorb_assoc, H1, <- xorb_assoc, xorb_nilpotent, xorb_false_l.
    sets; [congruence|]. intros [[E _]|[_ E]]; congruence.
  - intros E. right. split; auto. rewrite <- xorb_assoc, E, <- xorb_assoc.
    destruct (white S y), (white S o); discriminate.
Qed.
End table.
