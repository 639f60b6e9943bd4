(** * The whole invariant, kept by every step

    [INV] joins the invariants of [safepoint.v], [audit.v], [record.v], and [unswept.v]. Every
    step of the composed system keeps each of them, given the others. This file puts them
    together. It adds the one step that belongs to the sweep alone: the beginning of a cycle. *)

From Coq Require Import Arith Lia List Bool Permutation.
From Slotarena Require Import memory sites safepoint free_list allocator audit record unswept.
Import ListNotations.
Arguments do : simpl never.
Arguments nv : simpl never.
Arguments nw : simpl never.

Record INV (G : geo) (M : mem) (H : hs) (D : ds) : Prop := {
  i_hi : HI M H; i_ai : AI H D; i_ci : CI M H; i_dl : DL G M H D; i_dw : DW G M D;
  i_xi : XI G M H D; i_ri : RI G M H D; i_pi : PI M
}.

Lemma INV_init : forall G, INV G mem0 hs0 ds0.
Proof.
  intros G. constructor.
  - apply HI_init.
  - constructor; cbn.
    + intros t _. split; [|split; [|split; [|split]]]; cbn; auto; discriminate.
    + tauto.
    + discriminate.
  - intros x X. left. cbn. unfold bot. lia.
  - constructor; cbn; auto.
    + intros o L. split; [constructor|]. intros i. cbn. split; [tauto|]. intros E. subst o.
      discriminate.
    + intros t k. apply pieceok_nil.
  - constructor; cbn; auto; try discriminate; try tauto; try congruence.
    intros i _. exact Logic.I.
  - constructor; cbn.
    + intros i g _ _. split; cbn; unfold bot; lia.
    + intros t. left. cbn. unfold bot. lia.
  - constructor; cbn; try discriminate; try tauto; intros.
    + intros x; cbn; unfold bot; lia.
    + intros x; cbn; unfold bot; lia.
    + match goal with E : _ = VFree _ _ |- _ => unfold nv in E; cbn in E; inversion E; subst end.
      lia.
    + match goal with E : KK _ _ _ _ |- _ => destruct E as [(g & _ & _ & E')|E']; cbn in E' end;
        [discriminate | tauto].
    + intros [(g & _ & _ & E)|E]; cbn in E; [discriminate | tauto].
  - intros i n d v L E. cbn in E. discriminate.
Qed.

(** ** A step of the handshake changes no slot *)

Lemma DL_hstep : forall O c s G M H D t a H', DL G M H D -> hstep O c s M H t a H' ->
  DL G (do t a M) H' D.
Proof.
  intros O c s G M H D t a H' L S.
  assert (E : forall x, listed x -> nv (do t a M) x = nv M x).
  { intros x X. apply nv_same. intros W. destruct S; cbn in W; try tauto; subst x; exact X. }
  assert (X : forall i, nx M i = nx (do t a M) i) by (intros; apply nx_same, E; exact Logic.I).
  assert (R : nrec H <= nrec H') by (destruct S; cbn; auto).
  constructor; intros.
  - apply (di_oi _ _ _ _ L).
  - rewrite E by exact Logic.I. destruct (di_head _ _ _ _ L s0) as [A B]. split; auto.
    eapply linked_ext; eauto.
  - rewrite E by exact Logic.I. apply (di_store _ _ _ _ L).
  - eapply pieceok_ext; [|apply (di_held _ _ _ _ L)]. auto.
  - eapply di_ns; eauto.
  - apply (di_nrec _ _ _ _ L). lia.
Qed.

Lemma DW_hstep : forall O c s G M H D t a H', DW G M D -> hstep O c s M H t a H' ->
  DW G (do t a M) D.
Proof.
  intros O c s G M H D t a H' W S. eapply DW_same; eauto.
  intros x X. apply nv_same. intros Y. destruct S; cbn in Y; try tauto; subst x; exact X.
Qed.

Lemma PI_keep : forall t a M, PI M -> (forall i, ~ writes a (Word i)) -> PI (do t a M).
Proof.
  intros t a M P N i n d v L E. rewrite last_same in L by auto. rewrite val_old in E by auto.
  rewrite vw_old by auto. eapply P; eauto.
Qed.

Lemma PI_hstep : forall O c s M H t a H', PI M -> hstep O c s M H t a H' -> PI (do t a M).
Proof.
  intros O c s M H t a H' P S. apply PI_keep; auto. intros i W.
  destruct S; cbn in W; try tauto; discriminate.
Qed.

Lemma PI_dstep : forall G M H D t a D', PI M -> dstep code G M H D t a D' -> PI (do t a M).
Proof.
  intros G M H D t a D' P S i n d v L E.
  destruct (writes_dec a (Word i)) as [W|W].
  2:{ rewrite last_same in L by auto. rewrite val_old in E by auto. rewrite vw_old by auto.
      eapply P; eauto. }
  destruct (Nat.eq_dec n (Datatypes.S (last M (Word i)))) as [->|N].
  2:{ rewrite last_new in L by auto. rewrite val_old in E by lia. rewrite vw_old by lia.
      apply (P i n d v); auto. lia. }
  pose proof (nv_new t a M (Word i) W) as Z. unfold nv in Z. rewrite last_new in Z by auto.
  rewrite Z in E. clear Z L.
  assert (NWE : vw (do t a M) (Word i) (Datatypes.S (last M (Word i))) = nw (do t a M) (Word i)).
  { unfold nw. rewrite last_new by auto. auto. }
  rewrite NWE.
  assert (EN : forall w, entry M t w -> w = VLive d v -> v <= V M t (Data d)).
  { intros w [->|(d' & m & -> & Q)] X; [discriminate|]. injection X as <- <-. auto. }
  destruct S; cbn in W; try discriminate; try tauto; injection W as ->; cbn [wval] in E;
    try discriminate.
  - specialize (EN _ H2 E). pose proof (nw_store_rel t (Word (pf (rg D t k))) w (o_publish code) M
      eq_refl (Data d)). lia.
  - specialize (EN _ H3 E). pose proof (nw_rmw_rel t (Word i0) w (o_replace code) M eq_refl (Data d)).
    lia.
Qed.

(** ** A cycle begins *)

Section begin.
Variables (G : geo) (M : mem) (H : hs) (D : ds) (t r q g : nat).
Hypothesis I : INV G M H D.
Hypothesis P : ph H t = Stopped r.
Hypothesis C : clr D = ClrBits g.
Hypothesis N : NG G <= g.
Hypothesis Q : q = S r \/ (q = 1 /\ forall i, own D i = OGone \/ own D i = OUnswept ->
  nv M (Word i) = VFree 0 (S i)).

Let H' := mkH (upd (ph H) t (Stopped q)) (nrec H) (lk H) q (og H) (ca H) (bt H).
Let D' := mkD (ren (own D) OGone OUnswept) (lst D) (rg D) (saw D) (dl D) (todo D) (zr D) (V M t) NoClr.

Lemma b_pausing : pausing (ph H t).
Proof. rewrite P. exact Logic.I. Qed.
Lemma b_cycle : r = cur H.
Proof. pose proof (hi_cycle _ _ (i_hi _ _ _ _ I) t) as X. rewrite P in X. exact X. Qed.
Lemma b_other : forall u, u <> t -> ~ locked (ph H u).
Proof.
  intros u X L. apply X. eapply hi_locked_one; [apply (i_hi _ _ _ _ I) | auto |].
  rewrite P. exact Logic.I.
Qed.
Lemma b_clean : forall u, clean D u.
Proof.
  destruct (ai_clr _ _ (i_ai _ _ _ _ I)) as (u & PU & CU); [rewrite C; discriminate|].
  eapply all_clean; eauto; apply I.
Qed.
Lemma b_ph : forall u, upd (ph H) t (Stopped q) u = ph H u \/
  u = t /\ upd (ph H) t (Stopped q) u = Stopped q /\ ph H u = Stopped r.
Proof. intros u. unfold upd. destruct (Nat.eq_dec u t) as [->|]; auto. Qed.

Lemma HI_begin : HI M H'.
Proof.
  assert (B := i_hi _ _ _ _ I). assert (OT := b_other). assert (RR := b_cycle).
  assert (Q' : forall (p : phase -> Prop), (p (Stopped q) <-> p (Stopped r)) ->
    forall u, p (upd (ph H) t (Stopped q) u) <-> p (ph H u)).
  { intros p E u. destruct (b_ph u) as [->|(_ & -> & ->)]; tauto. }
  assert (QL := Q' locked ltac:(cbn; tauto)). assert (QS := Q' stopping ltac:(cbn; tauto)).
  assert (QP := Q' pausing ltac:(cbn; tauto)). assert (QB := Q' busy ltac:(cbn; tauto)).
  assert (QI := Q' inside ltac:(cbn; tauto)).
  assert (QF := Q' (fun p => p = Fenced) ltac:(cbn; split; discriminate)). cbn in QF.
  assert (QH := fun x => Q' (fun p => heavied p x) ltac:(cbn; tauto)). cbn beta in QH.
  assert (QE := fun x => Q' (fun p => seen p x) ltac:(cbn; tauto)). cbn beta in QE.
  constructor; cbn [ph nrec lk cur og ca bt H'].
  - apply B.
  - intros u. rewrite QL. apply (hi_lk _ _ B).
  - intros u. rewrite QL. apply (hi_lk2 _ _ B).
  - intros u. rewrite QB. apply (hi_part _ _ B).
  - intros u. unfold upd. destruct (Nat.eq_dec u t) as [->|Y]; [exact eq_refl|].
    destruct (ph H u) eqn:E; cbn; auto; exfalso;
      try (apply (OT u Y); rewrite E; exact Logic.I).
    apply (none_inside _ _ _ B b_pausing u). rewrite E. exact Logic.I.
  - intros u. rewrite QS. apply (hi_open _ _ B).
  - intros X. apply (hi_open2 _ _ B). intros u Y. apply (X u), QS, Y.
  - destruct (hi_val _ _ B) as (z & X & _). exists z. split; auto. intros Y. exfalso.
    apply (Y t). rewrite upd_eq. exact Logic.I.
  - apply (hi_prev _ _ B).
  - apply (hi_hl _ _ B).
  - apply (hi_hlg _ _ B).
  - intros u. rewrite QF. apply (hi_e _ _ B).
  - apply (hi_e2 _ _ B).
  - intros u v. rewrite QH. apply (hi_f _ _ B).
  - intros u. rewrite QB. apply (hi_true _ _ B).
  - intros u. rewrite QF, QI. apply (hi_fb _ _ B).
  - apply (hi_bt _ _ B).
  - apply (hi_btl _ _ B).
  - intros u. rewrite QI. apply (hi_bti _ _ B).
  - apply (hi_vb _ _ B).
  - intros u v. rewrite QH. apply (hi_h1 _ _ B).
  - intros u v. rewrite QH, QI. apply (hi_h2 _ _ B).
  - intros u v. rewrite QH, QF. apply (hi_h3 _ _ B).
  - intros u v. rewrite QE, QI. apply (hi_w1 _ _ B).
  - intros u v. rewrite QE, QF. apply (hi_w2 _ _ B).
  - apply (hi_ca _ _ B).
  - apply (hi_idle _ _ B).
  - intros u. rewrite QI. apply (hi_in _ _ B).
Qed.

Lemma INV_begin : INV G M H' D'.
Proof.
  assert (B := i_hi _ _ _ _ I). assert (CL := b_clean). assert (PA := b_pausing).
  assert (DLI := i_dl _ _ _ _ I). assert (DWI := i_dw _ _ _ _ I).
  assert (ST := stopper_sees _ _ _ B PA (i_ci _ _ _ _ I)).
  assert (WF := hi_wf _ _ B). destruct WF as (WF & _).
  assert (NI := none_inside _ _ _ B PA).
  pose proof (ri_stage _ _ _ _ (i_ri _ _ _ _ I)) as SG. unfold stageok in SG. rewrite C in SG.
  destruct SG as (SG1 & SG2 & SG3).
  assert (HE := held_empty _ _ _ _ DLI).
  assert (HELD : forall u k, lst D (OHeld u k) = []).
  { intros. apply HE. apply (CL u). }
  assert (CH : forall s, lst D (OChain s) = []).
  { intros s. apply SG1. destruct (Nat.lt_ge_cases s (NS G)); auto. }
  assert (OWN : forall i, own D i = OUsed \/ own D i = OUnswept \/ own D i = OGone \/ own D i = ORel).
  { intros i. destruct (own D i) eqn:E; auto; exfalso.
    - apply (own_list _ _ _ _ DLI) in E; auto. rewrite CH in E. destruct E.
    - apply (own_list _ _ _ _ DLI) in E; auto. rewrite SG2 in E. destruct E.
    - apply (own_list _ _ _ _ DLI) in E; auto. rewrite HELD in E. destruct E.
    - destruct (CL t0) as (_ & X & _). apply (X i E). }
  assert (TD : forall i, todo D i = None).
  { intros i. destruct (todo D i) as [u|] eqn:E; auto. destruct (CL u) as (_ & _ & X & _).
    destruct (X i E). }
  assert (CYCLE : forall i p n, nv M (Word i) = VFree p n -> p <= q /\
    (own D i = OGone \/ own D i = OUnswept -> p <> q)).
  { intros i p n X. pose proof (ri_cycle _ _ _ _ (i_ri _ _ _ _ I) i p n X) as Y.
    rewrite <- b_cycle in Y. destruct Q as [-> | [-> Z]]; [split; lia|].
    assert (E : nv M (Word i) = VFree 0 (S i)).
    { destruct (OWN i) as [O|[O|[O|O]]]; auto.
      - pose proof (di_used _ _ _ DWI i O) as U. rewrite X in U. destruct U.
      - apply (di_zero _ _ _ DWI). auto. }
    rewrite X in E. injection E as -> _. split; lia. }
  assert (BW : forall x, isdata x -> V M t x = last M x).
  { intros x X. specialize (ST x X). specialize (WF t x). lia. }
  assert (KD : forall i, KK G M D' i -> exists h, h < NG G /\ In i (slots G h) /\
     nv M (Committed h) = VN 1).
  { intros i [(h & X1 & X2 & X3)|X]; [|cbn in X; rewrite TD in X; tauto].
    exists h. repeat split; auto. rewrite <- SG3; auto. lia. }
  assert (HLT : forall x, hl M H' x = V M t x).
  { intros x. unfold hl. cbn [lk H']. rewrite (hi_lk _ _ B t); auto. rewrite P. exact Logic.I. }
  constructor.
  - apply HI_begin.
  - constructor.
    + intros u _. destruct (CL u) as (X1 & X2 & X3 & X4 & X5).
      repeat split; cbn; auto. intros i E. unfold ren in E. destruct (owner_eq _ _); [discriminate|].
      apply (X2 i E).
    + cbn. tauto.
    + intros u i E. cbn in E. destruct (CL u) as (_ & _ & _ & X & _). congruence.
  - intros x X. left. rewrite HLT. auto.
  - constructor; intros; cbn [own lst rg D'] in *; try (apply DLI; auto; fail).
    apply OI_other with (own := own D); [apply DLI|]. intros i. unfold ren.
    destruct (owner_eq (own D i) OGone) as [->|]; auto.
  - eapply DW_same; [exact DWI | auto |]. intros i. cbn. unfold ren.
    destruct (owner_eq (own D i) OGone) as [->|]; auto.
  - constructor.
    + intros i. pose proof (xi_slot _ _ _ _ (i_xi _ _ _ _ I) i) as X. cbn [own base D'].
      unfold ren. destruct (owner_eq (own D i) OGone) as [E|E].
      * split; apply ST; exact Logic.I.
      * destruct (OWN i) as [O|[O|[O|O]]]; rewrite O in *; cbn in *; auto; try tauto.
        split; apply ST; exact Logic.I.
    + intros u. right; right. exists t. cbn [ph H']. rewrite upd_eq. split; [exact Logic.I|].
      apply ST. exact Logic.I.
  - constructor; cbn [ph og cur base own todo dl saw clr H' D'].
    + intros u X. exfalso. destruct (b_ph u) as [E|(_ & E & _)]; rewrite E in X; [|exact X].
      apply (NI u X).
    + intros x. rewrite HLT. auto.
    + intros X. exfalso. apply (X t). rewrite upd_eq. exact Logic.I.
    + intros i p n X. destruct (CYCLE i p n X) as [Y _]. exact Y.
    + intros _ i KI n X. rewrite BW in X by exact Logic.I.
      replace n with (last M (Word i)) by lia. fold (nv M (Word i)).
      destruct (KD i KI) as (h & Y1 & Y2 & Y3).
      assert (NR : own D i <> ORel).
      { intros E. rewrite (di_rel _ _ _ DWI h i) in Y3 by auto. discriminate. }
      assert (FR : own D i <> OUsed -> unswept_word q (nv M (Word i))).
      { intros E. pose proof (di_free _ _ _ DWI i E) as F. destruct (nv M (Word i)) eqn:Z;
          cbn in F; try tauto.
        cbn. apply (CYCLE i r0 next Z). destruct (OWN i) as [O|[O|[O|O]]]; tauto. }
      unfold ren. destruct (OWN i) as [O|[O|[O|O]]]; rewrite O; try tauto;
        destruct (owner_eq _ _); try discriminate; try tauto.
      * split; [|discriminate]. intros F. pose proof (di_used _ _ _ DWI i O) as U.
        destruct (nv M (Word i)); cbn in *; tauto.
      * split; auto. intros _. apply FR. congruence.
      * split; auto. intros _. apply FR. congruence.
    + intros _ i X. assert (NR : own D i <> ORel).
      { intros E. unfold ren in X. rewrite E in X. destruct (owner_eq _ _); discriminate. }
      destruct (di_real _ _ _ DWI i NR) as (h & Y1 & Y2). left. exists h. repeat split; auto.
      rewrite SG3 by lia. apply (di_com _ _ _ DWI h i); auto.
    + intros _ i X KI. destruct (KD i KI) as (h & Y1 & Y2 & Y3).
      assert (E : own D i = ORel).
      { unfold ren in X. destruct (OWN i) as [O|[O|[O|O]]]; rewrite O in X; auto;
          destruct (owner_eq _ _); destruct X as [X|X]; try discriminate; destruct X. }
      rewrite (di_rel _ _ _ DWI h i) in Y3 by auto. discriminate.
    + intros i u X. rewrite TD in X. discriminate.
    + intros _ u i X. destruct (CL u) as (_ & _ & _ & _ & Y). congruence.
    + intros i X n Y. rewrite BW in Y by exact Logic.I.
      replace n with (last M (Word i)) by lia. fold (nv M (Word i)).
      assert (E : own D i = ORel).
      { unfold ren in X. destruct (OWN i) as [O|[O|[O|O]]]; rewrite O in X; auto;
          destruct (owner_eq _ _); destruct X as [X|X]; try discriminate; destruct X. }
      assert (F : isfree (nv M (Word i))) by (apply DWI; congruence).
      destruct (nv M (Word i)); cbn in *; tauto.
    + intros u i X. destruct (CL u) as (_ & _ & _ & Y & _). congruence.
    + exact Logic.I.
  - apply I.
Qed.
End begin.

Theorem INV_step : forall G s t a s', valid G -> INV G (fst (fst s)) (snd (fst s)) (snd s) ->
  step code G s t a s' -> INV G (fst (fst s')) (snd (fst s')) (snd s').
Proof.
  intros G [[M H] D] t a s' VG I S. cbn [fst snd] in *.
  destruct S; cbn [fst snd] in *.
  - rename H0 into S, H1 into K.
    destruct I as [I1 I2 I3 I4 I5 I6 I7 I8].
    assert (HN := HI_step _ _ _ _ _ _ _ I1 S K).
    constructor; auto.
    + exact (AI_hstep _ _ _ _ _ _ _ I1 I2 S).
    + exact (CI_hstep _ _ _ _ _ _ _ I1 I3 S K).
    + eapply DL_hstep; eauto.
    + eapply DW_hstep; eauto.
    + eapply XI_hstep; eauto.
    + eapply RI_hstep; eauto.
    + eapply PI_hstep; eauto.
  - rename H0 into S, H1 into K. destruct I as [I1 I2 I3 I4 I5 I6 I7 I8].
    assert (SA : forall i, todo D i = Some t -> dl D t i = true -> own D i = OUnswept).
    { intros i. eapply set_aside_unswept; eauto. }
    constructor.
    + apply HI_do; auto. intros x. eapply dstep_shared; eauto.
    + eapply AI_dstep; eauto.
    + eapply CI_dstep; eauto.
    + eapply DL_dstep; eauto. intros k i E. eapply held_word; eauto.
    + eapply DW_dstep; eauto.
    + eapply XI_dstep; eauto. intros r SW. eapply sees_base; eauto. apply sweeps_works; eauto.
    + eapply RI_dstep; eauto.
    + eapply PI_dstep; eauto.
  - eapply INV_begin; eauto.
Qed.

Theorem INV_reachable : forall G M H D, valid G -> reachable code G (M, H, D) -> INV G M H D.
Proof.
  intros G M H D VG R.
  change (INV G (fst (fst (M, H, D))) (snd (fst (M, H, D))) (snd (M, H, D))).
  induction R; [apply INV_init | eapply INV_step; eauto].
Qed.
