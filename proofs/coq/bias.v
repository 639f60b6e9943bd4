(** * The bias: which participant changes live words by plain stores

    The words of the ranges, the phase of the table, sequences, and how all are restarted: the
    parts of [src/bias/]. A file of its own. It knows no chain and no store, and its memory is
    sequentially consistent: each step below sees what all earlier ones did.

    A participant inside an operation makes these steps in any order, on any slots. What holds for
    all orders holds for that of the functions in [src/]. A *change* replaces the word of a live
    slot by any other: a free slot's, or another entry's.

    The kernel's part is [s_restart]: a participant that it interrupts inside a sequence is outside
    of it, and has stored nothing. The participants are interrupted one after the other. *)

From Coq Require Import Arith Lia.

Inductive kind := Biased | Revoking | Shared.

(** The word of a range: of which epoch, which kind, and toward which number. A shared one is of
    the last epoch in which it stays so. *)
Record rword := mkW { since : nat; how : kind; toward : nat }.

(** Where a participant is. *)
Inductive place :=
| Idle                      (* outside any operation *)
| Work                      (* inside one *)
| Begun (s : nat)           (* in a sequence for slot [s] *)
| Checked (s : nat)         (* and has seen that the phase is *biased* *)
| Armed (s : nat)           (* and that the range is biased toward it *)
| Ready (s v : nat)         (* and that the slot is live, with its word number [v]: stores next *)
| Saw (s : nat)             (* has seen *shared* for slot [s] *)
| Restart (r k : nat)       (* BB for range [r]: has interrupted the participants below [k] *)
| RestartAll (k : nat).     (* BB for all ranges *)

Record st := mkS {
  epoch : nat;
  all : kind;                 (* the phase, with the epoch *)
  range : nat -> rword;
  slot : nat -> option nat;   (* the word of a slot: an entry, or free *)
  pc : nat -> place;
  ver : nat -> nat;           (* ghost: how many words slot [s] has had before this one *)
  won : nat -> nat -> nat     (* ghost: the changes that have replaced word [v] of slot [s] *)
}.

Definition set {A} (f : nat -> A) (k : nat) (a : A) : nat -> A :=
  fun j => if Nat.eq_dec j k then a else f j.

Definition goes (t : nat) (p : place) (S : st) : st :=
  mkS (epoch S) (all S) (range S) (slot S) (set (pc S) t p) (ver S) (won S).
Definition ranges (r : nat) (w : rword) (S : st) : st :=
  mkS (epoch S) (all S) (set (range S) r w) (slot S) (pc S) (ver S) (won S).
Definition phase (k : kind) (S : st) : st :=
  mkS (epoch S) k (range S) (slot S) (pc S) (ver S) (won S).
Definition writes (s : nat) (w : option nat) (S : st) : st :=
  mkS (epoch S) (all S) (range S) (set (slot S) s w) (pc S) (set (ver S) s (Datatypes.S (ver S s)))
    (won S).
Definition wins (s v : nat) (S : st) : st :=
  mkS (epoch S) (all S) (range S) (slot S) (pc S) (ver S)
    (set (won S) s (set (won S s) v (Datatypes.S (won S s v)))).

(** In a sequence, and which of its comparisons have been made. *)
Definition in_sequence (p : place) : Prop :=
  match p with Begun _ | Checked _ | Armed _ | Ready _ _ => True | _ => False end.
Definition in_phase (p : place) : Prop :=
  match p with Checked _ | Armed _ | Ready _ _ => True | _ => False end.
Definition armed (p : place) (s : nat) : Prop :=
  match p with Armed i | Ready i _ => i = s | _ => False end.

(** What the kernel does to a participant that it interrupts. *)
Definition cut (p : place) : place :=
  match p with Begun _ | Checked _ | Armed _ | Ready _ _ => Work | _ => p end.

Section about.
(** The participants are those below [N]. One that has no number has 0. *)
Variables (N : nat) (number : nat -> nat) (range_of : nat -> nat).

(** *Shared*, for a range: the phase says so, or the range's word, in this epoch. *)
Definition shared (S : st) (r : nat) : Prop :=
  all S = Shared \/ how (range S r) = Shared /\ epoch S <= since (range S r).

(** The bias of a range is being revoked in epoch [e], or has been. *)
Definition revoked (e : nat) (w : rword) : Prop :=
  how w = Revoking /\ since w = e \/ how w = Shared /\ e <= since w.

Inductive step (S : st) (t : nat) : st -> Prop :=
| s_begin : pc S t = Idle -> t < N -> step S t (goes t Work S)
| s_end : pc S t = Work -> step S t (goes t Idle S)
(* The sequence. *)
| s_sequence : forall s, pc S t = Work -> step S t (goes t (Begun s) S)
| s_phase : forall s, pc S t = Begun s -> all S = Biased -> step S t (goes t (Checked s) S)
| s_range : forall s, pc S t = Checked s ->
    range S (range_of s) = mkW (epoch S) Biased (number t) -> step S t (goes t (Armed s) S)
| s_word : forall s e, pc S t = Armed s -> slot S s = Some e ->
    step S t (goes t (Ready s (ver S s)) S)
| s_store : forall s v w, pc S t = Ready s v ->
    step S t (goes t Work (wins s v (writes s w S)))
(* A comparison fails, or the kernel interrupts it for reasons of its own. *)
| s_cut : in_sequence (pc S t) -> step S t (goes t Work S)
(* The range is undecided. *) (* site: revoke.settle.compare_exchange Relaxed Relaxed *)
| s_decide : forall r, pc S t = Work -> since (range S r) < epoch S -> number t <> 0 ->
    step S t (ranges r (mkW (epoch S) Biased (number t)) S)
| s_decide_shared : forall r j, pc S t = Work -> since (range S r) < epoch S ->
    step S t (ranges r (mkW (epoch S + j) Shared 0) S)
(* BR. *) (* site: revoke.revoke.compare_exchange Relaxed Relaxed *)
| s_revoke : forall r n, pc S t = Work -> range S r = mkW (epoch S) Biased n ->
    step S t (goes t (Restart r 0) (ranges r (mkW (epoch S) Revoking n) S))
(* Another participant has made BR. *) (* site: revoke.settle.load.2 Acquire *)
| s_help : forall r, pc S t = Work -> how (range S r) = Revoking ->
    since (range S r) = epoch S -> step S t (goes t (Restart r 0) S)
(* BB. *)
| s_restart : forall r k, pc S t = Restart r k -> k < N ->
    step S t (goes t (Restart r (Datatypes.S k)) (goes k (cut (pc S k)) S))
(* BS. *) (* site: revoke.revoke.compare_exchange.2 Release Relaxed *)
| s_shared : forall r k j, pc S t = Restart r k -> N <= k -> how (range S r) = Revoking ->
    step S t (goes t Work (ranges r (mkW (epoch S + j) Shared 0) S))
| s_shared_already : forall r k, pc S t = Restart r k -> N <= k -> how (range S r) <> Revoking ->
    step S t (goes t Work S)
(* The participant with the bias is in no sequence, and needs no BB. *)
| s_shared_own : forall r j, pc S t = Work -> range S r = mkW (epoch S) Revoking (number t) ->
    number t <> 0 -> step S t (ranges r (mkW (epoch S + j) Shared 0) S)
(* The system refuses BB. The operation changes nothing. *)
| s_refused : forall r k, pc S t = Restart r k \/ pc S t = RestartAll k -> step S t (goes t Work S)
(* BR, BB, and BS for all ranges. *)
(* site: revoke.revoke_all.compare_exchange Relaxed Relaxed *)
(* site: revoke.settle.load Acquire *)
(* site: revoke.revoke_all.compare_exchange.2 Release Relaxed *)
| s_revoke_all : pc S t = Work -> all S = Biased ->
    step S t (goes t (RestartAll 0) (phase Revoking S))
| s_help_all : pc S t = Work -> all S = Revoking -> step S t (goes t (RestartAll 0) S)
| s_restart_all : forall k, pc S t = RestartAll k -> k < N ->
    step S t (goes t (RestartAll (Datatypes.S k)) (goes k (cut (pc S k)) S))
| s_shared_all : forall k, pc S t = RestartAll k -> N <= k -> all S = Revoking ->
    step S t (goes t Work (phase Shared S))
| s_shared_all_already : forall k, pc S t = RestartAll k -> N <= k -> all S <> Revoking ->
    step S t (goes t Work S)
(* It gives up its own bias. *) (* site: revoke.give_up.compare_exchange Release Relaxed *)
| s_give_up : forall r j, pc S t = Work -> range S r = mkW (epoch S) Biased (number t) ->
    number t <> 0 -> step S t (ranges r (mkW (epoch S + j) Shared 0) S)
(* The shared way. *) (* site: change.is_shared.load Acquire *)
| s_see : forall s, pc S t = Work -> shared S (range_of s) -> step S t (goes t (Saw s) S)
(* site: slot.free.compare_exchange Acquire Relaxed *)
(* site: slot.replace.compare_exchange AcqRel Relaxed *)
| s_swap : forall s e w, pc S t = Saw s -> slot S s = Some e ->
    step S t (goes t Work (wins s (ver S s) (writes s w S)))
| s_swap_not : forall s e, pc S t = Saw s -> slot S s <> Some e -> step S t (goes t Work S)
(* Its owner puts an entry into a free slot. *) (* site: slot.publish.store Release *)
| s_publish : forall s e, pc S t = Work -> slot S s = None -> step S t (writes s (Some e) S).

(** A pause: no operation is under way. It begins an epoch, in which the table is shared or not.
    Once the epochs are used up, it is shared from then on.
    site: bias.begin_epoch.store Relaxed
    site: bias.begin_epoch.store.7 Relaxed *)
Inductive pause (S : st) : st -> Prop :=
| p_epoch : forall k, (forall p, pc S p = Idle) -> k <> Revoking ->
    pause S (mkS (Datatypes.S (epoch S)) k (range S) (slot S) (pc S) (ver S) (won S))
| p_last : (forall p, pc S p = Idle) -> pause S (phase Shared S).

Definition first (k : kind) (sl : nat -> option nat) : st :=
  mkS 1 k (fun _ => mkW 0 Biased 0) sl (fun _ => Idle) (fun _ => 0) (fun _ _ => 0).

Inductive run (S : st) : st -> Prop :=
| r_refl : run S S
| r_step : forall S1 t S2, run S S1 -> step S1 t S2 -> run S S2
| r_pause : forall S1 S2, run S S1 -> pause S1 S2 -> run S S2.

Definition reachable (S : st) : Prop := exists k sl, k <> Revoking /\ run (first k sl) S.

(** No two participants have the same number. *)
Hypothesis distinct : forall p q, number p = number q -> number p <> 0 -> p = q.

(** ** The invariant *)

Record INV (S : st) : Prop := mkI {
  i_n : forall p, pc S p <> Idle -> p < N;
  i_word : forall r, how (range S r) <> Shared -> since (range S r) <= epoch S /\
    (since (range S r) = epoch S -> toward (range S r) <> 0);
  (* A sequence that may still store: not before *shared* of its range, nor of all. *)
  i_phase : forall p, in_phase (pc S p) -> all S <> Shared;
  i_armed : forall p s, armed (pc S p) s -> since (range S (range_of s)) = epoch S /\
    how (range S (range_of s)) <> Shared /\ toward (range S (range_of s)) = number p;
  i_ready : forall p s v, pc S p = Ready s v -> ver S s = v /\ slot S s <> None;
  i_saw : forall p s, pc S p = Saw s -> shared S (range_of s);
  (* After BR no sequence begins that may store. BB has ended those that had begun. *)
  i_restart : forall t r k, pc S t = Restart r k ->
    revoked (epoch S) (range S r) /\
    forall p s, p < k -> armed (pc S p) s -> range_of s <> r;
  i_restart_all : forall t k, pc S t = RestartAll k ->
    all S <> Biased /\ forall p, p < k -> ~ in_phase (pc S p);
  i_won : forall s v, won S s v <= 1 /\ (ver S s <= v -> won S s v = 0)
}.

Ltac sets := unfold set in *; repeat match goal with
  | |- context [Nat.eq_dec ?a ?b] => destruct (Nat.eq_dec a b); subst
  | H : context [Nat.eq_dec ?a ?b] |- _ => destruct (Nat.eq_dec a b); subst
  end.

Lemma armed_phase : forall p s, armed p s -> in_phase p.
Proof. intros p i; destruct p; cbn; auto. Qed.
Lemma armed_working : forall p s, armed p s -> p <> Idle.
Proof. intros p i; destruct p; cbn; congruence. Qed.
Lemma phase_working : forall p, in_phase p -> p <> Idle.
Proof. intros p; destruct p; cbn; congruence. Qed.
Lemma sequence_working : forall p, in_sequence p -> p <> Idle.
Proof. intros p; destruct p; cbn; congruence. Qed.

(** Two sequences for one range do not both get as far as to store: they would have one number. *)
Lemma armed_alone : forall S p q s i, INV S -> armed (pc S p) s -> armed (pc S q) i ->
  range_of s = range_of i -> p = q.
Proof.
  intros S p q s i I A B E. destruct (i_armed _ I _ _ A) as (A1 & A2 & A3).
  destruct (i_armed _ I _ _ B) as (_ & _ & B3). rewrite <- E, A3 in B3.
  apply distinct; auto. rewrite <- A3. apply (proj2 (i_word _ I _ A2)); auto.
Qed.

(** None gets so far where another one has seen *shared*. *)
Lemma armed_unshared : forall S p s r, INV S -> armed (pc S p) s -> range_of s = r -> ~ shared S r.
Proof.
  intros S p s r I A <- [X|[X _]].
  - exact (i_phase _ I p (armed_phase _ _ A) X).
  - apply (proj1 (proj2 (i_armed _ I _ _ A))). auto.
Qed.

(** ** Every step keeps it *)

(** A participant goes on to another place. *)
Lemma INV_goes : forall S t q, INV S ->
  (q <> Idle -> t < N) ->
  (in_phase q -> in_phase (pc S t) \/ all S = Biased) ->
  (forall s, armed q s -> armed (pc S t) s \/
    range S (range_of s) = mkW (epoch S) Biased (number t)) ->
  (forall s v, q = Ready s v -> ver S s = v /\ slot S s <> None) ->
  (forall s, q = Saw s -> shared S (range_of s)) ->
  (forall r k, q = Restart r k -> revoked (epoch S) (range S r) /\
    forall p s, p < k -> armed (pc S p) s -> range_of s <> r) ->
  (forall k, q = RestartAll k -> all S <> Biased /\ forall p, p < k -> ~ in_phase (pc S p)) ->
  INV (goes t q S).
Proof.
  intros S t q I C1 C2 C3 C4 C5 C6 C7. constructor; cbn.
  - intros p A. sets; auto. apply (i_n _ I); auto.
  - apply (i_word _ I).
  - intros p A. sets; [|apply (i_phase _ I p); auto].
    destruct (C2 A) as [B| ->]; [apply (i_phase _ I _ B)|congruence].
  - intros p s A. sets; [|apply (i_armed _ I); auto].
    destruct (C3 _ A) as [B| ->]; [apply (i_armed _ I); auto|cbn; repeat split; congruence].
  - intros p s v A. sets; auto. apply (i_ready _ I p); auto.
  - intros p s A. sets; [apply C5; auto|apply (i_saw _ I p s A)].
  - intros u r k A. assert (B : revoked (epoch S) (range S r) /\
      forall p s, p < k -> armed (pc S p) s -> range_of s <> r).
    { sets; [apply C6; auto|apply (i_restart _ I u r k A)]. }
    clear A. destruct B as [B D]. split; auto. intros p s L E. sets; [|apply (D p s); auto].
    destruct (C3 _ E) as [F|F]; [apply (D t s); auto|]. intros <-. rewrite F in B.
    destruct B as [[B _]|[B _]]; cbn in B; congruence.
  - intros u k A. assert (B : all S <> Biased /\ forall p, p < k -> ~ in_phase (pc S p)).
    { sets; [apply C7; auto|apply (i_restart_all _ I u k A)]. }
    clear A. destruct B as [B D]. split; auto. intros p L. sets; [|apply (D p); auto].
    intros E. destruct (C2 E) as [F|F]; [apply (D t); auto|congruence].
  - apply (i_won _ I).
Qed.

(** To a place where it knows nothing. *)
Lemma INV_work : forall S t, INV S -> t < N -> INV (goes t Work S).
Proof.
  intros S t I L. apply INV_goes; cbn; auto; intros; try contradiction; discriminate.
Qed.

(** BB interrupts one participant. *)
Lemma INV_cut : forall S t, INV S -> INV (goes t (cut (pc S t)) S).
Proof.
  intros S t I. assert (G : forall q, q = pc S t -> INV (goes t q S)).
  { intros q ->. apply INV_goes; auto.
    - apply (i_n _ I).
    - apply (i_ready _ I).
    - apply (i_saw _ I).
    - apply (i_restart _ I).
    - apply (i_restart_all _ I). }
  assert (W : pc S t <> Idle -> INV (goes t Work S)).
  { intros A. apply INV_work; auto. apply (i_n _ I); auto. }
  destruct (pc S t) eqn:E; cbn; auto; apply W; congruence.
Qed.

(** A participant changes the word of a range. *)
Lemma INV_ranges : forall S r w, INV S ->
  (how w <> Shared -> since w = epoch S /\ toward w <> 0) ->
  (forall p s, armed (pc S p) s -> range_of s = r -> how w <> Shared /\ toward w = number p) ->
  (how (range S r) = Shared /\ epoch S <= since (range S r) ->
    how w = Shared /\ epoch S <= since w) ->
  (revoked (epoch S) (range S r) -> revoked (epoch S) w) ->
  INV (ranges r w S).
Proof.
  intros S r w I C1 C2 C3 C4. constructor; cbn.
  - apply (i_n _ I).
  - intros x A. sets; [|apply (i_word _ I); auto]. destruct (C1 A) as [-> B]. auto.
  - apply (i_phase _ I).
  - intros p s A. sets; [|apply (i_armed _ I); auto]. destruct (C2 p s A eq_refl) as [B D].
    destruct (C1 B). auto.
  - apply (i_ready _ I).
  - intros p s A. unfold shared. cbn. destruct (i_saw _ I p s A) as [B|B]; auto. right.
    sets; auto.
  - intros u x k A. destruct (i_restart _ I u x k A) as [B D]. sets; auto.
  - apply (i_restart_all _ I).
  - apply (i_won _ I).
Qed.

(** A participant changes the phase. *)
Lemma INV_phase : forall S k, INV S -> all S <> Shared -> k <> Biased ->
  (k = Shared -> forall p, ~ in_phase (pc S p)) -> INV (phase k S).
Proof.
  intros S k I A B C. constructor; cbn; try apply I.
  - intros p D E. apply (C E p D).
  - intros p s D. destruct (i_saw _ I p s D) as [E|E]; [contradiction|right; auto].
  - intros t n D. destruct (i_restart_all _ I t n D); auto.
Qed.

(** A participant writes to a slot, for which no other is about to. *)
Lemma INV_writes : forall S s w, INV S -> (forall p v, pc S p <> Ready s v) ->
  INV (writes s w S).
Proof.
  intros S s w I C. constructor; cbn; try apply I.
  - intros p x v A. sets; [exfalso; apply (C p v); auto|apply (i_ready _ I p); auto].
  - intros x v. destruct (i_won _ I x v). split; auto. sets; auto. intros L. apply H0. lia.
Qed.

(** A change. *)
Lemma INV_wins : forall S s w, INV S -> (forall p v, pc S p <> Ready s v) ->
  INV (wins s (ver S s) (writes s w S)).
Proof.
  intros S s w I C. pose proof (INV_writes S s w I C) as J. constructor; cbn; try apply J.
  intros x v. destruct (i_won _ I x v) as [A B]. sets; cbn in *; auto; split; try lia;
    try (rewrite B; auto); intros; apply B; lia.
Qed.

Lemma INV_step : forall S t S', INV S -> step S t S' -> INV S'.
Proof.
  intros S t S' I X.
  assert (L : pc S t <> Idle -> t < N) by (apply (i_n _ I)).
  inversion X; subst.
  - (* begin *) apply INV_work; auto.
  - (* end *) apply INV_goes; cbn; auto; intros; try contradiction; congruence.
  - (* sequence *)
    apply INV_goes; cbn; auto; intros; try contradiction; try discriminate. apply L; congruence.
  - (* phase *)
    apply INV_goes; cbn; auto; intros; try contradiction; try discriminate. apply L; congruence.
  - (* range *)
    rewrite H in *. apply INV_goes; rewrite ?H; cbn; auto; intros; try discriminate.
    + apply L; congruence.
    + subst; auto.
  - (* word *)
    apply INV_goes; rewrite ?H; cbn; auto; intros; try discriminate.
    + apply L; congruence.
    + injection H1 as <- <-. split; congruence.
  - (* store *)
    assert (A : armed (pc S t) s) by (rewrite H; cbn; auto).
    destruct (i_ready _ I t s v H) as [V _]. rewrite <- V.
    apply (INV_wins (goes t Work S) s w).
    + apply INV_work; auto. apply L; congruence.
    + intros p u. cbn. sets; [discriminate|]. intros B. apply n. symmetry.
      apply (armed_alone S t p s s); auto. rewrite B; cbn; auto.
  - (* cut *)
    apply INV_work; auto. apply L. apply sequence_working; auto.
  - (* decide *)
    apply INV_ranges; auto; cbn; auto; intros.
    + subst r. destruct (i_armed _ I _ _ H2). lia.
    + lia.
    + destruct H2 as [[_ B]|[_ B]]; lia.
  - (* decide_shared *)
    apply INV_ranges; auto; cbn; intros; try congruence.
    + subst r. destruct (i_armed _ I _ _ H1). lia.
    + lia.
    + right. cbn. split; auto; lia.
  - (* revoke *)
    assert (J : INV (ranges r (mkW (epoch S) Revoking n) S)).
    { assert (Q := i_word _ I r). rewrite H0 in Q. cbn in Q.
      apply INV_ranges; auto; cbn; auto; intros.
      - split; auto. apply Q; congruence.
      - subst r. destruct (i_armed _ I _ _ H1) as (_ & _ & B). rewrite H0 in B. cbn in B.
        split; congruence.
      - rewrite H0 in H1. destruct H1; discriminate.
      - left; auto. }
    apply INV_goes; cbn; auto; intros; try contradiction; try discriminate.
    + apply L; congruence.
    + injection H1 as <- <-. split; [left; sets; [auto|congruence]|lia].
  - (* help *)
    apply INV_goes; cbn; auto; intros; try contradiction; try discriminate.
    + apply L; congruence.
    + injection H2 as <- <-. split; [left; auto|lia].
  - (* restart *)
    destruct (i_restart _ I t r k H) as [A B].
    assert (E : pc (goes k (cut (pc S k)) S) t = Restart r k).
    { cbn. sets; auto. rewrite H. auto. }
    apply INV_goes; [apply INV_cut; auto|..]; try rewrite E; cbn; intros; try contradiction;
      try discriminate.
    + apply L; congruence.
    + injection H1 as <- <-. split; auto. intros p s C D. sets.
      * destruct (pc S k); cbn in D; contradiction.
      * apply (B p s); auto. lia.
  - (* shared *)
    destruct (i_restart _ I t r k H) as [A B].
    apply (INV_ranges (goes t Work S)); [apply INV_work; auto; apply L; congruence|..]; cbn.
    + congruence.
    + intros p s C D. exfalso. sets; [contradiction|]. apply (B p s); auto.
      assert (p < N) by (apply (i_n _ I); apply (armed_working _ _ C)). lia.
    + split; auto; lia.
    + right. cbn. split; auto; lia.
  - (* shared_already *) apply INV_work; auto. apply L; congruence.
  - (* shared_own *)
    apply INV_ranges; auto; cbn; intros; try congruence.
    + exfalso. subst r. destruct (i_armed _ I _ _ H2) as (_ & _ & B). rewrite H0 in B. cbn in B.
      assert (t = p) by (apply distinct; auto). subst. rewrite H in H2. contradiction.
    + split; auto; lia.
    + right. cbn. split; auto; lia.
  - (* refused *) apply INV_work; auto. apply L. destruct H; congruence.
  - (* revoke_all *)
    assert (J : INV (phase Revoking S)).
    { apply INV_phase; auto; congruence. }
    apply INV_goes; cbn; auto; intros; try contradiction; try discriminate.
    + apply L; congruence.
    + injection H1 as <-. split; [congruence|lia].
  - (* help_all *)
    apply INV_goes; cbn; auto; intros; try contradiction; try discriminate.
    + apply L; congruence.
    + injection H1 as <-. split; [congruence|lia].
  - (* restart_all *)
    destruct (i_restart_all _ I t k H) as [A B].
    assert (E : pc (goes k (cut (pc S k)) S) t = RestartAll k).
    { cbn. sets; auto. rewrite H. auto. }
    apply INV_goes; [apply INV_cut; auto|..]; try rewrite E; cbn; intros; try contradiction;
      try discriminate.
    + apply L; congruence.
    + injection H1 as <-. split; auto. intros p C D. sets.
      * destruct (pc S k); cbn in D; contradiction.
      * apply (B p); auto. lia.
  - (* shared_all *)
    destruct (i_restart_all _ I t k H) as [A B].
    apply (INV_phase (goes t Work S)); [apply INV_work; auto; apply L; congruence|..]; cbn;
      try congruence.
    intros _ p C. sets; [contradiction|]. apply (B p); auto.
    assert (p < N) by (apply (i_n _ I); apply (phase_working _ C)). lia.
  - (* shared_all_already *) apply INV_work; auto. apply L; congruence.
  - (* give_up *)
    apply INV_ranges; auto; cbn; intros; try congruence.
    + exfalso. subst r. destruct (i_armed _ I _ _ H2) as (_ & _ & B). rewrite H0 in B. cbn in B.
      assert (t = p) by (apply distinct; auto). subst. rewrite H in H2. contradiction.
    + split; auto; lia.
    + right. cbn. split; auto; lia.
  - (* see *)
    apply INV_goes; cbn; auto; intros; try contradiction; try discriminate.
    + apply L; congruence.
    + injection H1 as <-. auto.
  - (* swap *)
    apply (INV_wins (goes t Work S) s w).
    + apply INV_work; auto. apply L; congruence.
    + intros p v. cbn. sets; [discriminate|]. intros B.
      apply (armed_unshared S p s (range_of s)); auto; [rewrite B; cbn; auto|].
      apply (i_saw _ I t); auto.
  - (* swap_not *) apply INV_work; auto. apply L; congruence.
  - (* publish *)
    apply INV_writes; auto. intros p v B. apply (proj2 (i_ready _ I p s v B)). auto.
Qed.

Lemma INV_first : forall k sl, k <> Revoking -> INV (first k sl).
Proof.
  intros k sl K. constructor; cbn; intros; try congruence; try contradiction; auto; lia.
Qed.

Lemma INV_pause : forall S S', INV S -> pause S S' -> INV S'.
Proof.
  intros S S' I P. inversion P; subst; constructor; cbn; intros;
    repeat match goal with
    | X : forall p, pc S p = Idle, H : context [pc S ?p] |- _ => rewrite (X p) in H; cbn in H
    end; try congruence; try contradiction.
  - destruct (i_word _ I r H1). lia.
  - apply (i_won _ I).
  - apply (i_word _ I); auto.
  - apply (i_won _ I).
Qed.

Lemma INV_run : forall S S', INV S -> run S S' -> INV S'.
Proof. intros S S' I R. induction R; auto; [eapply INV_step|eapply INV_pause]; eauto. Qed.

Lemma INV_reachable : forall S, reachable S -> INV S.
Proof. intros S (k & sl & K & R). eapply INV_run; eauto. apply INV_first; auto. Qed.

(** ** The theorems (invariant 14) *)

(** At most one change replaces each word that a slot has had. *)
Theorem one_winner : forall S s v, reachable S -> won S s v <= 1.
Proof. intros S s v R. apply (i_won _ (INV_reachable S R)). Qed.

(** A sequence that stores next replaces what it has compared: the word is still there, and live. *)
Theorem replaces_what_it_saw : forall S p s v, reachable S -> pc S p = Ready s v ->
  ver S s = v /\ slot S s <> None.
Proof. intros S p s v R. apply (i_ready _ (INV_reachable S R) p). Qed.

(** While a participant may store by a sequence in a range, no other is about to change any word
    there, by a sequence or by a compare-and-swap. *)
Theorem one_kind_of_change : forall S p q s v i u, reachable S -> range_of s = range_of i ->
  pc S p = Ready s v -> pc S q = Ready i u \/ pc S q = Saw i -> p = q.
Proof.
  intros S p q s v i u R E A B. assert (I := INV_reachable S R).
  assert (C : armed (pc S p) s) by (rewrite A; cbn; auto).
  destruct B as [B|B].
  - apply (armed_alone S p q s i); auto. rewrite B; cbn; auto.
  - exfalso. apply (armed_unshared S p s (range_of i)); auto. apply (i_saw _ I q); auto.
Qed.

Lemma step_epoch : forall S t S', step S t S' -> epoch S' = epoch S.
Proof. intros S t S' X. inversion X; auto. Qed.

Lemma run_epoch : forall S S', run S S' -> epoch S <= epoch S'.
Proof.
  intros S S' R. induction R as [|S1 t S2 R IH X|S1 S2 R IH X]; auto.
  - rewrite (step_epoch _ _ _ X). auto.
  - inversion X; subst; cbn; lia.
Qed.

Lemma step_shared : forall S t S' r, step S t S' -> shared S r -> shared S' r.
Proof.
  intros S t S' r X. inversion X; subst; auto; intros [A|[A B]]; unfold shared; cbn; auto;
    try congruence; right; sets; cbn; auto; try lia; try (split; auto; lia);
    try (rewrite H0 in A; cbn in A; congruence); congruence.
Qed.

(** When a range is shared, it stays so to the end of the epoch, and no sequence stores there. *)
Theorem shared_means_shared : forall S S' r, reachable S -> shared S r -> run S S' ->
  epoch S' = epoch S ->
  shared S' r /\ forall p s v, pc S' p = Ready s v -> range_of s <> r.
Proof.
  intros S S' r R A X E. assert (B : shared S' r).
  { induction X as [|S1 t S2 X IH Y|S1 S2 X IH Y]; auto.
    - rewrite (step_epoch _ _ _ Y) in E. apply (step_shared S1 t); auto.
    - assert (L := run_epoch _ _ X). inversion Y; subst; cbn in *; [lia|left; auto]. }
  split; auto. intros p s v C D. assert (I := INV_run _ _ (INV_reachable S R) X).
  apply (armed_unshared S' p s r); auto. rewrite C; cbn; auto.
Qed.

(** A participant that has seen *shared* stays right until it changes the slot. *)
Theorem shared_is_seen_rightly : forall S p s, reachable S -> pc S p = Saw s ->
  shared S (range_of s).
Proof. intros S p s R. apply (i_saw _ (INV_reachable S R) p). Qed.

(** ** Progress (invariant 9) *)

(** In every state each participant inside an operation can make a step. It waits for no other. *)
Theorem always_a_step : forall S t, pc S t <> Idle -> exists S', step S t S'.
Proof.
  intros S t A. destruct (pc S t) eqn:E; try congruence.
  - eexists; apply s_end; auto.
  - eexists; apply s_cut; rewrite E; cbn; auto.
  - eexists; apply s_cut; rewrite E; cbn; auto.
  - eexists; apply s_cut; rewrite E; cbn; auto.
  - exists (goes t Work (wins s v (writes s None S))). apply s_store; auto.
  - destruct (slot S s) as [e|] eqn:F.
    + exists (goes t Work (wins s (ver S s) (writes s None S))). apply (s_swap _ _ s e); auto.
    + eexists; apply (s_swap_not _ _ s 0); auto; congruence.
  - destruct (le_lt_dec N k).
    + destruct (how (range S r)) eqn:F; try (eexists; eapply s_shared_already; eauto; congruence).
      exists (goes t Work (ranges r (mkW (epoch S + 0) Shared 0) S)). eapply s_shared; eauto.
    + eexists; eapply s_restart; eauto.
  - destruct (le_lt_dec N k).
    + destruct (all S) eqn:F; try (eexists; eapply s_shared_all_already; eauto; congruence).
      eexists; eapply s_shared_all; eauto.
    + eexists; eapply s_restart_all; eauto.
Qed.

(** So many steps of one participant, and none of any other. *)
Inductive alone (t : nat) : nat -> st -> st -> Prop :=
| a_none : forall S, alone t 0 S S
| a_more : forall n S S1 S2, step S t S1 -> alone t n S1 S2 -> alone t (Datatypes.S n) S S2.

Lemma alone_after : forall t n S1 S2, alone t n S1 S2 -> forall m S3, alone t m S2 S3 ->
  alone t (n + m) S1 S3.
Proof. intros t n S1 S2 A. induction A; cbn; auto. intros. econstructor; eauto. Qed.

Lemma at_set : forall S t q, pc (goes t q S) t = q.
Proof. intros. cbn. sets; congruence. Qed.

(** From anywhere inside an operation it comes to where it knows nothing. *)
Lemma alone_to_work : forall S t, pc S t <> Idle ->
  exists n S', n <= N + 1 /\ alone t n S S' /\ pc S' t = Work.
Proof.
  intros S t A.
  assert (C : in_sequence (pc S t) -> exists n S', n <= N + 1 /\ alone t n S S' /\ pc S' t = Work).
  { intros B. exists 1. eexists. split; [lia|]. split; [|apply at_set].
    econstructor; [apply s_cut; auto|constructor]. }
  assert (BR : forall m k r S, N - k = m -> pc S t = Restart r k ->
    exists n S', n <= m + 1 /\ alone t n S S' /\ pc S' t = Work).
  { induction m; intros k r S0 M P.
    - assert (L : N <= k) by lia. destruct (how (range S0 r)) eqn:F.
      2: { exists 1. eexists. split; [lia|]. split; [|apply at_set].
           econstructor; [eapply (s_shared _ _ r k 0); eauto|constructor]. }
      all: exists 1; eexists; split; [lia|]; split; [|apply at_set];
        econstructor; [eapply s_shared_already; eauto; congruence|constructor].
    - assert (L : k < N) by lia. pose proof (s_restart S0 t r k P L) as X.
      destruct (IHm (Datatypes.S k) r _ ltac:(lia) (at_set (goes k (cut (pc S0 k)) S0) t _))
        as (n & S' & Q1 & Q2 & Q3).
      exists (Datatypes.S n), S'. split; [lia|]. split; auto. econstructor; eauto. }
  assert (BA : forall m k S, N - k = m -> pc S t = RestartAll k ->
    exists n S', n <= m + 1 /\ alone t n S S' /\ pc S' t = Work).
  { induction m; intros k S0 M P.
    - assert (L : N <= k) by lia. destruct (all S0) eqn:F.
      2: { exists 1. eexists. split; [lia|]. split; [|apply at_set].
           econstructor; [eapply s_shared_all; eauto|constructor]. }
      all: exists 1; eexists; split; [lia|]; split; [|apply at_set];
        econstructor; [eapply s_shared_all_already; eauto; congruence|constructor].
    - assert (L : k < N) by lia. pose proof (s_restart_all S0 t k P L) as X.
      destruct (IHm (Datatypes.S k) _ ltac:(lia) (at_set (goes k (cut (pc S0 k)) S0) t _))
        as (n & S' & Q1 & Q2 & Q3).
      exists (Datatypes.S n), S'. split; [lia|]. split; auto. econstructor; eauto. }
  destruct (pc S t) eqn:E; try congruence; try (apply C; cbn; auto; fail).
  - exists 0, S. split; [lia|]. split; auto. constructor.
  - destruct (slot S s) as [e|] eqn:F; exists 1; eexists; (split; [lia|]);
      (split; [econstructor; [|constructor]|]).
    + apply (s_swap _ _ s e None); auto.
    + apply at_set.
    + apply (s_swap_not _ _ s 0); auto; congruence.
    + apply at_set.
  - destruct (BR (N - k) k r S eq_refl E) as (n & S' & Q1 & Q2 & Q3). exists n, S'.
    split; [lia|auto].
  - destruct (BA (N - k) k S eq_refl E) as (n & S' & Q1 & Q2 & Q3). exists n, S'.
    split; [lia|auto].
Qed.

(** BB and BS for all ranges, to the end. *)
Lemma alone_to_shared : forall m k S t, N - k = m -> pc S t = RestartAll k -> all S = Revoking ->
  exists S', alone t (m + 1) S S' /\ pc S' t = Work /\ all S' = Shared.
Proof.
  induction m; intros k S t M P A.
  - eexists. split; [econstructor; [apply (s_shared_all _ _ k); auto; lia|constructor]|].
    split; [apply at_set|auto].
  - assert (L : k < N) by lia. pose proof (s_restart_all S t k P L) as X.
    destruct (IHm (Datatypes.S k) _ t ltac:(lia) (at_set (goes k (cut (pc S k)) S) t _) A)
      as (S' & Q1 & Q2).
    exists S'. split; auto. cbn. econstructor; eauto.
Qed.

(** And on to a free slot. *)
Lemma alone_from_shared : forall S t s, pc S t = Work -> all S = Shared ->
  exists n S', n <= 2 /\ alone t n S S' /\ slot S' s = None.
Proof.
  intros S t s P A. destruct (slot S s) as [e|] eqn:F.
  - pose proof (s_see S t s P (or_introl A)) as X.
    pose proof (s_swap _ t s e None (at_set S t (Saw s)) F) as Y.
    exists 2. eexists. split; [auto|].
    split; [econstructor; [exact X|econstructor; [exact Y|constructor]]|].
    cbn. sets; congruence.
  - exists 0, S. split; [auto|]. split; auto. constructor.
Qed.

(** From every state a participant inside an operation comes to the end of a free of any slot, by
    so many steps of its own: the slot is free then. No other has to make a step. *)
Theorem alone_it_ends : forall S t s, pc S t <> Idle ->
  exists n S', n <= 2 * N + 5 /\ alone t n S S' /\ slot S' s = None.
Proof.
  intros S t s A. destruct (alone_to_work S t A) as (n & S1 & L1 & A1 & P1).
  assert (B : exists m S2, m <= N + 2 /\ alone t m S1 S2 /\ pc S2 t = Work /\ all S2 = Shared).
  { destruct (all S1) eqn:E.
    - destruct (alone_to_shared (N - 0) 0 _ t eq_refl
        (at_set (phase Revoking S1) t (RestartAll 0)) eq_refl) as (S2 & Q & R).
      exists (Datatypes.S (N - 0 + 1)), S2. split; [lia|]. split; auto.
      econstructor; [apply s_revoke_all; auto|exact Q].
    - destruct (alone_to_shared (N - 0) 0 _ t eq_refl (at_set S1 t (RestartAll 0)) E)
        as (S2 & Q & R).
      exists (Datatypes.S (N - 0 + 1)), S2. split; [lia|]. split; auto.
      econstructor; [apply s_help_all; auto|exact Q].
    - exists 0, S1. split; [lia|]. repeat split; auto. constructor. }
  destruct B as (m & S2 & L2 & A2 & P2 & E2).
  destruct (alone_from_shared S2 t s P2 E2) as (k & S3 & L3 & A3 & F).
  exists (n + (m + k)), S3. split; [lia|]. split; auto.
  eapply alone_after; eauto. eapply alone_after; eauto.
Qed.
End about.

(** ** The sum that a sequence compares

    A sequence compares one number: the sum of the phase and its participant's tag is to be the
    word of the range. From the lowest bit on, a word has the code of its kind, below [K], a
    number, below [T], and the epoch. *)
Section sum.
Variables (K T : nat) (code_of_phase code_of_range : kind -> nat).
Definition tag (n : nat) : nat := K * n.
Definition phase_word (e : nat) (k : kind) : nat := K * (T * e) + code_of_phase k.
Definition range_word (w : rword) : nat :=
  K * (T * since w + toward w) + code_of_range (how w).

Hypothesis low : forall k, code_of_phase k < K /\ code_of_range k < K.
(** No kind of the phase has a code of a range's kind, apart from *biased*. *)
Hypothesis apart : forall k j, code_of_phase k = code_of_range j <-> k = Biased /\ j = Biased.

(** Then the comparison says what [s_phase] and [s_range] ask for. *)
Theorem the_sum_says_both : forall e k n w, n < T -> toward w < T ->
  phase_word e k + tag n = range_word w <-> k = Biased /\ w = mkW e Biased n.
Proof.
  intros e k n [e' j n'] L L'. unfold phase_word, range_word, tag. cbn in *.
  replace (K * (T * e) + code_of_phase k + K * n) with (K * (T * e + n) + code_of_phase k) by lia.
  split.
  - intros E. apply Nat.div_mod_unique in E; try apply low. destruct E as [E C].
    apply Nat.div_mod_unique in E; auto. destruct E as [-> ->]. apply apart in C.
    destruct C as [-> ->]. auto.
  - intros [-> E]. injection E as -> -> ->. f_equal. apply apart. auto.
Qed.
End sum.

(** If *revoking* has one code in both, the sum meets a range's word although both are being
    revoked. *)
Theorem the_codes_must_differ : forall K T p r e n, p Revoking = r Revoking ->
  phase_word K T p e Revoking + tag K n = range_word K T r (mkW e Revoking n).
Proof. intros K T p r e n E. unfold phase_word, range_word, tag. cbn. rewrite E. lia. Qed.
