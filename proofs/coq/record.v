(** * What each thread sees

    [AI]: a thread that holds something is at work.

    [CI]: the newest message of every word, payload, store, and bit is seen by one of three. One
    is an operation under way. One is an operation that has ended and that the stopper will
    acquire. One is the holder of the lock. So a stopper sees all of them.

    [XI]: the owner of a slot sees the newest word and payload of the slot, or will see them when
    it gets the slot. *)

From Coq Require Import Arith Lia List Bool Permutation.
From Slotarena Require Import memory sites safepoint free_list allocator audit.
Import ListNotations.
Arguments do : simpl never.
Arguments nv : simpl never.
Arguments nw : simpl never.

Record AI (H : hs) (D : ds) : Prop := {
  ai_idle : forall t, ~ working (ph H t) -> clean D t;
  ai_clr : clr D <> NoClr -> exists u, pausing (ph H u) /\ clean D u;
  ai_saw : forall t i, saw D t i = true -> inside (ph H t)
}.

Definition isdata (x : loc) : Prop :=
  match x with Word _ | Cell _ | Store _ | Unswept _ | Committed _ => True | _ => False end.

Definition CI (M : mem) (H : hs) : Prop := forall x, isdata x ->
  last M x <= hl M H x \/
  (wby M x < nrec H /\
   ((inside (ph H (wby M x)) /\ last M x <= V M (wby M x) x) \/
    (~ inside (ph H (wby M x)) /\ last M x <= ca H (wby M x) x /\
     forall u, ~ seen (ph H u) (wby M x)))).

(** ** With the world stopped *)

Section stopped.
Variables (M : mem) (H : hs) (D : ds) (u : nat).
Hypothesis I : HI M H.
Hypothesis A : AI H D.
Hypothesis P : pausing (ph H u).

Lemma pausing_seen : forall t, seen (ph H u) t.
Proof. intros t. destruct (ph H u); cbn in P |- *; tauto. Qed.
Lemma pausing_locked : locked (ph H u).
Proof. destruct (ph H u); cbn in P |- *; tauto. Qed.
Lemma none_inside : forall t, ~ inside (ph H t).
Proof.
  intros t X. apply (hi_w1 _ _ I u t (pausing_seen t)); auto. apply (hi_part _ _ I).
  destruct (ph H t); cbn in X |- *; tauto.
Qed.
Lemma only_stopper : forall t, t <> u -> ~ working (ph H t).
Proof.
  intros t N W. destruct (ph H t) eqn:E; cbn in W; try tauto.
  - apply (none_inside t). rewrite E. exact Logic.I.
  - apply N. eapply hi_locked_one; eauto using pausing_locked. rewrite E. exact Logic.I.
  - apply N. eapply hi_locked_one; eauto using pausing_locked. rewrite E. exact Logic.I.
Qed.
Lemma all_clean : clean D u -> forall t, clean D t.
Proof.
  intros C t. destruct (Nat.eq_dec t u) as [->|N]; auto. apply (ai_idle _ _ A).
  apply only_stopper; auto.
Qed.
Lemma stopper_sees : CI M H -> forall x, isdata x -> last M x <= V M u x.
Proof.
  intros C x X. destruct (C x X) as [Y|(_ & [[Y _]|(_ & _ & Y)])].
  - rewrite (hl_eq _ _ _ I pausing_locked) in Y. exact Y.
  - destruct (none_inside _ Y).
  - destruct (Y u (pausing_seen _)).
Qed.
End stopped.

Lemma og_last : forall M H, HI M H -> og H <= last M Gate.
Proof.
  intros M H I. destruct (stopping_dec _ _ I) as [[u S]|S].
  - destruct (hi_open _ _ I u S). lia.
  - rewrite (hi_open2 _ _ I S). lia.
Qed.

Lemma works_cases : forall H D t r, works H D t r -> inside (ph H t) \/ locked (ph H t).
Proof. intros H D t r [->|[->|[-> _]]]; cbn; auto. Qed.
Lemma works_working : forall H D t r, works H D t r -> working (ph H t).
Proof. intros H D t r [->|[->|[-> _]]]; exact Logic.I. Qed.
Lemma sweeps_works : forall H D t r, sweeps H D t r -> works H D t r.
Proof. intros H D t r [X|X]; [left | right; right]; auto. Qed.

(** Only a thread that works, or sweeps in the pause, changes data in [dstep]. *)
Lemma dstep_data : forall O G M H D t a D' x, dstep O G M H D t a D' -> writes a x -> isdata x ->
  inside (ph H t) \/ locked (ph H t).
Proof.
  intros O G M H D t a D' x S W X. destruct S; cbn in W; try tauto;
    try (eapply works_cases; eauto; fail);
    try (eapply works_cases, sweeps_works; eauto; fail);
    try (match goal with E : ph H t = _ |- _ => rewrite E; cbn; auto; fail end).
  subst x. destruct X.
Qed.

Lemma dstep_shared : forall O G M H D t a D' x, dstep O G M H D t a D' -> shared x ->
  ~ writes a x.
Proof. intros O G M H D t a D' x S W X. destruct S; cbn in X; try tauto; subst x; destruct W. Qed.

Lemma dstep_fence : forall O G M H D t a D', dstep O G M H D t a D' ->
  LV (do t a M) = LV M.
Proof. intros. destruct H0; reflexivity. Qed.

(** ** [CI] *)

Lemma hl_mono : forall t a M H, le (hl M H) (hl (do t a M) H).
Proof. intros t a M H x; unfold hl; destruct (lk H); [apply V_mono | apply LV_mono]. Qed.

Lemma CI_dstep : forall O G M H D t a D', HI M H -> CI M H ->
  dstep O G M H D t a D' -> CI (do t a M) H.
Proof.
  intros O G M H D t a D' I C S x X. destruct (writes_dec a x) as [W|W].
  - assert (N := V_new t a M x W). rewrite (wby_new _ _ _ _ W).
    destruct (dstep_data _ _ _ _ _ _ _ _ _ S W X) as [Y|Y].
    + right. split; [|left; auto]. apply (hi_part _ _ I).
      destruct (ph H t); cbn in Y |- *; tauto.
    + left. unfold hl. rewrite (hi_lk _ _ I t Y). exact N.
  - rewrite last_same, wby_same by auto. pose proof (hl_mono t a M H x).
    destruct (C x X) as [Y|(Y1 & [[Y2 Y3]|Y2])]; [left; lia | right; split; auto; left | auto].
    split; auto. pose proof (V_mono t a M (wby M x) x). lia.
Qed.

Lemma hstep_data : forall O c s M H t a H' x, hstep O c s M H t a H' -> isdata x -> ~ writes a x.
Proof. intros O c s M H t a H' x S X W. destruct S; cbn in W; try tauto; subst x; exact X. Qed.

Lemma hstep_hl : forall c s M H t a H', HI M H -> hstep code c s M H t a H' ->
  le (hl M H) (hl (do t a M) H').
Proof.
  intros c s M H t a H' I S x. pose proof (hl_mono t a M H x) as MO.
  destruct S; try exact MO.
  - unfold hl in *. cbn. rewrite H1 in *. unf. dnat; try tauto. lia.
  - assert (L : locked (ph H t)) by (destruct H0 as [->|[r ->]]; exact Logic.I).
    rewrite (hl_eq _ _ _ I L). unfold hl. cbn. unf. lia.
Qed.

Lemma CI_hstep : forall c s M H t a H', HI M H -> CI M H ->
  hstep code c s M H t a H' -> can t a M -> CI (do t a M) H'.
Proof.
  intros c s M H t a H' I C S K x X.
  assert (W := hstep_data _ _ _ _ _ _ _ _ x S X).
  assert (L := hstep_hl _ _ _ _ _ _ _ I S x).
  assert (LV' := V_mono t a M).
  assert (ONE := fun v => hi_locked_one _ _ t v I).
  rewrite last_same, wby_same by auto.
  destruct (C x X) as [Y|(Y1 & Y2)]; [left; lia|].
  set (b := wby M x) in *. specialize (LV' b x).
  assert (PB : inside (ph H b) -> t = b -> inside (ph H t)) by (intros; subst t; auto).
  destruct S; cbn [ph nrec lk cur og ca bt set_ph] in *.
  all: try (right; split; [lia|]; destruct Y2 as [[Z1 Z2]|(Z1 & Z2 & Z3)];
    [ left; split; [unfold upd; destruct (Nat.eq_dec b t) as [E|E]; auto; subst t;
                    rewrite H0 in Z1; cbn in Z1; tauto | lia]
    | right; split; [unfold upd; destruct (Nat.eq_dec b t) as [E|E]; cbn; auto; tauto|];
      split; [exact Z2|]; intros v; unfold upd; destruct (Nat.eq_dec v t) as [E|E]; auto;
      cbn; try tauto; try lia; subst v; specialize (Z3 t); rewrite H0 in Z3; exact Z3 ]; fail).
  - (* open *)
    right. split; auto. destruct (Nat.eq_dec b t) as [->|N].
    + left. rewrite upd_eq. split; [exact Logic.I|].
      destruct Y2 as [[_ Z]|(_ & Z & _)]; [lia|]. pose proof (hi_ca _ _ I t x). lia.
    + destruct Y2 as [[Z1 Z2]|(Z1 & Z2 & Z3)].
      * left. rewrite upd_neq by auto. split; auto. lia.
      * right. rewrite upd_neq by auto. split; [auto|split; [auto|]]. intros v SV.
        apply (Z3 v). unfold upd in SV. destruct (Nat.eq_dec v t); auto. destruct SV.
  - (* exit *)
    right. split; auto. destruct (Nat.eq_dec b t) as [->|N].
    + right. rewrite !upd_eq. split; [cbn; tauto|]. rewrite H0 in Y2. cbn in Y2.
      split; [destruct Y2 as [[_ Z]|(Z & _)]; tauto|].
      intros v SV. unfold upd in SV. destruct (Nat.eq_dec v t); [destruct SV|].
      apply (hi_w1 _ _ I v t SV Y1). rewrite H0. exact Logic.I.
    + destruct Y2 as [[Z1 Z2]|(Z1 & Z2 & Z3)].
      * left. rewrite upd_neq by auto. split; auto. lia.
      * right. rewrite !upd_neq by auto. split; [auto|split; [auto|]]. intros v SV.
        apply (Z3 v). unfold upd in SV. destruct (Nat.eq_dec v t); auto. destruct SV.
  - (* unlock *)
    assert (NI : ~ inside (ph H t)) by (destruct H0 as [->|[r ->]]; cbn; tauto).
    right. split; auto. destruct Y2 as [[Z1 Z2]|(Z1 & Z2 & Z3)].
    + left. rewrite upd_neq by congruence. split; auto; lia.
    + right. split; [|split; [auto|]].
      * unfold upd. destruct (Nat.eq_dec b t); cbn; auto; tauto.
      * intros v SV. unfold upd in SV. destruct (Nat.eq_dec v t); [destruct SV|]. apply (Z3 v SV).
  - (* idle *)
    assert (LK : locked (ph H t)) by (rewrite H0; exact Logic.I).
    assert (HL' : forall y, hl (do t (ALoad (Busy k) ts (o_is_busy code)) M)
      (set_ph t (Wait r (S k)) H) y = V (do t (ALoad (Busy k) ts (o_is_busy code)) M) t y).
    { intros y. unfold hl. cbn [lk set_ph]. rewrite (hi_lk _ _ I t LK). auto. }
    destruct (Nat.eq_dec b k) as [->|N].
    + left. rewrite HL'. assert (HV : heavied (ph H t) k) by (rewrite H0; exact Logic.I).
      cbn in K. pose proof (hi_h1 _ _ I t k HV H1).
      pose proof (hi_idle _ _ I k ts ltac:(lia) H2 x) as CA.
      pose proof (V_load_acq t (Busy k) ts (o_is_busy code) M eq_refl x) as VA.
      destruct Y2 as [[Z1 Z2]|(Z1 & Z2 & Z3)]; [exfalso|lia].
      assert (LB : last M (Busy k) <= V M t (Busy k)) by (apply (hi_h2 _ _ I t k); auto).
      assert (BU : busy (ph H k)) by (destruct (ph H k); cbn in Z1 |- *; tauto).
      pose proof (hi_true _ _ I k BU) as TR. unfold nv in TR.
      replace ts with (last M (Busy k)) in H2 by lia. congruence.
    + right. split; auto. destruct Y2 as [[Z1 Z2]|(Z1 & Z2 & Z3)].
      * left. destruct (Nat.eq_dec b t) as [E|E].
        { exfalso. subst t. rewrite H0 in Z1. exact Z1. }
        rewrite upd_neq by auto. split; auto. lia.
      * right. split; [|split; [auto|]].
        -- unfold upd. destruct (Nat.eq_dec b t); cbn; auto; tauto.
        -- intros v SV. unfold upd in SV. destruct (Nat.eq_dec v t) as [E|E]; [|apply (Z3 v SV)].
           subst v. apply (Z3 t). rewrite H0. cbn in SV |- *. lia.
  - (* stopped *)
    assert (SB : seen (ph H t) b) by (rewrite H0; cbn; lia).
    exfalso. destruct Y2 as [[Z1 Z2]|(Z1 & Z2 & Z3)].
    + apply (hi_w1 _ _ I t b SB Y1 Z1).
    + apply (Z3 t SB).
Qed.

(** ** [AI] *)

Lemma AI_hstep : forall O M H D t a H', HI M H -> AI H D ->
  hstep O (clean D) (clr D = NoClr) M H t a H' -> AI H' D.
Proof.
  intros O M H D t a H' I A S.
  assert (SA : forall i, ~ inside (ph H t) -> saw D t i = false).
  { intros i N. destruct (saw D t i) eqn:E; auto. destruct (N (ai_saw _ _ A t i E)). }
  constructor.
  - intros u W. destruct S; cbn [ph set_ph] in W; unfold upd in W;
      try (destruct (Nat.eq_dec u t) as [->|]; [|apply (ai_idle _ _ A); exact W]; cbn in W);
      try tauto; try (apply (ai_idle _ _ A); rewrite ?H0; cbn; tauto); auto.
  - intros C. destruct (ai_clr _ _ A C) as (u & P & CL). exists u. split; auto.
    destruct S; cbn [ph set_ph]; unfold upd; auto;
      try (destruct (Nat.eq_dec u t) as [E|]; auto; subst u; rewrite H0 in P; cbn in *; tauto).
    destruct (Nat.eq_dec u t) as [E|]; auto. subst u.
    destruct H0 as [H0|[r H0]]; rewrite H0 in P; destruct P.
  - intros u i E. pose proof (ai_saw _ _ A u i E) as X.
    destruct S; cbn [ph set_ph]; unfold upd; auto;
      try (destruct (Nat.eq_dec u t) as [Y|]; auto; subst u; rewrite H0 in X; cbn in *; tauto).
    + destruct (Nat.eq_dec u t) as [Y|]; auto. subst u. destruct H1 as (_ & _ & _ & Q & _).
      congruence.
    + destruct (Nat.eq_dec u t) as [Y|]; auto. subst u.
      destruct H0 as [H0|[r H0]]; rewrite H0 in X; destruct X.
Qed.

Lemma clean_other : forall D D' t, (forall k, rg D' t k = rg D t k) ->
  (forall i, own D' i = OScanned t -> own D i = OScanned t) ->
  (forall i, todo D' i = Some t -> todo D i = Some t) -> (forall i, saw D' t i = saw D t i) ->
  (forall i, dl D' t i = dl D t i) -> clean D t -> clean D' t.
Proof.
  intros D D' t R S T W L (A & B & C & E & F).
  split; [|split; [|split; [|split]]]; intros.
  - rewrite R; auto.
  - intros X. apply (B i), S, X.
  - intros X. apply (C i), T, X.
  - rewrite W; auto.
  - rewrite L; auto.
Qed.

Lemma clean_step_other : forall O G M H D t a D' u, dstep O G M H D t a D' -> u <> t ->
  clean D u -> clean D' u.
Proof.
  intros O G M H D t a D' u S N C.
  assert (RG : forall k p, forall j, set_rg D t k p u j = rg D u j).
  { intros. apply set_rg_neq. congruence. }
  destruct S; try exact C; eapply clean_other; try exact C; cbn [own rg todo saw dl]; intros; auto;
    try (apply upd_neq; auto; fail);
    try (rewrite upd_neq in * by auto; auto; fail).
  all: try (unfold setl, ren in *; repeat match goal with
    | X : context [owner_eq ?a ?b] |- _ => destruct (owner_eq a b)
    | X : context [in_dec Nat.eq_dec ?a ?b] |- _ => destruct (in_dec Nat.eq_dec a b)
    end; congruence).
  - destruct (nv M (Unswept g)) as [[|[|?]]| | | | | |]; auto. destruct (in_dec _ _ _); congruence.
  - unfold upd in *. destruct (Nat.eq_dec i0 i); congruence.
  - unfold upd in *. destruct (Nat.eq_dec i0 i); congruence.
Qed.

Lemma clean_step_self : forall O G M H D t a D', dstep O G M H D t a D' ->
  (~ working (ph H t) \/ clr D <> NoClr /\ ~ inside (ph H t) /\ (forall r, ph H t <> LckC r)) ->
  clean D t -> clean D' t.
Proof.
  intros O G M H D t a D' S N C.
  assert (NW : forall r, ~ works H D t r).
  { intros r W. destruct N as [N|(N1 & N2 & N3)].
    - apply N. eapply works_working; eauto.
    - destruct W as [W|[W|[_ W]]]; [apply N2; rewrite W; exact Logic.I | apply (N3 r W) | tauto]. }
  assert (NS : forall r, ~ sweeps H D t r) by (intros r W; apply (NW r), sweeps_works, W).
  assert (NI : forall r, ph H t <> Inside r).
  { intros r E. apply (NW r). left; auto. }
  destruct S; try exact C; try (exfalso; eapply NW; eauto; fail);
    try (exfalso; eapply NS; eauto; fail); try (exfalso; eapply NI; eauto; fail).
  - destruct C as (A & B & C & E & F). split; [|split; [|split; [|split]]]; cbn; auto;
      intros; rewrite upd_eq; auto.
  - eapply clean_other; try exact C; cbn; auto. intros i X. unfold ren in X.
    destruct (owner_eq _ _); congruence.
  - eapply clean_other; try exact C; cbn; auto. intros i X. unfold ren in X.
    destruct (owner_eq _ _); congruence.
  - eapply clean_other; try exact C; cbn; auto. intros j X. rewrite setl_one in X.
    destruct (Nat.eq_dec j i); congruence.
Qed.

Lemma AI_dstep : forall O G M H D t a D', HI M H -> AI H D -> dstep O G M H D t a D' -> AI H D'.
Proof.
  intros O G M H D t a D' I A S. constructor.
  - intros u W. destruct (Nat.eq_dec u t) as [->|N].
    + eapply clean_step_self; eauto. apply (ai_idle _ _ A); auto.
    + eapply clean_step_other; eauto. apply (ai_idle _ _ A); auto.
  - intros C. destruct (stage_eq (clr D)) as [E|E].
    + assert (X : exists r, ph H t = Stopped r /\ clean D t) by (destruct S; cbn in C; try congruence; eauto).
      destruct X as (r & P & CL). exists t. rewrite P. split; [exact Logic.I|].
      destruct S; cbn in C; try congruence. exact CL.
    + destruct (ai_clr _ _ A E) as (u & P & CL). exists u. split; auto.
      destruct (Nat.eq_dec u t) as [->|N]; [|eapply clean_step_other; eauto].
      eapply clean_step_self; eauto. right. split; auto.
      destruct (ph H t); cbn in P |- *; try tauto. split; [tauto|discriminate].
  - intros u i E. destruct (Nat.eq_dec u t) as [->|N].
    + destruct S; cbn [saw] in E; try (apply (ai_saw _ _ A t i E)).
      * rewrite H0. exact Logic.I.
      * rewrite upd_eq in E. discriminate.
    + apply (ai_saw _ _ A u i). destruct S; cbn [saw] in E; auto; rewrite upd_neq in E; auto.
Qed.

(** ** [XI] *)

Definition cov (M : mem) (w : view) (i : nat) : Prop :=
  last M (Word i) <= w (Word i) /\ last M (Cell i) <= w (Cell i).

(** The next user of the store of [t] will see location [x]. Either its owner sees it, or the owner
    will when it reads the gate, or the stopper sees it. *)
Definition scov (M : mem) (H : hs) (t : nat) (x : loc) : Prop :=
  last M x <= V M t x \/ last M x <= vw M Gate (og H) x \/
  exists u, pausing (ph H u) /\ last M x <= V M u x.

Definition xi (G : geo) (M : mem) (H : hs) (b : view) (o : owner) (i : nat) : Prop :=
  match o with
  | OChain s => cov M (nw M (Head s)) i
  | OHeld t _ | OScanned t => cov M (V M t) i
  | OStore t => scov M H t (Word i) /\ scov M H t (Cell i)
  | OUsed => last M (Cell i) <= nw M (Word i) (Cell i)
  | ORel => forall g, g < NG G -> In i (slots G g) -> cov M (nw M (Committed g)) i
  | OUnswept => cov M b i
  | OGone => True
  end.

Record XI (G : geo) (M : mem) (H : hs) (D : ds) : Prop := {
  xi_slot : forall i, xi G M H (base D) (own D i) i;
  xi_store : forall t, scov M H t (Store t)
}.

Lemma cov_le : forall M v w i, le v w -> cov M v i -> cov M w i.
Proof.
  intros M v w i L [A B]. pose proof (L (Word i)). pose proof (L (Cell i)). split; lia.
Qed.

Lemma cov_mem : forall M M' v w i, le v w -> last M' (Word i) = last M (Word i) ->
  last M' (Cell i) = last M (Cell i) -> cov M v i -> cov M' w i.
Proof.
  intros M M' v w i L E F [A B]. pose proof (L (Word i)). pose proof (L (Cell i)). split; lia.
Qed.

Lemma scov_mono : forall M M' H t x, scov M H t x -> last M' x = last M x ->
  (forall u, V M u x <= V M' u x) -> vw M' Gate (og H) = vw M Gate (og H) -> scov M' H t x.
Proof.
  intros M M' H t x S E L W. unfold scov in *. rewrite E, W.
  destruct S as [S|[S|(u & P & S)]].
  - specialize (L t). left; lia.
  - auto.
  - right; right. exists u. specialize (L u). split; auto; lia.
Qed.

(** A thread that may use a store sees it. *)
Lemma scov_use : forall M H D t u r x, HI M H -> CI M H -> works H D t r -> mayuse H t u ->
  isdata x -> scov M H u x -> last M x <= V M t x.
Proof.
  intros M H D t u r x I C W [U1 U2] X S.
  destruct W as [W|[W|[W _]]].
  - destruct U2 as [->|P]; [|rewrite W in P; destruct P].
    destruct S as [S|[S|(v & P & S)]]; auto.
    + assert (IN : inside (ph H t)) by (rewrite W; exact Logic.I).
      pose proof (hi_in _ _ I t IN x). lia.
    + exfalso. apply (none_inside _ _ _ I P t). rewrite W. exact Logic.I.
  - destruct U2 as [->|P]; [|rewrite W in P; destruct P].
    assert (L : locked (ph H t)) by (rewrite W; exact Logic.I).
    destruct S as [S|[S|(v & P & S)]]; auto.
    + pose proof (hi_hl _ _ I x) as Z. rewrite (hl_eq _ _ _ I L) in Z. lia.
    + exfalso. assert (v = t) by (eapply hi_locked_one; eauto using pausing_locked).
      subst. rewrite W in P. exact P.
  - eapply stopper_sees; eauto. rewrite W. exact Logic.I.
Qed.

Lemma XI_hstep : forall G c s M H D t a H', HI M H -> XI G M H D ->
  hstep code c s M H t a H' -> XI G (do t a M) H' D.
Proof.
  intros G c s M H D t a H' I X S.
  assert (LS : forall x, isdata x -> last (do t a M) x = last M x).
  { intros x Y. apply last_same. eapply hstep_data; eauto. }
  assert (NWS : forall x, shared x \/ nw (do t a M) x = nw M x).
  { intros x. destruct (writes_dec a x) as [W|W].
    - left. destruct S; cbn in W; try tauto; subst x; exact Logic.I.
    - right. apply nw_same; auto. }
  assert (LV' := V_mono t a M).
  assert (SC : forall u x, isdata x -> scov M H u x -> scov (do t a M) H' u x).
  { intros u x Y SCO. specialize (LS x Y). unfold scov in *. rewrite LS.
    destruct SCO as [Z|[Z|(v & P & Z)]].
    - left. specialize (LV' u x). lia.
    - right; left. destruct (Nat.eq_dec (og H') (og H)) as [E|E].
      + rewrite E. rewrite vw_old by (apply og_last; auto). exact Z.
      + destruct S; cbn in E; try tauto. cbn [og].
        assert (L : locked (ph H t)) by (rewrite H0; exact Logic.I).
        pose proof (hi_hl _ _ I x) as Y1. rewrite (hl_eq _ _ _ I L) in Y1.
        pose proof (nw_store_rel t Gate (VGate false r) (o_resume code) M eq_refl x) as Y2.
        unfold nw in Y2. rewrite last_new in Y2 by (cbn; auto). lia.
    - destruct (Nat.eq_dec v t) as [->|N].
      + destruct S; try (rewrite H0 in P; destruct P; fail).
        * destruct H0 as [H0|[q H0]]; rewrite H0 in P; destruct P.
        * right; left. cbn [og].
          pose proof (nw_store_rel t Gate (VGate false r) (o_resume code) M eq_refl x) as Y2.
          unfold nw in Y2. rewrite last_new in Y2 by (cbn; auto). lia.
      + right; right. exists v. specialize (LV' v x). split; [|lia].
        destruct S; cbn [ph set_ph]; rewrite ?upd_neq by auto; auto. }
  constructor.
  - intros i. pose proof (xi_slot _ _ _ _ X i) as Y.
    assert (E1 := LS (Word i) Logic.I). assert (E2 := LS (Cell i) Logic.I).
    destruct (own D i); cbn in *; auto.
    + destruct (NWS (Head s0)) as [[]| ->]. eapply cov_mem; eauto. intros z; auto.
    + destruct Y. split; apply SC; cbn; auto.
    + eapply cov_mem; eauto. intros z; apply LV'.
    + destruct (NWS (Word i)) as [[]| ->]. lia.
    + eapply cov_mem; eauto. intros z; auto.
    + eapply cov_mem; eauto. intros z; apply LV'.
    + intros g L1 L2. destruct (NWS (Committed g)) as [[]| ->]. eapply cov_mem; eauto. intros z; auto.
  - intros u. apply SC; [exact Logic.I | apply (xi_store _ _ _ _ X)].
Qed.

Lemma nw_mono : forall O G M H D t a D' x, dstep O G M H D t a D' ->
  (exists s, x = Head s) \/ (exists g, x = Committed g) -> le (nw M x) (nw (do t a M) x).
Proof.
  intros O G M H D t a D' x S X. destruct (writes_dec a x) as [W|W].
  - destruct S; cbn in W; try tauto; subst x; try apply nw_rmw;
      destruct X as [[? X]|[? X]]; discriminate.
  - rewrite nw_same by auto. intros y; auto.
Qed.

Lemma XI_dstep : forall G M H D t a D', HI M H -> CI M H -> DL G M H D -> DW G M D ->
  XI G M H D -> valid G ->
  (forall i, todo D i = Some t -> dl D t i = true -> own D i = OUnswept) ->
  (forall r, sweeps H D t r -> le (base D) (V M t)) ->
  dstep code G M H D t a D' -> XI G (do t a M) H D'.
Proof.
  intros G M H D t a D' I C L W X VG SA BS S.
  assert (lS := last_same t a M). assert (LV' := V_mono t a M). assert (VN' := V_new t a M).
  assert (VR : forall v x o, a = ARmw x v o -> acq o = true -> le (nw M x) (V (do t a M) t)).
  { intros v x o -> A. apply V_rmw_acq; auto. }
  assert (NR : forall v x o, a = ARmw x v o -> le (nw M x) (nw (do t a M) x)).
  { intros v x o ->. apply nw_rmw. }
  assert (NRR : forall v x o, a = ARmw x v o -> rel o = true -> le (V M t) (nw (do t a M) x)).
  { intros v x o -> A. apply nw_rmw_rel; auto. }
  assert (NSR : forall v x o, a = AStore x v o -> rel o = true -> le (V M t) (nw (do t a M) x)).
  { intros v x o -> A. apply nw_store_rel; auto. }
  assert (NM := fun x => nw_mono _ _ _ _ _ _ _ _ x S).
  assert (nS := nw_same t a M).
  assert (GW : vw (do t a M) Gate (og H) = vw M Gate (og H)) by (apply vw_old, og_last; auto).
  assert (OL := own_list _ _ _ _ L). assert (HP := held_pf _ _ _ _ L).
  assert (HC := held_cur _ _ _ _ L).
  assert (USED : forall i, inuse (nv M (Word i)) -> own D i = OUsed).
  { intros i U. destruct (owner_eq (own D i) OUsed) as [|N]; auto. apply (di_free _ _ _ W) in N.
    destruct (nv M (Word i)); cbn in *; tauto. }
  assert (USE := fun u r x => scov_use M H D t u r x I C).
  assert (XS := xi_slot _ _ _ _ X). assert (XP := xi_store _ _ _ _ X).
  assert (XO : forall i o, own D i = o -> xi G M H (base D) o i) by (intros; subst; auto).
  set (M' := do t a M) in *. clearbody M'.
  (* A slot that the step does not concern. *)
  assert (KEEP : forall i, ~ writes a (Word i) -> ~ writes a (Cell i) ->
    xi G M' H (base D) (own D i) i).
  { intros i W1 W2. specialize (XS i). assert (E1 := lS _ W1). assert (E2 := lS _ W2).
    destruct (own D i); cbn in *; auto.
    - eapply cov_mem; eauto.
    - destruct XS. split; eapply scov_mono; eauto.
    - eapply cov_mem; eauto. intros z; apply LV'.
    - rewrite nS by auto. lia.
    - eapply cov_mem; eauto. intros z; auto.
    - eapply cov_mem; eauto. intros z; apply LV'.
    - intros g L1 L2. eapply cov_mem; eauto. }
  assert (STORE : (forall u, ~ writes a (Store u)) -> forall u, scov M' H u (Store u)).
  { intros N u. eapply scov_mono; eauto. }
  assert (STORE1 : forall u v, a = AOwn (Store u) v -> mayuse H t u -> forall w, scov M' H w (Store w)).
  { intros u v -> U w. destruct (Nat.eq_dec w u) as [->|N].
    - specialize (VN' (Store u) eq_refl). destruct U as [_ [->|P]]; [left; auto|].
      right; right. exists t. auto.
    - eapply scov_mono; eauto. apply lS. cbn. congruence. }
  Ltac notw := cbn; try tauto; try congruence.
  Ltac keep K := apply K; [notw | notw].
  destruct S; (constructor; cbn [own lst rg saw dl todo zr base clr];
    [ intros i0; try (keep KEEP; fail)
    | try (apply STORE; notw; fail); try (eapply STORE1; eauto; fail) ]).
  Ltac one i0 i K := rewrite setl_one; destruct (Nat.eq_dec i0 i) as [->|N]; [|keep K].
  - (* pop *)
    assert (E : own D i = OStore u).
    { apply OL; auto. pose proof (di_store _ _ _ _ L u) as Z. rewrite H3 in Z.
      injection Z as <-. apply in_or_app; cbn; auto. }
    one i0 i KEEP. destruct (XO i _ E) as [A B].
    apply (USE u r (Word i)) in A; try exact Logic.I; auto.
    apply (USE u r (Cell i)) in B; try exact Logic.I; auto.
    eapply cov_mem with (M := M) (v := V M t); [intros z; apply LV' | apply lS; notw | apply lS; notw | split; auto].
  - (* keep *)
    one i0 (pf (rg D t k)) KEEP. destruct (XO _ _ (HP t k H2)) as [A B].
    destruct H1 as [_ [->|P]].
    + split; left; (rewrite lS by notw); eapply Nat.le_trans; [exact A | apply LV' | exact B | apply LV'].
    + split; right; right; exists t; (split; [exact P|]); (rewrite lS by notw);
        eapply Nat.le_trans; [exact A | apply LV' | exact B | apply LV'].
  - (* take *)
    unfold ren. destruct (owner_eq (own D i0) (OChain s)) as [E|E]; [|keep KEEP].
    eapply cov_mem; [eapply VR; reflexivity | apply lS; notw | apply lS; notw | apply (XO _ _ E)].
  - (* push *)
    unfold ren. destruct (owner_eq (own D i0) (OHeld t k)) as [E|E]; [|keep KEEP].
    eapply cov_mem; [eapply NRR; reflexivity | apply lS; notw | apply lS; notw | apply (XO _ _ E)].
  - (* put back *)
    unfold ren. destruct (owner_eq (own D i0) (OHeld t k)) as [E|E]; [|keep KEEP].
    eapply cov_mem; [eapply NRR; reflexivity | apply lS; notw | apply lS; notw | apply (XO _ _ E)].
  - (* set_next *)
    assert (E := HC t k ltac:(lia)).
    destruct (Nat.eq_dec i0 (pcur (rg D t k))) as [->|N]; [|keep KEEP].
    rewrite E. destruct (XO _ _ E) as [A B]. split; [apply VN'; reflexivity|].
    rewrite lS by notw. eapply Nat.le_trans; [exact B | apply LV'].
  - (* split *)
    destruct (pieceok_split _ _ _ _ (di_held _ _ _ _ L t k) H3 H4 H5) as [E _].
    assert (Q : own D (pf (rg D t k)) = OHeld t k) by (apply OL; auto; rewrite E; cbn; auto).
    one i0 (pf (rg D t k)) KEEP.
    eapply cov_mem; [intros z; apply LV' | apply lS; notw | apply lS; notw | apply (XO _ _ Q)].
  - (* join *)
    unfold ren. destruct (owner_eq (own D i0) (OHeld t k2)) as [E|E]; [|keep KEEP].
    eapply cov_mem; [intros z; apply LV' | apply lS; notw | apply lS; notw | apply (XO _ _ E)].
  - (* cell *)
    assert (E := HC t k ltac:(lia)).
    destruct (Nat.eq_dec i0 (pcur (rg D t k))) as [->|N]; [|keep KEEP].
    rewrite E. destruct (XO _ _ E) as [A B]. split; [|apply VN'; reflexivity].
    rewrite lS by notw. eapply Nat.le_trans; [exact A | apply LV'].
  - (* publish *)
    assert (E := HP t k H1). one i0 (pf (rg D t k)) KEEP. destruct (XO _ _ E) as [A B].
    cbn. rewrite lS by notw. eapply Nat.le_trans; [exact B|]. eapply NSR; reflexivity.
  - (* free *)
    assert (E := USED _ H2). one i0 i KEEP. pose proof (XO _ _ E) as B. cbn in B.
    split; [apply VN'; reflexivity|]. rewrite lS by notw.
    eapply Nat.le_trans; [exact B|]. eapply VR; reflexivity.
  - (* free own *)
    assert (E := USED _ H2). one i0 i KEEP. pose proof (XO _ _ E) as B. cbn in B.
    split; [apply VN'; reflexivity|]. rewrite lS by notw.
    eapply Nat.le_trans; [exact B|]. eapply Nat.le_trans; [apply H4 | apply LV'].
  - (* replace *)
    assert (E := USED _ H2). destruct (Nat.eq_dec i0 i) as [->|N]; [|keep KEEP].
    rewrite E. pose proof (XO _ _ E) as B. cbn in B |- *. rewrite lS by notw.
    eapply Nat.le_trans; [exact B|]. eapply NR; reflexivity.
  - (* set aside *)
    assert (E := SA _ H1 H2). one i0 i KEEP.
    eapply cov_mem; [|apply lS; notw | apply lS; notw | apply (XO _ _ E)].
    eapply le_trans; [eapply BS; eauto | intros z; apply LV'].
  - (* wipe *)
    destruct (Nat.eq_dec i0 i) as [->|N]; [|keep KEEP].
    rewrite H1. destruct (XO _ _ H1) as [A B]. split; [apply VN'; reflexivity|].
    rewrite lS by notw. eapply Nat.le_trans; [exact B | apply LV'].
  - (* extract *)
    one i0 i KEEP.
    eapply cov_mem; [intros z; apply LV' | apply lS; notw | apply lS; notw | apply (XO _ _ H1)].
  - (* zeros *)
    unfold setl. destruct (in_dec Nat.eq_dec i0 (seq a n)) as [J|J]; [|keep KEEP].
    destruct (H3 _ J) as [E _].
    eapply cov_mem; [intros z; apply LV' | apply lS; notw | apply lS; notw | apply (XO _ _ E)].
  - (* release *)
    unfold setl. destruct (in_dec Nat.eq_dec i0 (slots G g)) as [J|J]; [|keep KEEP].
    destruct (H2 _ J) as [E _]. intros g' L1 L2.
    assert (g' = g) by (destruct VG as (_ & V2 & _); eapply V2; eauto). subst g'.
    eapply cov_mem; [|apply lS; notw | apply lS; notw | apply (XO _ _ E)].
    destruct H4 as [-> | ->]; eapply NRR; reflexivity.
  - (* grow *)
    unfold setl. destruct (in_dec Nat.eq_dec i0 (slots G g)) as [J|J]; [|keep KEEP].
    assert (E : own D i0 = ORel).
    { destruct (owner_eq (own D i0) ORel) as [|N]; auto.
      rewrite (di_com _ _ _ W g i0) in H2 by auto. discriminate. }
    eapply cov_mem; [eapply VR; reflexivity | apply lS; notw | apply lS; notw | apply (XO _ _ E); auto].
  - (* forget head *)
    unfold ren. destruct (owner_eq (own D i0) (OChain s)) as [E|E]; [exact Logic.I | keep KEEP].
  - (* forget store *)
    unfold ren. destruct (owner_eq (own D i0) (OStore j)) as [E|E]; [exact Logic.I | keep KEEP].
  - (* forget store *)
    eapply STORE1; eauto. split; auto. right. rewrite H0. exact Logic.I.
  - (* wipe free *)
    rewrite setl_one. destruct (Nat.eq_dec i0 i) as [->|N]; [exact Logic.I | keep KEEP].
Qed.
