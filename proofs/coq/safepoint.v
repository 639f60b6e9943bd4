(** * The safepoint: how a thread stops the world, and how operations begin and end

    The participants, the stopper, and what each of them knows of the other. This file does not
    speak of slots: [allocator.v] says what an operation does. A participant is a thread with its
    record. A record may pass to another thread of the system, by the registry's lock or in the
    client's own way; here it stays one thread. The sweeper's own record is a participant, too. *)

From Coq Require Import Arith Lia List Bool.
From Slotarena Require Import memory sites.

Inductive phase :=
| Idle                    (* outside any operation *)
| Setb                    (* MB done *)
| Fenced                  (* MF done *)
| Back                    (* MS read *stopping*: the thread goes back *)
| Inside (r : nat)        (* inside an operation, in cycle [r] *)
| Lckd                    (* holds the registry's lock *)
| LckC (r : nat)          (* holds it, and has read the cycle *)
| Heavy (r k : nat)       (* SS done, SF under way: it met the participants below [k] *)
| Wait (r k : nat)        (* SF done, SB under way: it saw the participants below [k] idle *)
| Stopped (r : nat).      (* the world is stopped *)

Record hs := mkH {
  ph : nat -> phase;
  nrec : nat;               (* participants: the threads below this number *)
  lk : option nat;          (* the holder of the registry's lock *)
  cur : nat;                (* the cycle *)
  og : nat;                 (* ghost: the newest *open* message of the gate *)
  ca : nat -> view;         (* ghost: each participant's view when its last operation ended *)
  bt : nat -> nat           (* ghost: the *busy* message of its last operation *)
}.

Definition set_ph (t : nat) (p : phase) (h : hs) : hs :=
  mkH (upd (ph h) t p) (nrec h) (lk h) (cur h) (og h) (ca h) (bt h).

(** The steps of the handshake, one for each access. [clean t]: thread [t] holds nothing (see
    [allocator.v]). [swept]: no sweep is in the middle of its work in the pause. *)
Inductive hstep (O : orders) (clean : nat -> Prop) (swept : Prop) (M : mem) (H : hs) (t : nat) :
  act -> hs -> Prop :=
| h_busy : ph H t = Idle -> t < nrec H ->
    hstep O clean swept M H t (AStore (Busy t) (VN 1) (o_set_busy O)) (set_ph t Setb H)
| h_light : ph H t = Setb ->
    hstep O clean swept M H t (ALight (b_light O)) (set_ph t Fenced H)
| h_open : forall ts r o, ph H t = Fenced -> val M Gate ts = VGate false r ->
    o = o_enter O \/ o = o_enter_slow O ->
    hstep O clean swept M H t (ALoad Gate ts o)
      (mkH (upd (ph H) t (Inside r)) (nrec H) (lk H) (cur H) (og H) (ca H)
           (upd (bt H) t (last M (Busy t))))
| h_stopping : forall ts r o, ph H t = Fenced -> val M Gate ts = VGate true r ->
    o = o_enter O \/ o = o_enter_slow O ->
    hstep O clean swept M H t (ALoad Gate ts o) (set_ph t Back H)
| h_back : ph H t = Back ->
    hstep O clean swept M H t (AStore (Busy t) (VN 0) (o_set_idle O)) (set_ph t Idle H)
| h_exit : forall r, ph H t = Inside r -> clean t ->
    hstep O clean swept M H t (AStore (Busy t) (VN 0) (o_set_idle O))
      (mkH (upd (ph H) t Idle) (nrec H) (lk H) (cur H) (og H) (upd (ca H) t (V M t)) (bt H))
| h_lock : ph H t = Idle -> lk H = None ->
    hstep O clean swept M H t ALock
      (mkH (upd (ph H) t Lckd) (nrec H) (Some t) (cur H) (og H) (ca H) (bt H))
| h_unlock : ph H t = Lckd \/ (exists r, ph H t = LckC r) -> clean t ->
    hstep O clean swept M H t AUnlock
      (mkH (upd (ph H) t Idle) (nrec H) None (cur H) (og H) (ca H) (bt H))
| h_register : ph H t = Lckd -> t = nrec H ->
    hstep O clean swept M H t ANop
      (mkH (ph H) (S (nrec H)) (lk H) (cur H) (og H) (ca H) (bt H))
| h_cycle : forall ts b r, ph H t = Lckd -> val M Gate ts = VGate b r ->
    hstep O clean swept M H t (ALoad Gate ts (o_cycle O)) (set_ph t (LckC r) H)
| h_stop : forall r, ph H t = LckC r -> clean t ->
    hstep O clean swept M H t (AStore Gate (VGate true r) (o_stop O)) (set_ph t (Heavy r 0) H)
| h_heavy : forall r k, ph H t = Heavy r k -> k < nrec H ->
    hstep O clean swept M H t (AHeavy k (b_heavy O)) (set_ph t (Heavy r (S k)) H)
| h_heavied : forall r k, ph H t = Heavy r k -> nrec H <= k ->
    hstep O clean swept M H t ANop (set_ph t (Wait r 0) H)
| h_idle : forall r k ts, ph H t = Wait r k -> k < nrec H -> val M (Busy k) ts = VN 0 ->
    hstep O clean swept M H t (ALoad (Busy k) ts (o_is_busy O)) (set_ph t (Wait r (S k)) H)
| h_stopped : forall r k, ph H t = Wait r k -> nrec H <= k ->
    hstep O clean swept M H t ANop (set_ph t (Stopped r) H)
| h_resume : forall r, ph H t = Stopped r -> clean t -> swept ->
    hstep O clean swept M H t (AStore Gate (VGate false r) (o_resume O))
      (mkH (upd (ph H) t Lckd) (nrec H) (lk H) (cur H) (S (last M Gate)) (ca H) (bt H)).

(** ** Predicates on phases *)

Definition locked (p : phase) : Prop :=
  match p with Lckd | LckC _ | Heavy _ _ | Wait _ _ | Stopped _ => True | _ => False end.
Definition stopping (p : phase) : Prop :=
  match p with Heavy _ _ | Wait _ _ | Stopped _ => True | _ => False end.
Definition pausing (p : phase) : Prop := match p with Stopped _ => True | _ => False end.
Definition inside (p : phase) : Prop := match p with Inside _ => True | _ => False end.
(** The thread may work on slots. *)
Definition working (p : phase) : Prop :=
  match p with Inside _ | LckC _ | Stopped _ => True | _ => False end.
Definition busy (p : phase) : Prop :=
  match p with Setb | Fenced | Back | Inside _ => True | _ => False end.
(** The heavy fence has met participant [a]. *)
Definition heavied (p : phase) (a : nat) : Prop :=
  match p with Heavy _ k => a < k | Wait _ _ | Stopped _ => True | _ => False end.
(** The stopper has seen participant [a] idle. *)
Definition seen (p : phase) (a : nat) : Prop :=
  match p with Wait _ k => a < k | Stopped _ => True | _ => False end.
Definition cycle_of (p : phase) (r : nat) : Prop :=
  match p with Inside q | LckC q | Heavy q _ | Wait q _ | Stopped q => q = r | _ => True end.

(** The view that the registry's lock hands on: its holder's, or the one that the last holder
    left. *)
Definition hl (M : mem) (H : hs) : view :=
  match lk H with Some u => V M u | None => LV M end.

(** Some thread is stopping the world, or has stopped it. *)
Definition stops (H : hs) : Prop := exists u, stopping (ph H u).

Record HI (M : mem) (H : hs) : Prop := {
  hi_wf : wfm M;
  hi_lk : forall u, locked (ph H u) -> lk H = Some u;
  hi_lk2 : forall u, lk H = Some u -> locked (ph H u);
  hi_part : forall u, busy (ph H u) -> u < nrec H;
  hi_cycle : forall u, cycle_of (ph H u) (cur H);
  hi_open : forall u, stopping (ph H u) ->
      last M Gate = S (og H) /\ exists r, nv M Gate = VGate true r;
  hi_open2 : (forall u, ~ stopping (ph H u)) -> last M Gate = og H;
  hi_val : exists r, val M Gate (og H) = VGate false r /\
      ((forall u, ~ pausing (ph H u)) -> r = cur H);
  hi_prev : forall n, S n = og H -> exists r, val M Gate n = VGate true r;
  hi_hl : le (vw M Gate (og H)) (hl M H);
  hi_hlg : last M Gate <= hl M H Gate;
  hi_e : forall t, ph H t = Fenced -> og H <= S (V M t Gate);
  hi_e2 : forall t, t < nrec H -> og H <= S (V M t Gate) \/ og H <= S (F M t Gate);
  hi_f : forall u t, heavied (ph H u) t -> t < nrec H -> S (og H) <= F M t Gate;
  hi_true : forall t, busy (ph H t) -> nv M (Busy t) = VN 1;
  hi_fb : forall t, ph H t = Fenced \/ inside (ph H t) -> last M (Busy t) <= F M t (Busy t);
  hi_bt : forall t, bt H t <= F M t (Busy t);
  hi_btl : forall t, bt H t <= last M (Busy t);
  hi_bti : forall t, inside (ph H t) -> bt H t = last M (Busy t);
  hi_vb : forall t, last M (Busy t) <= V M t (Busy t);
  hi_h1 : forall u t, heavied (ph H u) t -> t < nrec H -> bt H t <= V M u (Busy t);
  hi_h2 : forall u t, heavied (ph H u) t -> t < nrec H -> inside (ph H t) ->
      last M (Busy t) <= V M u (Busy t);
  hi_h3 : forall u t, heavied (ph H u) t -> t < nrec H -> ph H t = Fenced ->
      S (og H) <= V M t Gate \/ last M (Busy t) <= V M u (Busy t);
  hi_w1 : forall u t, seen (ph H u) t -> t < nrec H -> ~ inside (ph H t);
  hi_w2 : forall u t, seen (ph H u) t -> t < nrec H -> ph H t = Fenced ->
      S (og H) <= V M t Gate;
  hi_ca : forall t, le (ca H t) (V M t);
  hi_idle : forall t n, bt H t <= n <= last M (Busy t) -> val M (Busy t) n = VN 0 ->
      le (ca H t) (vw M (Busy t) n);
  hi_in : forall t, inside (ph H t) -> le (vw M Gate (og H)) (V M t)
}.

Lemma hi_locked_one : forall M H u v, HI M H -> locked (ph H u) -> locked (ph H v) -> u = v.
Proof.
  intros M H u v I A B. apply (hi_lk _ _ I) in A. apply (hi_lk _ _ I) in B. congruence.
Qed.

Lemma stopping_locked : forall p, stopping p -> locked p.
Proof. destruct p; cbn; tauto. Qed.
Lemma heavied_locked : forall p a, heavied p a -> locked p.
Proof. destruct p; cbn; tauto. Qed.
Lemma heavied_stopping : forall p a, heavied p a -> stopping p.
Proof. destruct p; cbn; tauto. Qed.
Lemma seen_heavied : forall p a, seen p a -> heavied p a.
Proof. destruct p; cbn; tauto. Qed.
Lemma pausing_stopping : forall p, pausing p -> stopping p.
Proof. destruct p; cbn; tauto. Qed.
Lemma stopping_dec : forall M H, HI M H ->
  (exists u, stopping (ph H u)) \/ (forall u, ~ stopping (ph H u)).
Proof.
  intros M H I. destruct (lk H) as [u|] eqn:E.
  - destruct (ph H u) eqn:P; try (left; exists u; rewrite P; exact Logic.I);
      right; intros v S; assert (v = u) by
        (apply stopping_locked in S; apply (hi_lk _ _ I) in S; congruence);
      subst; rewrite P in S; exact S.
  - right. intros v S. apply stopping_locked in S. apply (hi_lk _ _ I) in S. congruence.
Qed.

(** ** The invariant holds at first *)

Definition hs0 : hs := mkH (fun _ => Idle) 0 None 0 0 (fun _ => bot) (fun _ => 0).

(** The memory at first: zeros. As words of slots they are free and linked in ascending order. *)
Definition init_val (x : loc) : value :=
  match x with
  | Gate => VGate false 0
  | Head _ => VChain 0 0
  | Word i => VFree 0 (S i)
  | Store _ => VList nil
  | _ => VN 0
  end.
Definition mem0 : mem :=
  mkM (fun _ => 0) (fun x _ => init_val x) (fun _ _ => bot) (fun _ => 0) (fun _ => bot)
      (fun _ => bot) bot.

Lemma HI_init : HI mem0 hs0.
Proof.
  constructor; cbn; intros; try tauto; try lia; try discriminate; auto.
  all: try (repeat split; cbn; intros; unfold bot; lia).
  all: try (intros y; cbn; unfold bot; lia).
  all: try (exists 0; auto).
Qed.

(** ** Views only grow *)

Lemma le_trans : forall u v w, le u v -> le v w -> le u w.
Proof. intros u v w A B x. specialize (A x). specialize (B x). lia. Qed.

Definition shared (x : loc) : Prop := match x with Gate | Busy _ => True | _ => False end.

Lemma HI_mono : forall M M' H, HI M H -> wfm M' ->
  (forall x, shared x -> last M' x = last M x) ->
  (forall x n, shared x -> n <= last M x -> val M' x n = val M x n) ->
  (forall x n, shared x -> n <= last M x -> vw M' x n = vw M x n) ->
  (forall u, le (V M u) (V M' u)) -> (forall u, le (F M u) (F M' u)) ->
  le (hl M H) (hl M' H) -> HI M' H.
Proof.
  intros M M' H I W EL EV EW LV LF LH.
  assert (EN : forall x, shared x -> nv M' x = nv M x).
  { intros; unfold nv; rewrite EL by auto; auto. }
  assert (G := EL Gate Logic.I). assert (B := fun t => EL (Busy t) Logic.I).
  assert (OG : og H <= last M Gate).
  { destruct (stopping_dec _ _ I) as [[u S]|S].
    - destruct (hi_open _ _ I u S). lia.
    - rewrite (hi_open2 _ _ I S). lia. }
  constructor; intros.
  - assumption.
  - eapply hi_lk; eauto.
  - eapply hi_lk2; eauto.
  - eapply hi_part; eauto.
  - eapply hi_cycle; eauto.
  - rewrite G, EN by exact Logic.I. eapply hi_open; eauto.
  - rewrite G. eapply hi_open2; eauto.
  - rewrite EV by (cbn; auto). eapply hi_val; eauto.
  - rewrite EV by (cbn; auto; lia). eapply hi_prev; eauto.
  - rewrite EW by (cbn; auto). eapply le_trans; [eapply hi_hl; eauto | auto].
  - rewrite G. pose proof (hi_hlg _ _ I). specialize (LH Gate). lia.
  - pose proof (hi_e _ _ I t H0). specialize (LV t Gate). lia.
  - pose proof (hi_e2 _ _ I t H0). specialize (LV t Gate). specialize (LF t Gate). lia.
  - pose proof (hi_f _ _ I u t H0 H1). specialize (LF t Gate). lia.
  - rewrite EN by exact Logic.I. eapply hi_true; eauto.
  - rewrite B. pose proof (hi_fb _ _ I t H0). specialize (LF t (Busy t)). lia.
  - pose proof (hi_bt _ _ I t). specialize (LF t (Busy t)). lia.
  - rewrite B. apply (hi_btl _ _ I).
  - rewrite B. eapply hi_bti; eauto.
  - rewrite B. pose proof (hi_vb _ _ I t). specialize (LV t (Busy t)). lia.
  - pose proof (hi_h1 _ _ I u t H0 H1). specialize (LV u (Busy t)). lia.
  - rewrite B. pose proof (hi_h2 _ _ I u t H0 H1 H2). specialize (LV u (Busy t)). lia.
  - rewrite B. pose proof (hi_h3 _ _ I u t H0 H1 H2). pose proof (LV u (Busy t)).
    specialize (LV t Gate). lia.
  - eapply hi_w1; eauto.
  - pose proof (hi_w2 _ _ I u t H0 H1 H2). specialize (LV t Gate). lia.
  - eapply le_trans; [eapply hi_ca; eauto | auto].
  - rewrite B in H0. rewrite EV in H1 by (cbn; auto; lia). rewrite EW by (cbn; auto; lia).
    eapply hi_idle; eauto.
  - rewrite EW by (cbn; auto). eapply le_trans; [eapply hi_in; eauto | auto].
Qed.

(** An access to another location than the gate and the busy flags changes nothing of the
    handshake. *)
Lemma HI_do : forall t a M H, HI M H -> can t a M ->
  (forall x, shared x -> ~ writes a x) -> HI (do t a M) H.
Proof.
  intros t a M H I K N.
  apply HI_mono with (M := M); auto.
  - apply wfm_do; auto. apply (hi_wf _ _ I).
  - intros; apply last_same; auto.
  - intros; apply val_old; auto.
  - intros; apply vw_old; auto.
  - intros u x; apply V_mono.
  - intros u x; apply F_mono.
  - intros x; unfold hl; destruct (lk H); [apply V_mono | apply LV_mono].
Qed.

(** ** Every step keeps the invariant *)

Lemma hl_eq : forall M H u, HI M H -> locked (ph H u) -> hl M H = V M u.
Proof. intros M H u I L. unfold hl. rewrite (hi_lk _ _ I u L). reflexivity. Qed.

Ltac dupd := unfold upd in *; repeat match goal with
  | |- context [Nat.eq_dec ?a ?b] => destruct (Nat.eq_dec a b); subst
  | H : context [Nat.eq_dec ?a ?b] |- _ => destruct (Nat.eq_dec a b); subst
  end.

Ltac phs := repeat match goal with
  | E : ph ?h ?t = _, X : context [ph ?h ?t] |- _ =>
      lazymatch X with E => fail | _ => rewrite E in X end
  | E : ph ?h ?t = _ |- context [ph ?h ?t] => rewrite E
  end; cbn in *.

(** A step changes only the phase of [t], and the fields that go with it. *)
Ltac fields I :=
  constructor; cbn [ph nrec lk cur og ca bt set_ph]; intros;
  [ first [ assumption | exact (hi_wf _ _ I) ] | .. ].

Ltac easyh I := solve
  [ eapply hi_lk; eauto | eapply hi_lk2; eauto | eapply hi_part; eauto | eapply hi_cycle; eauto
  | eapply hi_open; eauto | eapply hi_prev; eauto | apply (hi_hl _ _ I) | apply (hi_hlg _ _ I)
  | eapply hi_e; eauto | eapply hi_e2; eauto | eapply hi_f; eauto | eapply hi_true; eauto
  | eapply hi_fb; eauto | eapply hi_bt; eauto | eapply hi_btl; eauto | eapply hi_bti; eauto | apply (hi_vb _ _ I) | eapply hi_h1; eauto
  | eapply hi_h2; eauto | eapply hi_h3; eauto | eapply hi_w1; eauto | eapply hi_w2; eauto
  | apply (hi_ca _ _ I) | eapply hi_idle; eauto | eapply hi_in; eauto ].


(** A thread changes its phase, and is not stopping the world before or after. *)
Lemma HI_phase : forall M H t p b, HI M H ->
  (locked p <-> locked (ph H t)) -> ~ stopping p -> ~ stopping (ph H t) ->
  (busy p -> t < nrec H /\ nv M (Busy t) = VN 1) -> cycle_of p (cur H) ->
  (p = Fenced \/ inside p -> last M (Busy t) <= F M t (Busy t)) ->
  (inside p -> le (vw M Gate (og H)) (V M t) /\ (forall u, ~ seen (ph H u) t) /\
    (forall u, heavied (ph H u) t -> last M (Busy t) <= V M u (Busy t)) /\
    b = last M (Busy t)) ->
  (~ inside p -> b = bt H t) ->
  (p = Fenced -> og H <= S (V M t Gate) /\
    (forall u, heavied (ph H u) t -> S (og H) <= V M t Gate)) ->
  HI M (mkH (upd (ph H) t p) (nrec H) (lk H) (cur H) (og H) (ca H) (upd (bt H) t b)).
Proof.
  intros M H t p b I L S1 S2 B R Q N NB Fe.
  assert (ST : forall u, stopping (upd (ph H) t p u) <-> stopping (ph H u)).
  { intros u. dupd; tauto. }
  assert (HV : forall u a, heavied (upd (ph H) t p u) a -> heavied (ph H u) a).
  { intros u a. dupd; auto. intros X. apply heavied_stopping in X. tauto. }
  assert (SE : forall u a, seen (upd (ph H) t p u) a -> seen (ph H u) a).
  { intros u a. dupd; auto. intros X. apply seen_heavied, heavied_stopping in X. tauto. }
  assert (ID : inside p \/ ~ inside p) by (destruct p; cbn; tauto).
  assert (IN : forall u, inside (upd (ph H) t p u) -> u = t /\ inside p \/ u <> t /\ inside (ph H u)).
  { intros u. dupd; auto. }
  assert (BT : forall u, upd (bt H) t b u = bt H u \/ u = t /\ inside p /\
                         upd (bt H) t b u = last M (Busy t)).
  { intros u. dupd; auto. destruct ID as [X|X]; [|rewrite NB; auto].
    destruct (N X) as (_ & _ & _ & E). auto. }
  fields I.
  - apply (hi_lk _ _ I). dupd; tauto.
  - apply (hi_lk2 _ _ I) in H0. dupd; tauto.
  - pose proof (hi_part _ _ I u). dupd; auto. apply B; auto.
  - pose proof (hi_cycle _ _ I u). dupd; auto.
  - apply ST in H0. eapply hi_open; eauto.
  - apply (hi_open2 _ _ I). intros u X. apply (H0 u), ST, X.
  - destruct (hi_val _ _ I) as (r & A & C). exists r. split; auto. intros X. apply C.
    intros u Y. apply (X u). dupd; auto. apply pausing_stopping in Y. tauto.
  - easyh I.
  - easyh I.
  - easyh I.
  - dupd; [apply Fe; auto | easyh I].
  - easyh I.
  - eapply hi_f; eauto.
  - pose proof (hi_true _ _ I t0). dupd; [apply B; auto | auto].
  - pose proof (hi_fb _ _ I t0). dupd; auto.
  - destruct (BT t0) as [->|(-> & X & ->)]; [easyh I | apply Q; auto].
  - destruct (BT t0) as [->|(-> & X & ->)]; [easyh I | auto].
  - destruct (BT t0) as [E|(-> & X & ->)]; auto. rewrite E.
    apply IN in H0. destruct H0 as [[-> X]|[X Y]]; [|easyh I].
    rewrite <- E. unfold upd. destruct (Nat.eq_dec t t); [apply N; auto | tauto].
  - easyh I.
  - apply HV in H0. destruct (BT t0) as [->|(-> & X & ->)]; [easyh I | apply N; auto].
  - apply HV in H0. apply IN in H2. destruct H2 as [[-> X]|[X Y]]; [apply N; auto | easyh I].
  - apply HV in H0. dupd; [left; apply (proj2 (Fe eq_refl) u); auto | easyh I].
  - apply SE in H0. intros X. apply IN in X. destruct X as [[-> X]|[X Y]].
    + apply N in X. destruct X as (_ & X & _). apply (X u H0).
    + revert Y. eapply hi_w1; eauto.
  - apply SE in H0. dupd; [|easyh I]. apply seen_heavied in H0. apply (proj2 (Fe eq_refl) u); auto.
  - easyh I.
  - destruct (BT t0) as [E|(-> & X & E)]; rewrite E in H0.
    + eapply hi_idle; eauto.
    + destruct (B ltac:(destruct p; cbn in *; tauto)) as [_ B2].
      replace n with (last M (Busy t)) in H1 by lia. unfold nv in B2. congruence.
  - apply IN in H0. destruct H0 as [[-> X]|[X Y]]; [apply N; auto | easyh I].
Qed.

(** A participant sets its own flag, at the beginning or the end of an operation. *)
Lemma HI_flag : forall M H t p n c o, HI M H ->
  t < nrec H -> ~ locked (ph H t) -> n = 1 /\ p = Setb \/ n = 0 /\ p = Idle ->
  (n = 0 -> rel o = true) -> c = ca H t \/ n = 0 /\ c = V M t /\ inside (ph H t) ->
  (n = 1 -> ph H t = Idle) -> can t (AStore (Busy t) (VN n) o) M ->
  HI (do t (AStore (Busy t) (VN n) o) M)
     (mkH (upd (ph H) t p) (nrec H) (lk H) (cur H) (og H) (upd (ca H) t c) (bt H)).
Proof.
  intros M H t p n c o I T L NP RO C ID K.
  set (a := AStore (Busy t) (VN n) o) in *. set (M' := do t a M).
  assert (W : wfm M') by (apply wfm_do; auto; apply (hi_wf _ _ I)).
  assert (P : ~ stopping p /\ ~ locked p /\ ~ inside p /\ p <> Fenced /\ (busy p -> n = 1)).
  { destruct NP as [[-> ->]|[-> ->]]; cbn; repeat split; auto; try tauto; try discriminate. }
  destruct P as (P1 & P2 & P3 & P4 & P5).
  assert (NS : ~ stopping (ph H t)).
  { intros X. apply L, stopping_locked, X. }
  assert (G : last M' Gate = last M Gate) by (apply last_same; cbn; congruence).
  assert (GN : nv M' Gate = nv M Gate) by (apply nv_same; cbn; congruence).
  assert (B : forall u, u <> t -> last M' (Busy u) = last M (Busy u)).
  { intros; apply last_same; cbn; congruence. }
  assert (BN : forall u, u <> t -> nv M' (Busy u) = nv M (Busy u)).
  { intros; apply nv_same; cbn; congruence. }
  assert (BL : forall u, last M (Busy u) <= last M' (Busy u)) by (intros; apply last_mono).
  assert (LV := V_mono t a M). assert (LF := F_mono t a M). fold M' in LV, LF.
  assert (LH : le (hl M H) (hl M' H)).
  { intros x; unfold hl; destruct (lk H); [apply V_mono | apply LV_mono]. }
  assert (OG : og H <= last M Gate).
  { destruct (stopping_dec _ _ I) as [[u S]|S].
    - destruct (hi_open _ _ I u S). lia.
    - rewrite (hi_open2 _ _ I S). lia. }
  assert (VO : forall k, k <= last M Gate -> val M' Gate k = val M Gate k).
  { intros; apply val_old; auto. }
  assert (WO : vw M' Gate (og H) = vw M Gate (og H)) by (apply vw_old; auto).
  assert (ST : forall u, stopping (upd (ph H) t p u) -> u <> t /\ stopping (ph H u)).
  { intros u. dupd; tauto. }
  assert (HV : forall u x, heavied (upd (ph H) t p u) x -> u <> t /\ heavied (ph H u) x).
  { intros u x. dupd; auto. intros X. apply heavied_stopping in X. tauto. }
  assert (SE : forall u x, seen (upd (ph H) t p u) x -> u <> t /\ seen (ph H u) x).
  { intros u x. dupd; auto. intros X. apply seen_heavied, heavied_stopping in X. tauto. }
  assert (IN : forall u, inside (upd (ph H) t p u) -> u <> t /\ inside (ph H u)).
  { intros u. dupd; auto. tauto. }
  assert (FE : forall u, upd (ph H) t p u = Fenced -> u <> t /\ ph H u = Fenced).
  { intros u. dupd; auto. tauto. }
  fields I.
  - apply (hi_lk _ _ I). dupd; tauto.
  - apply (hi_lk2 _ _ I) in H0. dupd; tauto.
  - pose proof (hi_part _ _ I u). dupd; auto.
  - pose proof (hi_cycle _ _ I u). dupd; auto.
    destruct NP as [[_ ->]|[_ ->]]; cbn; auto.
  - apply ST in H0. rewrite G, GN. apply (hi_open _ _ I u). tauto.
  - rewrite G. apply (hi_open2 _ _ I). intros u X. apply (H0 u). dupd; tauto.
  - rewrite VO by auto. destruct (hi_val _ _ I) as (r & A & D). exists r. split; auto.
    intros X. apply D. intros u Y. apply (X u). dupd; auto. apply pausing_stopping in Y. tauto.
  - rewrite VO by lia. easyh I.
  - rewrite WO. eapply le_trans; [apply (hi_hl _ _ I) | auto].
  - rewrite G. pose proof (hi_hlg _ _ I). specialize (LH Gate). unfold hl in *; cbn in *. lia.
  - apply FE in H0. pose proof (hi_e _ _ I t0 (proj2 H0)). specialize (LV t0 Gate). lia.
  - pose proof (hi_e2 _ _ I t0 H0). specialize (LV t0 Gate). specialize (LF t0 Gate). lia.
  - apply HV in H0. pose proof (hi_f _ _ I u t0 (proj2 H0) H1). specialize (LF t0 Gate). lia.
  - destruct (Nat.eq_dec t0 t) as [->|X].
    + unfold M'; rewrite nv_new by (cbn; auto). cbn. rewrite upd_eq in H0. f_equal; auto.
    + rewrite upd_neq in H0 by auto. rewrite BN by auto. easyh I.
  - assert (X : t0 <> t /\ (ph H t0 = Fenced \/ inside (ph H t0))).
    { destruct H0 as [X|X]; [apply FE in X | apply IN in X]; tauto. }
    rewrite B by tauto. pose proof (hi_fb _ _ I t0 (proj2 X)). specialize (LF t0 (Busy t0)). lia.
  - pose proof (hi_bt _ _ I t0). specialize (LF t0 (Busy t0)). lia.
  - pose proof (hi_btl _ _ I t0). specialize (BL t0). lia.
  - apply IN in H0. rewrite B by tauto. eapply hi_bti; eauto. tauto.
  - destruct (Nat.eq_dec t0 t) as [->|X]; [apply V_new; cbn; auto|].
    rewrite B by auto. pose proof (hi_vb _ _ I t0). specialize (LV t0 (Busy t0)). lia.
  - apply HV in H0. pose proof (hi_h1 _ _ I u t0 (proj2 H0) H1). specialize (LV u (Busy t0)). lia.
  - apply HV in H0. apply IN in H2. rewrite B by tauto.
    pose proof (hi_h2 _ _ I u t0 (proj2 H0) H1 (proj2 H2)). specialize (LV u (Busy t0)). lia.
  - apply HV in H0. apply FE in H2. rewrite B by tauto.
    pose proof (hi_h3 _ _ I u t0 (proj2 H0) H1 (proj2 H2)).
    pose proof (LV u (Busy t0)). specialize (LV t0 Gate). lia.
  - apply SE in H0. intros X. apply IN in X. eapply (hi_w1 _ _ I u t0); tauto.
  - apply SE in H0. apply FE in H2. pose proof (hi_w2 _ _ I u t0 (proj2 H0) H1 (proj2 H2)).
    specialize (LV t0 Gate). lia.
  - destruct (Nat.eq_dec t0 t) as [->|X]; [rewrite upd_eq | rewrite upd_neq by auto].
    + destruct C as [->|(_ & -> & _)]; [eapply le_trans; [apply (hi_ca _ _ I)|]|];
        intros x; apply LV.
    + eapply le_trans; [apply (hi_ca _ _ I)|]; intros x; apply LV.
  - destruct (Nat.eq_dec t0 t) as [->|X]; [rewrite upd_eq | rewrite upd_neq by auto].
    + assert (LN : last M' (Busy t) = S (last M (Busy t))) by (apply last_new; cbn; auto).
      destruct (Nat.eq_dec n0 (last M' (Busy t))) as [->|Y].
      * assert (E : nv M' (Busy t) = VN n) by (apply nv_new; cbn; auto).
        unfold nv in E. rewrite E in H1. injection H1 as ->.
        eapply le_trans; [|apply (nw_store_rel t (Busy t) (VN 0) o M (RO eq_refl))].
        destruct C as [->|(_ & -> & _)]; [apply (hi_ca _ _ I) | intros x; auto].
      * unfold M' in H1 |- *. rewrite val_old in H1 by lia. rewrite vw_old by lia.
        destruct C as [->|(_ & -> & X)]; [eapply hi_idle; eauto; lia|].
        pose proof (hi_bti _ _ I t X) as Z.
        replace n0 with (last M (Busy t)) in H1 by lia.
        assert (BU : busy (ph H t)) by (destruct (ph H t); cbn in X |- *; tauto).
        pose proof (hi_true _ _ I t BU) as TR. unfold nv in TR. congruence.
    + rewrite B in H0 by auto. unfold M' in H1 |- *. rewrite val_old in H1 by lia.
      rewrite vw_old by lia. eapply hi_idle; eauto.
  - apply IN in H0. rewrite WO. eapply le_trans; [apply (hi_in _ _ I t0); tauto|].
    intros x; apply LV.
Qed.

(** The holder of the lock changes its phase. *)
Lemma HI_holder : forall M H t p l, HI M H ->
  (forall u, u <> t -> ~ locked (ph H u)) -> ~ busy (ph H t) -> ~ busy p ->
  (locked p -> l = Some t) -> (l = Some t /\ locked p \/ l = None) -> cycle_of p (cur H) ->
  (stopping p <-> stopping (ph H t)) -> (pausing (ph H t) -> pausing p) ->
  le (hl M H) (match l with Some u => V M u | None => LV M end) ->
  (forall a, a < nrec H -> heavied p a -> heavied (ph H t) a \/
    (S (og H) <= F M a Gate /\ bt H a <= V M t (Busy a) /\
     (inside (ph H a) -> last M (Busy a) <= V M t (Busy a)) /\
     (ph H a = Fenced -> S (og H) <= V M a Gate \/ last M (Busy a) <= V M t (Busy a)))) ->
  (forall a, a < nrec H -> seen p a -> seen (ph H t) a \/
    (~ inside (ph H a) /\ (ph H a = Fenced -> S (og H) <= V M a Gate))) ->
  HI M (mkH (upd (ph H) t p) (nrec H) l (cur H) (og H) (ca H) (bt H)).
Proof.
  intros M H t p l I OT B1 B2 L1 L2 R S P HL HV SE.
  assert (NB : forall u, busy (upd (ph H) t p u) -> u <> t /\ busy (ph H u)).
  { intros u. dupd; auto; tauto. }
  assert (IN : forall u, inside (upd (ph H) t p u) -> u <> t /\ inside (ph H u)).
  { intros u. dupd; auto. intros X. destruct p; cbn in *; tauto. }
  assert (FE : forall u, upd (ph H) t p u = Fenced -> u <> t /\ ph H u = Fenced).
  { intros u. dupd; auto. intros X. subst p; cbn in *; tauto. }
  assert (LO : forall u, locked (upd (ph H) t p u) -> u = t /\ locked p).
  { intros u X. dupd; auto. destruct (OT u n X). }
  assert (LH : forall x, hl M H x <= match l with Some u => V M u x | None => LV M x end).
  { intros x. specialize (HL x). destruct l; auto. }
  fields I.
  - apply LO in H0. destruct H0 as [-> X]. auto.
  - destruct L2 as [[-> X]|X]; [|congruence]. injection H0 as <-. rewrite upd_eq; auto.
  - apply NB in H0. apply (hi_part _ _ I); tauto.
  - pose proof (hi_cycle _ _ I u). dupd; auto.
  - assert (X := stopping_locked _ H0). apply LO in X. destruct X as [-> X].
    rewrite upd_eq in H0. apply S in H0. eapply hi_open; eauto.
  - apply (hi_open2 _ _ I). intros u X. destruct (Nat.eq_dec u t) as [->|Y].
    + apply (H0 t). rewrite upd_eq. apply S; auto.
    + apply (H0 u). rewrite upd_neq; auto.
  - destruct (hi_val _ _ I) as (r & A & D). exists r. split; auto. intros X. apply D.
    intros u Y. apply (X u). dupd; auto.
  - easyh I.
  - intros x. pose proof (hi_hl _ _ I x). specialize (LH x). unfold hl; cbn. destruct l; lia.
  - pose proof (hi_hlg _ _ I). specialize (LH Gate). unfold hl in *; cbn. destruct l; lia.
  - apply FE in H0. eapply hi_e; [eauto|]. tauto.
  - easyh I.
  - assert (X := heavied_locked _ _ H0). apply LO in X. destruct X as [-> X].
    rewrite upd_eq in H0. destruct (HV t0 H1 H0) as [Y|Y]; [easyh I | tauto].
  - apply NB in H0. apply (hi_true _ _ I); tauto.
  - apply (hi_fb _ _ I). destruct H0 as [X|X]; [apply FE in X | apply IN in X]; tauto.
  - easyh I.
  - easyh I.
  - apply IN in H0. apply (hi_bti _ _ I); tauto.
  - easyh I.
  - assert (X := heavied_locked _ _ H0). apply LO in X. destruct X as [-> X].
    rewrite upd_eq in H0. destruct (HV t0 H1 H0) as [Y|Y]; [easyh I | tauto].
  - assert (X := heavied_locked _ _ H0). apply LO in X. destruct X as [-> X].
    rewrite upd_eq in H0. apply IN in H2.
    destruct (HV t0 H1 H0) as [Y|Y]; [eapply hi_h2; eauto; tauto | tauto].
  - assert (X := heavied_locked _ _ H0). apply LO in X. destruct X as [-> X].
    rewrite upd_eq in H0. apply FE in H2.
    destruct (HV t0 H1 H0) as [Y|Y]; [eapply hi_h3; eauto; tauto | tauto].
  - assert (X := heavied_locked _ _ (seen_heavied _ _ H0)). apply LO in X. destruct X as [-> X].
    rewrite upd_eq in H0. intros Z. apply IN in Z.
    destruct (SE t0 H1 H0) as [Y|Y]; [eapply (hi_w1 _ _ I t t0); eauto; tauto | tauto].
  - assert (X := heavied_locked _ _ (seen_heavied _ _ H0)). apply LO in X. destruct X as [-> X].
    rewrite upd_eq in H0. apply FE in H2.
    destruct (SE t0 H1 H0) as [Y|Y]; [eapply (hi_w2 _ _ I t t0); eauto; tauto | tauto].
  - easyh I.
  - easyh I.
  - apply IN in H0. apply (hi_in _ _ I); tauto.
Qed.

(** The stores SS and SR to the gate. *)
Lemma HI_gate : forall M H t b r o p g, HI M H ->
  locked (ph H t) -> ~ busy p -> cycle_of p (cur H) -> locked p ->
  can t (AStore Gate (VGate b r) o) M ->
  (b = true /\ p = Heavy r 0 /\ ~ stopping (ph H t) /\ g = og H \/
   b = false /\ p = Lckd /\ pausing (ph H t) /\ g = S (last M Gate) /\ r = cur H /\
     rel o = true) ->
  HI (do t (AStore Gate (VGate b r) o) M)
     (mkH (upd (ph H) t p) (nrec H) (lk H) (cur H) g (ca H) (bt H)).
Proof.
  intros M H t b r o p g I LT B2 R LP K D.
  set (a := AStore Gate (VGate b r) o) in *. set (M' := do t a M).
  assert (W : wfm M') by (apply wfm_do; auto; apply (hi_wf _ _ I)).
  assert (G : last M' Gate = S (last M Gate)) by (apply last_new; cbn; auto).
  assert (GN : nv M' Gate = VGate b r) by (apply nv_new; cbn; auto).
  assert (B : forall u, last M' (Busy u) = last M (Busy u)).
  { intros; apply last_same; cbn; congruence. }
  assert (BN : forall u, nv M' (Busy u) = nv M (Busy u)).
  { intros; apply nv_same; cbn; congruence. }
  assert (LV := V_mono t a M). assert (LF := F_mono t a M). fold M' in LV, LF.
  assert (VN' : last M' Gate <= V M' t Gate) by (apply V_new; cbn; auto).
  assert (HLE : hl M H = V M t) by (apply hl_eq; auto).
  assert (LKT : lk H = Some t) by (apply (hi_lk _ _ I); auto).
  assert (OT : forall u, u <> t -> ~ locked (ph H u)).
  { intros u X Y. apply X. eapply hi_locked_one; eauto. }
  assert (NB1 : ~ busy (ph H t)) by (destruct (ph H t); cbn in LT |- *; tauto).
  assert (NS : forall u, stopping (ph H u) -> u = t).
  { intros u X. eapply hi_locked_one; eauto. apply stopping_locked; auto. }
  assert (OG : (stopping (ph H t) -> last M Gate = S (og H)) /\
               (~ stopping (ph H t) -> last M Gate = og H)).
  { split; intros X. - apply (hi_open _ _ I t X).
    - apply (hi_open2 _ _ I). intros u Y. assert (u = t) by auto. subst; tauto. }
  destruct OG as [OG1 OG2].
  assert (NB : forall u, busy (upd (ph H) t p u) -> u <> t /\ busy (ph H u)).
  { intros u. dupd; auto; tauto. }
  assert (IN : forall u, inside (upd (ph H) t p u) -> u <> t /\ inside (ph H u)).
  { intros u. dupd; auto. intros X. destruct p; cbn in *; tauto. }
  assert (FE : forall u, upd (ph H) t p u = Fenced -> u <> t /\ ph H u = Fenced).
  { intros u. dupd; auto. intros X. subst p; cbn in *; tauto. }
  assert (LO : forall u, locked (upd (ph H) t p u) -> u = t).
  { intros u X. dupd; auto. destruct (OT u n X). }
  assert (HV : forall u x, heavied (upd (ph H) t p u) x -> False).
  { intros u x X. assert (u = t) by (apply LO; eapply heavied_locked; eauto). subst.
    rewrite upd_eq in X. destruct D as [(-> & -> & _)|(-> & -> & _)]; cbn in X; lia. }
  fields I.
  - apply LO in H0. subst; auto.
  - assert (u = t) by congruence. subst. rewrite upd_eq; auto.
  - apply NB in H0. apply (hi_part _ _ I); tauto.
  - pose proof (hi_cycle _ _ I u). dupd; auto.
  - assert (u = t) by (apply LO, stopping_locked, H0). subst. rewrite upd_eq in H0.
    destruct D as [(-> & -> & NT & ->)|(-> & -> & _)]; [|cbn in H0; tauto].
    rewrite G, GN. split; eauto.
  - destruct D as [(-> & -> & NT & ->)|(-> & -> & PT & -> & _)]; [|lia].
    exfalso. apply (H0 t). rewrite upd_eq. exact Logic.I.
  - destruct D as [(-> & -> & NT & ->)|(-> & -> & PT & -> & -> & RO)].
    + unfold M'. rewrite val_old by (rewrite OG2; auto).
      destruct (hi_val _ _ I) as (q & A & D). exists q. split; auto. intros X. apply D.
      intros u Y. pose proof (pausing_stopping _ Y). assert (u = t) by auto. subst; tauto.
    + unfold nv in GN. rewrite G in GN. exists (cur H). split; auto.
  - destruct D as [(-> & -> & NT & ->)|(-> & -> & PT & -> & -> & RO)].
    + unfold M'. rewrite val_old by (rewrite OG2; auto; lia). easyh I.
    + injection H0 as ->. unfold M'. rewrite val_old by auto.
      destruct (hi_open _ _ I t (pausing_stopping _ PT)) as [_ X]. exact X.
  - unfold hl; cbn [lk]. rewrite LKT.
    destruct D as [(-> & -> & NT & ->)|(-> & -> & PT & -> & -> & RO)].
    + unfold M'. rewrite vw_old by (rewrite OG2; auto).
      eapply le_trans; [apply (hi_hl _ _ I)|]. rewrite HLE. intros x; apply LV.
    + rewrite <- G. apply nw_store_le.
  - unfold hl; cbn [lk]. rewrite LKT. lia.
  - apply FE in H0. destruct H0 as [X Y].
    assert (V M' t0 Gate = V M t0 Gate) as -> by (unfold M'; rewrite V_other; auto).
    destruct D as [(-> & -> & NT & ->)|(-> & -> & PT & -> & -> & RO)]; [easyh I|].
    rewrite OG1 by (apply pausing_stopping; auto).
    assert (t0 < nrec H) by (apply (hi_part _ _ I); rewrite Y; exact Logic.I).
    assert (Z : seen (ph H t) t0) by (destruct (ph H t); cbn in PT |- *; tauto).
    pose proof (hi_w2 _ _ I t t0 Z H0 Y). lia.
  - destruct D as [(-> & -> & NT & ->)|(-> & -> & PT & -> & -> & RO)].
    + pose proof (hi_e2 _ _ I t0 H0). specialize (LV t0 Gate). specialize (LF t0 Gate). lia.
    + right. rewrite OG1 by (apply pausing_stopping; auto).
      assert (Z : heavied (ph H t) t0) by (destruct (ph H t); cbn in PT |- *; tauto).
      pose proof (hi_f _ _ I t t0 Z H0). specialize (LF t0 Gate). lia.
  - destruct (HV _ _ H0).
  - apply NB in H0. rewrite BN. apply (hi_true _ _ I); tauto.
  - rewrite B. assert (X : ph H t0 = Fenced \/ inside (ph H t0)).
    { destruct H0 as [X|X]; [apply FE in X | apply IN in X]; tauto. }
    pose proof (hi_fb _ _ I t0 X). specialize (LF t0 (Busy t0)). lia.
  - pose proof (hi_bt _ _ I t0). specialize (LF t0 (Busy t0)). lia.
  - rewrite B. easyh I.
  - apply IN in H0. rewrite B. apply (hi_bti _ _ I); tauto.
  - rewrite B. pose proof (hi_vb _ _ I t0). specialize (LV t0 (Busy t0)). lia.
  - destruct (HV _ _ H0).
  - destruct (HV _ _ H0).
  - destruct (HV _ _ H0).
  - destruct (HV _ _ (seen_heavied _ _ H0)).
  - destruct (HV _ _ (seen_heavied _ _ H0)).
  - eapply le_trans; [apply (hi_ca _ _ I)|]; intros x; apply LV.
  - rewrite B in H0. unfold M' in H1 |- *. rewrite val_old in H1 by lia. rewrite vw_old by lia.
    eapply hi_idle; eauto.
  - apply IN in H0.
    destruct D as [(-> & -> & NT & ->)|(-> & -> & PT & -> & -> & RO)].
    + unfold M'. rewrite vw_old by (rewrite OG2; auto).
      eapply le_trans; [apply (hi_in _ _ I t0); tauto|]. intros x; apply LV.
    + exfalso. assert (Z : seen (ph H t) t0) by (destruct (ph H t); cbn in PT |- *; tauto).
      apply (hi_w1 _ _ I t t0 Z); [|tauto]. apply (hi_part _ _ I).
      destruct H0 as [_ X]. destruct (ph H t0); cbn in X |- *; tauto.
Qed.

Lemma not_inside_stopping : forall p, inside p -> ~ locked p.
Proof. destruct p; cbn; tauto. Qed.

Lemma HI_gate_newest : forall M H u ts b r, HI M H -> locked (ph H u) -> ~ stopping (ph H u) ->
  V M u Gate <= ts <= last M Gate -> val M Gate ts = VGate b r -> b = false /\ r = cur H.
Proof.
  intros M H u ts b r I L NS R E.
  assert (NS' : forall v, ~ stopping (ph H v)).
  { intros v S. assert (v = u) by (eapply hi_locked_one; eauto; apply stopping_locked; auto).
    subst; tauto. }
  pose proof (hi_hlg _ _ I) as G. rewrite (hl_eq _ _ _ I L) in G.
  pose proof (hi_open2 _ _ I NS'). destruct (hi_val _ _ I) as (q & A & C).
  replace ts with (og H) in E by lia. rewrite A in E. injection E as <- <-. split; auto.
  apply C. intros v P. apply (NS' v), pausing_stopping, P.
Qed.

(** A thread that reads the gate as open after the fence reads the newest such message. *)
Lemma HI_reads_open : forall M H t ts r, HI M H -> ph H t = Fenced ->
  V M t Gate <= ts <= last M Gate -> val M Gate ts = VGate false r ->
  ts = og H /\ r = cur H /\ ~ S (og H) <= V M t Gate.
Proof.
  intros M H t ts r I P R E. pose proof (hi_e _ _ I t P).
  destruct (stopping_dec _ _ I) as [[u S]|NS].
  - destruct (hi_open _ _ I u S) as [L [q Q]]. unfold nv in Q.
    destruct (Nat.eq_dec ts (last M Gate)) as [->|N]; [congruence|].
    assert (ts = og H).
    { destruct (Nat.eq_dec ts (og H)) as [|Y]; auto.
      destruct (hi_prev _ _ I ts ltac:(lia)) as [z Z]. congruence. }
    subst ts. split; [|split]; auto; [|lia].
    destruct (hi_val _ _ I) as (z & A & C). rewrite A in E. injection E as <-.
    apply C. intros v PV.
    assert (v = u) by (eapply hi_locked_one; eauto using stopping_locked, pausing_stopping).
    subst. assert (T : t < nrec H) by (apply (hi_part _ _ I); rewrite P; exact Logic.I).
    assert (SE : seen (ph H u) t) by (destruct (ph H u); cbn in PV |- *; tauto).
    pose proof (hi_w2 _ _ I u t SE T P). lia.
  - pose proof (hi_open2 _ _ I NS).
    assert (ts = og H).
    { destruct (Nat.eq_dec ts (og H)) as [|Y]; auto.
      destruct (hi_prev _ _ I ts ltac:(lia)) as [z Z]. congruence. }
    subst ts. destruct (hi_val _ _ I) as (z & A & C). rewrite A in E. injection E as <-.
    split; [|split]; auto; [|lia]. apply C. intros v PV. apply (NS v), pausing_stopping, PV.
Qed.

Lemma upd_same : forall A (f : nat -> A) k x, upd f k (f k) x = f x.
Proof. intros; unfold upd; destruct (Nat.eq_dec x k); subst; auto. Qed.

(** [HI] depends on the values of the ghosts only. *)
Lemma HI_ext : forall M p n l c g a b a' b', HI M (mkH p n l c g a b) ->
  (forall t, a' t = a t) -> (forall t, b' t = b t) -> HI M (mkH p n l c g a' b').
Proof.
  intros M p n l c g a b a' b' I A B. destruct I; constructor; cbn in *; intros;
    try rewrite A in *; try rewrite B in *; eauto.
Qed.

Lemma HI_set_ph : forall M H t p, HI M (mkH (upd (ph H) t p) (nrec H) (lk H) (cur H) (og H) (ca H)
  (upd (bt H) t (bt H t))) -> HI M (set_ph t p H).
Proof.
  intros M H t p I. eapply HI_ext; [exact I | |]; intros; auto. rewrite upd_same; auto.
Qed.

Theorem HI_step : forall clean swept M H t a H', HI M H ->
  hstep code clean swept M H t a H' -> can t a M -> HI (do t a M) H'.
Proof.
  intros clean swept M H t a H' I S K.
  assert (PART := hi_part _ _ I t). assert (ONE := fun v => hi_locked_one _ _ t v I).
  assert (MONO : (forall x, shared x -> ~ writes a x) -> HI (do t a M) H) by
    (apply HI_do; auto).
  destruct S.
  - (* busy *)
    eapply HI_ext; [eapply (HI_flag _ _ t Setb 1 (ca H t)); eauto; try rewrite H0; cbn; auto;
      discriminate| |]; cbn; intros; auto; rewrite upd_same; auto.
  - (* light *)
    specialize (MONO ltac:(intros x X []; fail)).
    assert (T : t < nrec H) by (apply PART; rewrite H0; exact Logic.I).
    assert (VG : forall x, F M t x <= V (do t (ALight true) M) t x).
    { intros x; unf; dnat; try tauto; lia. }
    assert (FV : forall x, V M t x <= F (do t (ALight true) M) t x).
    { intros x; unf; dnat; try tauto; lia. }
    apply HI_set_ph, HI_phase; auto; try rewrite H0; cbn; try tauto; try discriminate.
    + intros _. split; auto. apply (hi_true _ _ MONO). rewrite H0; exact Logic.I.
    + intros _. pose proof (hi_vb _ _ I t). specialize (FV (Busy t)). cbn in *. lia.
    + intros _. split.
      * pose proof (hi_e2 _ _ I t T). specialize (VG Gate).
        pose proof (V_mono t (ALight true) M t Gate). cbn in *. lia.
      * intros u HU. pose proof (hi_f _ _ I u t HU T). specialize (VG Gate). cbn in *. lia.
  - (* open *)
    specialize (MONO ltac:(intros x X []; fail)).
    assert (T : t < nrec H) by (apply PART; rewrite H0; exact Logic.I).
    assert (AQ : acq o = true) by (destruct H2; subst; reflexivity).
    destruct (HI_reads_open _ _ _ _ _ I H0 K H1) as (-> & -> & NV).
    apply (HI_phase (do t (ALoad Gate (og H) o) M)); auto; try rewrite H0; cbn -[do];
      try tauto; try discriminate.
    + intros _. split; auto. apply (hi_true _ _ MONO). rewrite H0; exact Logic.I.
    + intros _. apply (hi_fb _ _ MONO). auto.
    + intros _. split; [|split; [|split]].
      * intros y. pose proof (V_load_acq t Gate (og H) o M AQ y). cbn -[do] in *. exact H3.
      * intros u SU. apply NV. eapply (hi_w2 _ _ I); eauto.
      * intros u HU. destruct (hi_h3 _ _ I u t HU T H0) as [X|X]; [tauto|].
        pose proof (V_mono t (ALoad Gate (og H) o) M u (Busy t)).
        change (last (do t (ALoad Gate (og H) o) M) (Busy t)) with (last M (Busy t)). lia.
      * reflexivity.
  - (* stopping *)
    specialize (MONO ltac:(intros x X []; fail)).
    assert (T : t < nrec H) by (apply PART; rewrite H0; exact Logic.I).
    apply HI_set_ph, HI_phase; auto; try rewrite H0; cbn -[do]; try tauto.
    + intros _. split; auto. apply (hi_true _ _ MONO). rewrite H0; exact Logic.I.
    + intros [|[]]; discriminate.
    + discriminate.
  - (* back *)
    assert (T : t < nrec H) by (apply PART; rewrite H0; exact Logic.I).
    eapply HI_ext; [eapply (HI_flag _ _ t Idle 0 (ca H t)); eauto; try rewrite H0; cbn; auto;
      discriminate| |]; cbn; intros; auto; rewrite upd_same; auto.
  - (* exit *)
    assert (T : t < nrec H) by (apply PART; rewrite H0; exact Logic.I).
    eapply (HI_flag _ _ t Idle 0 (V M t)); eauto; try rewrite H0; cbn; auto; discriminate.
  - (* lock *)
    specialize (MONO ltac:(intros x X []; fail)).
    assert (NL : forall u, ~ locked (ph H u)).
    { intros u L. apply (hi_lk _ _ I) in L. congruence. }
    apply HI_holder; auto; try rewrite H0; cbn -[do]; try tauto.
    intros x. unfold hl. cbn. rewrite H1. unf. dnat; try tauto. lia.
  - (* unlock *)
    specialize (MONO ltac:(intros x X []; fail)).
    assert (L : locked (ph H t)) by (destruct H0 as [->|[r ->]]; exact Logic.I).
    assert (NS : ~ stopping (ph H t)) by (destruct H0 as [->|[r ->]]; cbn; tauto).
    apply HI_holder; auto; cbn -[do]; try tauto.
    + intros u N X. apply N. symmetry. apply ONE; auto.
    + destruct H0 as [->|[r ->]]; cbn; tauto.
    + intros P. apply NS, pausing_stopping, P.
    + intros x. rewrite (hl_eq _ _ _ MONO L). unf. lia.
  - (* register *)
    cbn. assert (NS : forall u x, heavied (ph H u) x -> False).
    { intros u x X. assert (t = u).
      { apply ONE; [rewrite H0; exact Logic.I | eapply heavied_locked; eauto]. }
      subst u. rewrite H0 in X. exact X. }
    constructor; cbn; intros; try exact (hi_wf _ _ I); try solve [easyh I].
    + pose proof (hi_part _ _ I u H2). lia.
    + apply (hi_open2 _ _ I). auto.
    + apply (hi_val _ _ I).
    + destruct (Nat.eq_dec t0 (nrec H)) as [->|]; [|apply (hi_e2 _ _ I); lia].
      left. pose proof (hi_hlg _ _ I) as G.
      rewrite (hl_eq _ _ (nrec H) I) in G by (rewrite <- H1, H0; exact Logic.I).
      assert (last M Gate = og H); [|lia].
      apply (hi_open2 _ _ I). intros u S. assert (t = u).
      { apply ONE; [rewrite H0; exact Logic.I | apply stopping_locked; auto]. }
      subst u. rewrite H0 in S. exact S.
    + destruct (NS _ _ H2).
    + destruct (NS _ _ H2).
    + destruct (NS _ _ H2).
    + destruct (NS _ _ H2).
    + destruct (NS _ _ (seen_heavied _ _ H2)).
    + destruct (NS _ _ (seen_heavied _ _ H2)).
  - (* cycle *)
    specialize (MONO ltac:(intros x X []; fail)).
    assert (L : locked (ph H t)) by (rewrite H0; exact Logic.I).
    destruct (HI_gate_newest _ _ _ _ _ _ I L ltac:(rewrite H0; cbn; tauto) K H1) as [-> ->].
    apply HI_holder; auto; try rewrite H0; cbn -[do]; try tauto.
    + intros u N X. apply N. symmetry. apply ONE; auto.
    + intros _. apply (hi_lk _ _ I); auto.
    + rewrite (hi_lk _ _ I t L). auto.
    + unfold hl. cbn -[do]. intros x; auto.
  - (* stop *)
    assert (L : locked (ph H t)) by (rewrite H0; exact Logic.I).
    pose proof (hi_cycle _ _ I t) as R. rewrite H0 in R. cbn in R. subst r.
    apply HI_gate; auto; cbn; auto. left. rewrite H0. cbn. tauto.
  - (* heavy *)
    specialize (MONO ltac:(intros x X []; fail)).
    assert (L : locked (ph H t)) by (rewrite H0; exact Logic.I).
    pose proof (hi_cycle _ _ I t) as R. rewrite H0 in R. cbn in R. subst r.
    assert (VG : forall x, F M k x <= V (do t (AHeavy k true) M) t x).
    { intros x; unf; dnat; try tauto; lia. }
    assert (FV : forall x, V M t x <= F (do t (AHeavy k true) M) k x).
    { intros x; unf; dnat; try tauto; lia. }
    apply HI_holder; auto; try rewrite H0; cbn -[do]; try tauto.
    + intros u N X. apply N. symmetry. apply ONE; auto.
    + intros _. apply (hi_lk _ _ I); auto.
    + rewrite (hi_lk _ _ I t L). auto.
    + unfold hl. cbn -[do]. intros x; auto.
    + intros a A X. destruct (Nat.eq_dec a k) as [->|]; [right | left; lia].
      pose proof (hi_hlg _ _ I) as G. rewrite (hl_eq _ _ t I L) in G.
      assert (ST : stopping (ph H t)) by (rewrite H0; exact Logic.I).
      destruct (hi_open _ _ I t ST) as [LG _].
      change (b_heavy code) with true in *.
      assert (LB : last (do t (AHeavy k true) M) (Busy k) = last M (Busy k)) by reflexivity.
      split; [|split; [|split]].
      * specialize (FV Gate). lia.
      * pose proof (hi_bt _ _ I k). specialize (VG (Busy k)). lia.
      * intros IK. pose proof (hi_fb _ _ I k (or_intror IK)). specialize (VG (Busy k)). lia.
      * intros IK. pose proof (hi_fb _ _ I k (or_introl IK)). specialize (VG (Busy k)). lia.
  - (* heavied *)
    cbn [do]. assert (L : locked (ph H t)) by (rewrite H0; exact Logic.I).
    pose proof (hi_cycle _ _ I t) as R. rewrite H0 in R. cbn in R. subst r.
    apply HI_holder; auto; try rewrite H0; cbn -[do]; try tauto.
    + intros u N X. apply N. symmetry. apply ONE; auto.
    + intros _. apply (hi_lk _ _ I); auto.
    + rewrite (hi_lk _ _ I t L). auto.
    + unfold hl. intros x; auto.
    + intros a A X. left. lia.
    + intros a A X. lia.
  - (* idle *)
    specialize (MONO ltac:(intros x X []; fail)).
    assert (L : locked (ph H t)) by (rewrite H0; exact Logic.I).
    pose proof (hi_cycle _ _ I t) as R. rewrite H0 in R. cbn in R. subst r.
    apply HI_holder; auto; try rewrite H0; cbn -[do]; try tauto.
    + intros u N X. apply N. symmetry. apply ONE; auto.
    + intros _. apply (hi_lk _ _ I); auto.
    + rewrite (hi_lk _ _ I t L). auto.
    + unfold hl. cbn -[do]. intros x; auto.
    + intros a A X. destruct (Nat.eq_dec a k) as [->|]; [right | left; lia].
      assert (HV : heavied (ph H t) k) by (rewrite H0; exact Logic.I).
      assert (NB : busy (ph H k) -> last M (Busy k) <= V M t (Busy k) -> False).
      { intros B C. pose proof (hi_true _ _ I k B) as Z. unfold nv in Z.
        cbn in K. replace ts with (last M (Busy k)) in H2 by lia. congruence. }
      split.
      * intros IK. apply NB; [destruct (ph H k); cbn in IK |- *; tauto|].
        apply (hi_h2 _ _ I t k); auto.
      * intros IK. destruct (hi_h3 _ _ I t k HV A IK) as [X1|X1].
        -- eapply Nat.le_trans; [exact X1 | apply V_mono].
        -- exfalso. apply NB; auto. rewrite IK; exact Logic.I.
  - (* stopped *)
    cbn [do]. assert (L : locked (ph H t)) by (rewrite H0; exact Logic.I).
    pose proof (hi_cycle _ _ I t) as R. rewrite H0 in R. cbn in R. subst r.
    apply HI_holder; auto; try rewrite H0; cbn -[do]; try tauto.
    + intros u N X. apply N. symmetry. apply ONE; auto.
    + intros _. apply (hi_lk _ _ I); auto.
    + rewrite (hi_lk _ _ I t L). auto.
    + unfold hl. intros x; auto.
    + intros a A X. left. lia.
  - (* resume *)
    assert (L : locked (ph H t)) by (rewrite H0; exact Logic.I).
    pose proof (hi_cycle _ _ I t) as R. rewrite H0 in R. cbn in R. subst r.
    apply HI_gate; auto; cbn; auto. right. rewrite H0. cbn. tauto.
Qed.
