(** * The world: how it is stopped, and how operations begin and end

    Who is a participant, who stops the world, and what each knows of the other. Nothing here
    speaks of slots: what an operation does is in [allocator.v]. A participant is a thread with its
    record: a record that passes to another thread of the system, by the registry's lock or in the
    client's own way, is one thread here. The sweeper's own record is a participant too. *)

From Coq Require Import Arith Lia List Bool.
From Slotarena Require Import memory sites.

Inductive phase :=
| Idle                      (* outside any operation *)
| Setb                      (* MB done *)
| Fenced                    (* MF done *)
| Back                      (* MS read *stopping*: it goes back *)
| In (r : nat)              (* inside an operation, in round [r] *)
| Lckd                      (* holds the registry's lock *)
| LckR (r : nat)            (* and has read the round *)
| Heavy (r k : nat)         (* SS done, SF under way: met participants below [k] *)
| Wait (r k : nat)          (* SF done, SB under way: saw participants below [k] idle *)
| Stopped (r : nat).        (* the world is stopped *)

Record hs := mkH {
  ph : nat -> phase;
  nrec : nat;               (* participants: the threads below this number *)
  lk : option nat;          (* who holds the registry's lock *)
  cur : nat;                (* the round *)
  og : nat;                 (* ghost: the gate's newest *open* message *)
  ca : nat -> view;         (* ghost: each participant's view when its last operation ended *)
  bt : nat -> nat           (* ghost: its message *busy* of its last operation *)
}.

Definition set_ph (t : nat) (p : phase) (h : hs) : hs :=
  mkH (upd (ph h) t p) (nrec h) (lk h) (cur h) (og h) (ca h) (bt h).

(** One step for each access. [clean t]: thread [t] has nothing in its hands (see [allocator.v]);
    [swept]: no sweep is in the middle of what it does in the pause. *)
Inductive hstep (O : orders) (clean : nat -> Prop) (swept : Prop) (M : mem) (H : hs) (t : nat) :
  act -> hs -> Prop :=
| h_busy : ph H t = Idle -> t < nrec H ->
    hstep O clean swept M H t (AStore (Busy t) (VN 1) (o_set_busy O)) (set_ph t Setb H)
| h_light : ph H t = Setb ->
    hstep O clean swept M H t (ALight (b_light O)) (set_ph t Fenced H)
| h_open : forall ts r o, ph H t = Fenced -> val M Gate ts = VGate false r ->
    o = o_enter O \/ o = o_enter_slow O ->
    hstep O clean swept M H t (ALoad Gate ts o)
      (mkH (upd (ph H) t (In r)) (nrec H) (lk H) (cur H) (og H) (ca H)
           (upd (bt H) t (last M (Busy t))))
| h_stopping : forall ts r o, ph H t = Fenced -> val M Gate ts = VGate true r ->
    o = o_enter O \/ o = o_enter_slow O ->
    hstep O clean swept M H t (ALoad Gate ts o) (set_ph t Back H)
| h_back : ph H t = Back ->
    hstep O clean swept M H t (AStore (Busy t) (VN 0) (o_set_idle O)) (set_ph t Idle H)
| h_exit : forall r, ph H t = In r -> clean t ->
    hstep O clean swept M H t (AStore (Busy t) (VN 0) (o_set_idle O))
      (mkH (upd (ph H) t Idle) (nrec H) (lk H) (cur H) (og H) (upd (ca H) t (V M t)) (bt H))
| h_lock : ph H t = Idle -> lk H = None ->
    hstep O clean swept M H t ALock
      (mkH (upd (ph H) t Lckd) (nrec H) (Some t) (cur H) (og H) (ca H) (bt H))
| h_unlock : ph H t = Lckd \/ (exists r, ph H t = LckR r) -> clean t ->
    hstep O clean swept M H t AUnlock
      (mkH (upd (ph H) t Idle) (nrec H) None (cur H) (og H) (ca H) (bt H))
| h_register : ph H t = Lckd -> t = nrec H ->
    hstep O clean swept M H t ANop
      (mkH (ph H) (S (nrec H)) (lk H) (cur H) (og H) (ca H) (bt H))
| h_round : forall ts b r, ph H t = Lckd -> val M Gate ts = VGate b r ->
    hstep O clean swept M H t (ALoad Gate ts (o_round O)) (set_ph t (LckR r) H)
| h_stop : forall r, ph H t = LckR r -> clean t ->
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

(** ** Who is where *)

Definition locked (p : phase) : Prop :=
  match p with Lckd | LckR _ | Heavy _ _ | Wait _ _ | Stopped _ => True | _ => False end.
Definition stopping (p : phase) : Prop :=
  match p with Heavy _ _ | Wait _ _ | Stopped _ => True | _ => False end.
Definition pausing (p : phase) : Prop := match p with Stopped _ => True | _ => False end.
Definition inside (p : phase) : Prop := match p with In _ => True | _ => False end.
(** May work on slots. *)
Definition working (p : phase) : Prop :=
  match p with In _ | LckR _ | Stopped _ => True | _ => False end.
Definition busy (p : phase) : Prop :=
  match p with Setb | Fenced | Back | In _ => True | _ => False end.
(** The heavy fence has met participant [a]. *)
Definition heavied (p : phase) (a : nat) : Prop :=
  match p with Heavy _ k => a < k | Wait _ _ | Stopped _ => True | _ => False end.
(** Participant [a] has been seen idle. *)
Definition seen (p : phase) (a : nat) : Prop :=
  match p with Wait _ k => a < k | Stopped _ => True | _ => False end.
Definition round_of (p : phase) (r : nat) : Prop :=
  match p with In q | LckR q | Heavy q _ | Wait q _ | Stopped q => q = r | _ => True end.

(** What the registry's lock hands on: what its holder sees, or the last one saw. *)
Definition hl (M : mem) (H : hs) : view :=
  match lk H with Some u => V M u | None => LV M end.

(** The thread that is stopping the world, if there is one. *)
Definition stops (H : hs) : Prop := exists u, stopping (ph H u).

Record HI (M : mem) (H : hs) : Prop := {
  hi_wf : wfm M;
  hi_lk : forall u, locked (ph H u) -> lk H = Some u;
  hi_lk2 : forall u, lk H = Some u -> locked (ph H u);
  hi_part : forall u, busy (ph H u) -> u < nrec H;
  hi_round : forall u r, round_of (ph H u) (cur H);
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
