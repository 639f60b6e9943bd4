(** * Cycles, unswept slots, released segments

    [RI]: the cycles in the words of an unswept segment are right, even if a thread reads an old
    word. And if a thread saw a slot in use, the slot's segment stays committed until its
    operation ends. *)

From Coq Require Import Arith Lia List Bool Permutation.
From Slotarena Require Import memory sites safepoint free_list allocator audit record.
Import ListNotations.
Arguments do : simpl never.
Arguments nv : simpl never.
Arguments nw : simpl never.

(** The slot's segment is unswept, or its claimant has not peeked at the slot yet. *)
Definition KK (G : geo) (M : mem) (D : ds) (i : nat) : Prop :=
  (exists g, g < NG G /\ In i (slots G g) /\ nv M (Unswept g) = VN 1) \/ todo D i <> None.

Definition heads (G : geo) (D : ds) (s : nat) : Prop :=
  forall s', s' < s \/ NS G <= s' -> lst D (OChain s') = [].
Definition bits (M : mem) (g : nat) : Prop :=
  forall g', g' < g -> nv M (Unswept g') = nv M (Committed g').
Definition stageok (G : geo) (M : mem) (H : hs) (D : ds) : Prop :=
  match clr D with
  | NoClr => True
  | ClrHeads s => heads G D s
  | ClrStores j => heads G D (NS G) /\ forall j', j' < j -> lst D (OStore j') = []
  | ClrBits g => heads G D (NS G) /\ (forall j', lst D (OStore j') = []) /\ bits M g
  | ClrBit g b => heads G D (NS G) /\ (forall j', lst D (OStore j') = []) /\ bits M g /\
                  nv M (Committed g) = VN b
  end.

Record RI (G : geo) (M : mem) (H : hs) (D : ds) : Prop := {
  ri_in : forall t, inside (ph H t) -> le (base D) (V M t);
  ri_hl : le (base D) (hl M H);
  ri_og : (forall u, ~ pausing (ph H u)) -> le (base D) (vw M Gate (og H));
  ri_cycle : forall i q n, nv M (Word i) = VFree q n -> q <= cur H;
  ri_k : clr D = NoClr -> forall i, KK G M D i -> forall n,
      base D (Word i) <= n <= last M (Word i) ->
      (unswept_word (cur H) (val M (Word i) n) <-> own D i = OUnswept);
  ri_unswept : clr D = NoClr -> forall i, own D i = OUnswept -> KK G M D i;
  ri_off : clr D = NoClr -> forall i, isscanned (own D i) \/ own D i = ORel -> ~ KK G M D i;
  ri_todo : forall i t, todo D i = Some t ->
      exists g, g < NG G /\ In i (slots G g) /\ nv M (Unswept g) <> VN 1;
  ri_dl : clr D = NoClr -> forall t i, dl D t i = true -> KK G M D i -> own D i = OUnswept;
  ri_use : forall i, isscanned (own D i) \/ own D i = ORel -> forall n,
      base D (Word i) <= n <= last M (Word i) -> ~ inuse (val M (Word i) n);
  ri_saw : forall t i, saw D t i = true ->
      exists n, base D (Word i) <= n <= last M (Word i) /\ inuse (val M (Word i) n);
  ri_stage : stageok G M H D
}.

(** A thread that reads an entry sees what its writer had seen before. *)
Definition PI (M : mem) : Prop := forall i n d v, n <= last M (Word i) ->
  val M (Word i) n = VLive d v -> v <= vw M (Word i) n (Data d).

Lemma not_inside_pausing : forall M H t, HI M H -> inside (ph H t) -> forall u, ~ pausing (ph H u).
Proof. intros M H t I X u P. eapply none_inside; eauto. Qed.

Lemma hstep_cur : forall O c s M H t a H', hstep O c s M H t a H' -> cur H' = cur H.
Proof. intros. destruct H0; reflexivity. Qed.

Lemma RI_hstep : forall G c s M H D t a H', HI M H -> HI (do t a M) H' -> RI G M H D ->
  hstep code c s M H t a H' -> RI G (do t a M) H' D.
Proof.
  intros G c s M H D t a H' I I' R S.
  assert (LS : forall x, isdata x -> last (do t a M) x = last M x).
  { intros x Y. apply last_same. eapply hstep_data; eauto. }
  assert (NVS : forall x, isdata x -> nv (do t a M) x = nv M x).
  { intros x Y. apply nv_same. eapply hstep_data; eauto. }
  assert (VO : forall i n, n <= last M (Word i) -> val (do t a M) (Word i) n = val M (Word i) n).
  { intros. apply val_old; auto. }
  assert (HL := hstep_hl _ _ _ _ _ _ _ I S).
  assert (OGL := og_last _ _ I).
  assert (KS : forall i, KK G (do t a M) D i <-> KK G M D i).
  { intros i. unfold KK. split; (intros [(g & A & B & C)|C]; [left; exists g; repeat split; auto|auto]).
    - rewrite NVS in C; auto. exact Logic.I.
    - rewrite NVS; auto. exact Logic.I. }
  assert (OG : (forall u, ~ pausing (ph H' u)) -> le (base D) (vw (do t a M) Gate (og H'))).
  { intros NP. destruct (Nat.eq_dec (og H') (og H)) as [E|E].
    - rewrite E, vw_old by auto. apply (ri_og _ _ _ _ R). intros u P. apply (NP u).
      destruct S; cbn [ph set_ph] in *; unfold upd; auto;
        destruct (Nat.eq_dec u t) as [F|F]; auto; subst u;
        try (rewrite H0 in P; destruct P; fail).
      + destruct H0 as [H0|[q H0]]; rewrite H0 in P; destruct P.
      + cbn in E. rewrite H0 in *. destruct (hi_open _ _ I t ltac:(rewrite H0; exact Logic.I)). lia.
    - destruct S; cbn in E; try tauto. cbn [og].
      assert (L : locked (ph H t)) by (rewrite H0; exact Logic.I).
      intros x. pose proof (ri_hl _ _ _ _ R x) as Y1. rewrite (hl_eq _ _ _ I L) in Y1.
      pose proof (nw_store_rel t Gate (VGate false r) (o_resume code) M eq_refl x) as Y2.
      unfold nw in Y2. rewrite last_new in Y2 by (cbn; auto). lia. }
  constructor; intros; rewrite ?(hstep_cur _ _ _ _ _ _ _ _ S) in *.
  - eapply le_trans; [|apply (hi_in _ _ I' t0); auto]. apply OG.
    eapply not_inside_pausing; eauto.
  - eapply le_trans; [apply (ri_hl _ _ _ _ R) | exact HL].
  - auto.
  - rewrite NVS in H0 by exact Logic.I. eapply ri_cycle; eauto.
  - rewrite LS in H2 by exact Logic.I. rewrite VO by lia. apply KS in H1. eapply ri_k; eauto.
  - apply KS. eapply ri_unswept; eauto.
  - rewrite KS. eapply ri_off; eauto.
  - destruct (ri_todo _ _ _ _ R i t0 H0) as (g & A & B & C). exists g.
    rewrite NVS by exact Logic.I. auto.
  - apply KS in H2. eapply ri_dl; eauto.
  - rewrite LS in H1 by exact Logic.I. rewrite VO by lia. eapply ri_use; eauto.
  - destruct (ri_saw _ _ _ _ R t0 i H0) as (n & A & B). exists n.
    rewrite LS by exact Logic.I. rewrite VO by lia. auto.
  - pose proof (ri_stage _ _ _ _ R) as X. unfold stageok in *.
    assert (BI : forall g, bits M g -> bits (do t a M) g).
    { intros g B g' L. rewrite !NVS by exact Logic.I. auto. }
    destruct (clr D); auto; try rewrite NVS by exact Logic.I; intuition auto.
Qed.

Lemma no_works : forall H D M t r, HI M H -> AI H D -> clr D <> NoClr -> ~ works H D t r.
Proof.
  intros H D M t r I A C W. destruct (ai_clr _ _ A C) as (u & P & _).
  destruct W as [W|[W|[_ W]]]; [| |tauto].
  - apply (none_inside _ _ _ I P t). rewrite W. exact Logic.I.
  - assert (t = u).
    { eapply hi_locked_one; eauto using pausing_locked. rewrite W. exact Logic.I. }
    subst. rewrite W in P. exact P.
Qed.

Lemma sees_base : forall G M H D t r, HI M H -> RI G M H D -> works H D t r ->
  le (base D) (V M t).
Proof.
  intros G M H D t r I R W.
  assert (LL : locked (ph H t) -> le (base D) (V M t)).
  { intros L. pose proof (ri_hl _ _ _ _ R) as X. rewrite (hl_eq _ _ _ I L) in X. exact X. }
  destruct W as [W|[W|[W _]]]; [apply (ri_in _ _ _ _ R); rewrite W; exact Logic.I | |];
    apply LL; rewrite W; exact Logic.I.
Qed.

Lemma works_cycle : forall M H D t r, HI M H -> works H D t r -> r = cur H.
Proof.
  intros M H D t r I W. pose proof (hi_cycle _ _ I t) as X.
  destruct W as [W|[W|[W _]]]; rewrite W in X; exact X.
Qed.

Section dsteps.
Variables (G : geo) (M : mem) (H : hs) (D : ds) (t : nat).
Hypothesis I : HI M H.
Hypothesis A : AI H D.
Hypothesis C : CI M H.
Hypothesis L : DL G M H D.
Hypothesis W : DW G M D.
Hypothesis R : RI G M H D.
Hypothesis VG : valid G.

Lemma used : forall i, inuse (nv M (Word i)) -> own D i = OUsed.
Proof.
  intros i U. destruct (owner_eq (own D i) OUsed) as [|N]; auto. apply (di_free _ _ _ W) in N.
  destruct (nv M (Word i)); cbn in *; tauto.
Qed.

Lemma fresh_rel : forall g i, g < NG G -> nv M (Committed g) = VN 0 -> In i (slots G g) ->
  own D i = ORel.
Proof.
  intros g i X Y Z. destruct (owner_eq (own D i) ORel) as [|N]; auto.
  rewrite (di_com _ _ _ W g i) in Y by auto. discriminate.
Qed.

Lemma clr_same : forall a D', dstep code G M H D t a D' -> clr D' = NoClr -> clr D = NoClr.
Proof.
  intros a D' S. intros E. destruct S; cbn in E; auto; discriminate. Qed.

(** A slot that its claimant has not dealt with yet is in no unswept segment. *)
Lemma todo_not_unswept : forall i t', todo D i = Some t' ->
  ~ exists g, g < NG G /\ In i (slots G g) /\ nv M (Unswept g) = VN 1.
Proof.
  intros i t' E (g & A1 & A2 & A3). destruct (ri_todo _ _ _ _ R i t' E) as (h & B1 & B2 & B3).
  assert (g = h) by (destruct VG as (_ & V2 & _); eapply V2; eauto). subst. tauto.
Qed.

(** A peek finds exactly the unswept slots. *)
Lemma peek_unswept : forall r i ts, sweeps H D t r -> V M t (Word i) <= ts <= last M (Word i) ->
  clr D = NoClr -> KK G M D i -> (unswept_word r (val M (Word i) ts) <-> own D i = OUnswept).
Proof.
  intros r i ts SW TS E KI. apply sweeps_works in SW.
  rewrite (works_cycle _ _ _ _ _ I SW).
  apply (ri_k _ _ _ _ R E i KI). pose proof (sees_base _ _ _ _ _ _ I R SW (Word i)). lia.
Qed.

Lemma set_aside_unswept : forall i, todo D i = Some t -> dl D t i = true -> own D i = OUnswept.
Proof.
  intros i T DLT. assert (E : clr D = NoClr).
  { destruct (stage_eq (clr D)) as [|N]; auto. exfalso.
    destruct (ai_clr _ _ A N) as (u & P & CL).
    destruct (all_clean _ _ _ _ I A P CL t) as (_ & _ & Z & _). apply (Z i T). }
  apply (ri_dl _ _ _ _ R E t i DLT). right. congruence.
Qed.

Lemma held_word : forall k i, own D i = OHeld t k -> XI G M H D -> last M (Word i) <= V M t (Word i).
Proof. intros k i E X. pose proof (xi_slot _ _ _ _ X i) as Y. rewrite E in Y. apply Y. Qed.

Ltac nS := rewrite nv_same by (cbn; congruence || tauto).

Lemma KK_sub : forall a D', dstep code G M H D t a D' -> clr D = NoClr -> forall i, KK G (do t a M) D' i -> KK G M D i.
Proof.
  intros a D' S.
  intros E i [(g & A1 & A2 & A3)|T].
  - destruct (writes_dec a (Unswept g)) as [X|X].
    + rewrite nv_new in A3 by auto. destruct S; cbn in X, A3; try congruence; tauto.
    + rewrite nv_same in A3 by auto. left. exists g. auto.
  - destruct S; cbn [todo] in T; try (right; exact T).
    + destruct (nv M (Unswept g)) as [[|[|?]]| | | | | |] eqn:P; try (right; exact T).
      destruct (in_dec Nat.eq_dec i (slots G g)); [left; exists g; auto | right; exact T].
    + unfold upd in T. destruct (Nat.eq_dec i i0); [tauto | right; exact T].
    + unfold upd in T. destruct (Nat.eq_dec i i0); [tauto | right; exact T].
Qed.

(** Setting a slot aside is the only step that ends its unswept state. No step begins it. *)
Lemma unswept_old : forall a D', dstep code G M H D t a D' -> clr D = NoClr -> forall i, own D' i = OUnswept -> own D i = OUnswept.
Proof.
  intros a D' S.
  intros E i. destruct S; cbn [own]; intros X; auto; unfold setl, ren in X; try congruence;
    repeat match goal with
    | X : context [owner_eq ?a ?b] |- _ => destruct (owner_eq a b)
    | X : context [in_dec Nat.eq_dec ?a ?b] |- _ => destruct (in_dec Nat.eq_dec a b)
    end; congruence.
Qed.

Lemma unswept_new : forall a D', dstep code G M H D t a D' -> can t a M -> clr D = NoClr -> forall i, own D i = OUnswept -> own D' i = OUnswept \/ ~ KK G (do t a M) D' i.
Proof.
  intros a D' S K.
  intros E i X. destruct S; cbn [own]; auto; try congruence;
    try (left; unfold ren; destruct (owner_eq _ _); congruence);
    try (rewrite setl_one; destruct (Nat.eq_dec i _) as [->|]; auto).
  - pose proof (di_store _ _ _ _ L u) as Z. rewrite H3 in Z. injection Z as Z.
    assert (own D i0 = OStore u); [|congruence].
    apply (own_list _ _ _ _ L); auto. rewrite <- Z. apply in_or_app; cbn; auto.
  - rewrite (held_pf _ _ _ _ L) in X by auto. discriminate.
  - destruct (pieceok_split _ _ _ _ (di_held _ _ _ _ L t k) H3 H4 H5) as [Q _].
    assert (own D (pf (rg D t k)) = OHeld t k); [|congruence].
    apply (own_list _ _ _ _ L); auto; rewrite Q; cbn; auto.
  - rewrite (held_pf _ _ _ _ L) in X by auto. discriminate.
  - rewrite used in X by auto. discriminate.
  - rewrite used in X by auto. discriminate.
  - right. intros [Y|Y].
    + apply (todo_not_unswept _ _ H1). destruct Y as (g & B1 & B2 & B3).
      exists g. rewrite nv_same in B3 by (cbn; auto). auto.
    + cbn in Y. rewrite upd_eq in Y. tauto.
  - congruence.
  - unfold setl. destruct (in_dec _ _ _) as [Y|Y]; auto. destruct (H3 _ Y). congruence.
  - unfold setl. destruct (in_dec _ _ _) as [Y|Y]; auto. destruct (H2 _ Y). congruence.
  - unfold setl. destruct (in_dec _ _ _) as [Y|Y]; auto. rewrite (fresh_rel g i) in X by auto.
    discriminate.
Qed.

(** The owners whose slots' words a step may write. *)
Lemma word_writer : forall a D', dstep code G M H D t a D' -> forall i, writes a (Word i) ->
  (exists k, own D i = OHeld t k) \/ own D i = OUsed \/ own D i = OScanned t \/
  ((own D i = OGone \/ own D i = OUnswept) /\ clr D <> NoClr).
Proof.
  intros a D' S.
  intros i X. destruct S; cbn in X; try discriminate; try tauto; try injection X as ->.
  - left. exists k. apply (held_cur _ _ _ _ L). lia.
  - left. exists k. apply (held_pf _ _ _ _ L). lia.
  - right; left. apply used; auto.
  - right; left. apply used; auto.
  - right; left. apply used; auto.
  - auto.
  - right; right; right. split; auto. congruence.
Qed.

Lemma word_value : forall a D', dstep code G M H D t a D' -> forall i, writes a (Word i) ->
  inuse (wval a) \/ (exists n, wval a = VFree (cur H) n) \/
  (wval a = VFree 0 (Datatypes.S i) /\ (own D i = OScanned t \/ clr D <> NoClr)).
Proof.
  intros a D' S.
  assert (EN : forall w, entry M t w -> inuse w).
  { intros w [->|(d & n & -> & _)]; exact Logic.I. }
  intros i X. destruct S; cbn in X; try discriminate; try tauto; try injection X as ->; cbn [wval]; auto.
  - right; left. rewrite (works_cycle _ _ _ _ _ I H0). eauto.
  - right; left. rewrite (works_cycle M H D t r I (or_introl H0)). eauto.
  - right; left. rewrite (works_cycle M H D t r I (or_introl H0)). eauto.
  - right; right. split; auto. right. congruence.
Qed.

Lemma off_new : forall a D', dstep code G M H D t a D' -> clr D = NoClr -> forall i, isscanned (own D' i) \/ own D' i = ORel ->
  isscanned (own D i) \/ own D i = ORel \/ (own D i = OUnswept /\ todo D i = Some t /\ todo D' i = None).
Proof.
  intros a D' S.
  intros E i. destruct S; cbn [own todo]; auto; try congruence; try tauto;
    try (unfold setl, ren; repeat match goal with
    | |- context [owner_eq ?a ?b] => destruct (owner_eq a b)
    | |- context [in_dec Nat.eq_dec ?a ?b] => destruct (in_dec Nat.eq_dec a b)
    end; cbn; tauto || (intros [[]|]; discriminate)).
  - rewrite setl_one. destruct (Nat.eq_dec i i0) as [->|]; [|tauto]. intros _. right; right.
    rewrite upd_eq. split; auto. apply set_aside_unswept; auto.
  - unfold setl. destruct (in_dec _ _ _) as [Y|Y]; [|tauto]. destruct (H2 _ Y) as [-> _].
    cbn; auto.
  - unfold setl. destruct (in_dec _ _ _) as [Y|Y]; [|tauto]. rewrite (fresh_rel g i) by auto. auto.
Qed.

Lemma off_clr : forall a D', dstep code G M H D t a D' -> clr D <> NoClr -> forall i, isscanned (own D' i) \/ own D' i = ORel ->
  isscanned (own D i) \/ own D i = ORel.
Proof.
  intros a D' S.
  intros E i. assert (NW := fun r => no_works _ _ _ t r I A E).
  assert (NS' : forall r, ~ sweeps H D t r) by (intros r X; apply (NW r), sweeps_works, X).
  assert (NI : forall r, ph H t <> Inside r) by (intros r X; apply (NW r); left; auto).
  destruct S; cbn [own]; auto; try (exfalso; eapply NW; eauto; fail);
    try (exfalso; eapply NS'; eauto; fail); try (exfalso; eapply NI; eauto; fail);
    try (unfold ren; destruct (owner_eq _ _); cbn; auto; intros [[]|]; discriminate).
  rewrite setl_one. destruct (Nat.eq_dec i i0); cbn; auto. intros [[]|]; discriminate.
Qed.

Lemma RI_dstep : forall a D', dstep code G M H D t a D' -> can t a M -> RI G (do t a M) H D'.
Proof.
  intros a D' S K.
  assert (BE : base D' = base D) by (destruct S; reflexivity).
  assert (OGL := og_last _ _ I).
  assert (GW : vw (do t a M) Gate (og H) = vw M Gate (og H)) by (apply vw_old; auto).
  assert (LM : forall x, last M x <= last (do t a M) x) by (intros; apply last_mono).
  assert (CLR := clr_same _ _ S). assert (KK_sub := KK_sub _ _ S).
  assert (unswept_old := unswept_old _ _ S). assert (unswept_new := unswept_new _ _ S K).
  assert (word_writer := word_writer _ _ S). assert (word_value := word_value _ _ S).
  assert (off_new := off_new _ _ S). assert (off_clr := off_clr _ _ S).
  assert (BL : forall i, base D (Word i) <= last M (Word i)).
  { intros i. pose proof (ri_hl _ _ _ _ R (Word i)) as X. destruct (hi_wf _ _ I) as (W1 & _ & W3 & _).
    unfold hl in X. destruct (lk H); [specialize (W1 n (Word i)) | specialize (W3 (Word i))]; lia. }
  constructor; rewrite ?BE, ?GW.
  - intros u X. eapply le_trans; [apply (ri_in _ _ _ _ R u X)|]. intros x; apply V_mono.
  - eapply le_trans; [apply (ri_hl _ _ _ _ R)|]. apply hl_mono.
  - apply (ri_og _ _ _ _ R).
  - intros i q n X. destruct (writes_dec a (Word i)) as [Y|Y].
    + rewrite nv_new in X by auto.
      destruct (word_value i Y) as [Z|[[m Z]|[Z _]]]; rewrite X in Z; [destruct Z| |];
        injection Z as -> _; lia.
    + rewrite nv_same in X by auto. eapply ri_cycle; eauto.
  - intros E i KI n N. assert (KO := KK_sub (CLR E) i KI).
    assert (OD : own D' i = OUnswept <-> own D i = OUnswept).
    { split; [apply unswept_old; auto|]. intros X. destruct (unswept_new (CLR E) i X); tauto. }
    rewrite OD. destruct (writes_dec a (Word i)) as [Y|Y].
    + assert (ND : own D i <> OUnswept).
      { destruct (word_writer i Y) as [[k Z]|[Z|[Z|[_ Z]]]]; try congruence. tauto. }
      rewrite last_new in N by auto.
      destruct (Nat.eq_dec n (Datatypes.S (last M (Word i)))) as [->|Q].
      * assert (Z := nv_new t a M (Word i) Y). unfold nv in Z. rewrite last_new in Z by auto.
        rewrite Z. split; [|tauto]. intros DK. exfalso.
        destruct (word_value i Y) as [U|[[m U]|[U U2]]].
        -- destruct (wval a); cbn in *; tauto.
        -- rewrite U in DK. cbn in DK. tauto.
        -- apply (ri_off _ _ _ _ R (CLR E) i); auto. left. destruct U2 as [-> | U2]; [exact Logic.I | tauto].
      * rewrite val_old by lia. apply (ri_k _ _ _ _ R (CLR E) i KO). lia.
    + rewrite last_same in N by auto. rewrite val_old by lia.
      apply (ri_k _ _ _ _ R (CLR E) i KO). lia.
  - intros E i X. assert (XO := unswept_old (CLR E) i X).
    assert (CE := CLR E). assert (KO := ri_unswept _ _ _ _ R CE i XO).
    destruct KO as [(g & A1 & A2 & A3)|T].
    + destruct (writes_dec a (Unswept g)) as [Y|Y].
      * assert (Q : exists r, a = ARmw (Unswept g) (VN 0) (o_claim code) /\ sweeps H D t r /\
          D' = mkD (own D) (lst D) (rg D) (saw D) (dl D)
           (fun i => if in_dec Nat.eq_dec i (slots G g) then Some t else todo D i)
           (zr D) (base D) (clr D)).
        { destruct S; cbn in Y; try congruence; try tauto.
          injection Y as <-. exists r. rewrite A3. auto. }
        destruct Q as (r & -> & _ & ->). right. cbn. destruct (in_dec _ _ _); [discriminate|tauto].
      * left. exists g. rewrite nv_same by auto. auto.
    + right. destruct S; cbn [todo own] in *; auto.
      * destruct (nv M (Unswept g)) as [[|[|?]]| | | | | |]; auto. destruct (in_dec _ _ _); auto. discriminate.
      * unfold upd. destruct (Nat.eq_dec i i0) as [->|]; auto. exfalso. apply H2.
        eapply peek_unswept; eauto. right; congruence.
      * unfold upd. rewrite setl_one in X. destruct (Nat.eq_dec i i0) as [->|]; auto. discriminate.
  - intros E i X KI. assert (CE := CLR E).
    destruct (off_new CE i X) as [Y|[Y|(Y & T1 & T2)]].
    + eapply (ri_off _ _ _ _ R CE i); eauto.
    + eapply (ri_off _ _ _ _ R CE i); eauto.
    + destruct (unswept_new CE i Y) as [Z|Z]; [|tauto].
      destruct X as [X|X]; rewrite Z in X; [destruct X | discriminate].
  - intros i t' T.
    assert (P : forall g, nv M (Unswept g) <> VN 1 -> todo D i <> None -> nv (do t a M) (Unswept g) <> VN 1).
    { intros g X TN. destruct (writes_dec a (Unswept g)) as [Y|Y].
      - rewrite nv_new by auto. destruct S; cbn in Y; cbn [wval]; try tauto; try congruence.
        exfalso. assert (CN : clr D <> NoClr) by congruence.
        destruct (ai_clr _ _ A CN) as (u & PU & CU). destruct (todo D i) as [v|] eqn:TD; [|tauto].
        destruct (all_clean _ _ _ _ I A PU CU v) as (_ & _ & Z & _). apply (Z i TD).
      - rewrite nv_same by auto. auto. }
    assert (Q : todo D i = Some t' \/ exists g, a = ARmw (Unswept g) (VN 0) (o_claim code) /\ g < NG G /\ In i (slots G g)).
    { destruct S; cbn [todo] in T; auto.
      - destruct (nv M (Unswept g)) as [[|[|?]]| | | | | |]; auto.
        destruct (in_dec _ _ _); auto. right. exists g. auto.
      - unfold upd in T. destruct (Nat.eq_dec i i0); auto. discriminate.
      - unfold upd in T. destruct (Nat.eq_dec i i0); auto. discriminate. }
    destruct Q as [Q|(g & -> & G1 & G2)].
    + destruct (ri_todo _ _ _ _ R i t' Q) as (g & B1 & B2 & B3). exists g. repeat split; auto.
      apply P; auto. congruence.
    + exists g. repeat split; auto. rewrite nv_new by (cbn; auto). cbn. discriminate.
  - intros E u i X KI. assert (CE := CLR E). assert (KO := KK_sub CE i KI).
    assert (OD : own D i = OUnswept).
    { assert (Q : dl D u i = true \/ exists r ts, a = ALoad (Word i) ts (o_peek code) /\ sweeps H D t r /\
        unswept_word r (val M (Word i) ts)).
      { destruct S; cbn [dl] in X; auto.
        - destruct (Nat.eq_dec u t) as [->|]; [rewrite upd_eq in X; discriminate|].
          rewrite upd_neq in X; auto.
        - destruct (Nat.eq_dec u t) as [->|]; [rewrite upd_eq in X | rewrite upd_neq in X; auto].
          unfold upd in X. destruct (Nat.eq_dec i i0) as [->|]; auto. right. eauto. }
      destruct Q as [Q|(r & ts & -> & SW & DK)]; [eapply ri_dl; eauto|].
      eapply peek_unswept; eauto. }
    destruct (unswept_new CE i OD); tauto.
  - intros i X n N.
    assert (XO : isscanned (own D i) \/ own D i = ORel \/ (clr D = NoClr /\ own D i = OUnswept /\ todo D i = Some t)).
    { destruct (stage_eq (clr D)) as [CE|CE].
      - destruct (off_new CE i X) as [Y|[Y|(Y & Y1 & Y2)]]; auto.
      - destruct (off_clr CE i X); auto. }
    assert (OLD : forall n, base D (Word i) <= n <= last M (Word i) -> ~ inuse (val M (Word i) n)).
    { intros m Q. destruct XO as [Y|[Y|(CE & Y & T)]]; [apply (ri_use _ _ _ _ R); auto ..|].
      assert (KI : KK G M D i) by (right; congruence).
      pose proof (proj2 (ri_k _ _ _ _ R CE i KI m Q) Y) as DK.
      destruct (val M (Word i) m); cbn in *; tauto. }
    destruct (writes_dec a (Word i)) as [Y|Y].
    + rewrite last_new in N by auto.
      destruct (Nat.eq_dec n (Datatypes.S (last M (Word i)))) as [->|Q];
        [|rewrite val_old by lia; apply OLD; lia].
      assert (Z := nv_new t a M (Word i) Y). unfold nv in Z. rewrite last_new in Z by auto.
      rewrite Z. destruct (word_writer i Y) as [[k O]|[O|[O|[O NC]]]].
      * destruct XO as [U|[U|(_ & U & _)]]; rewrite O in U; try discriminate; destruct U.
      * destruct XO as [U|[U|(_ & U & _)]]; rewrite O in U; try discriminate; destruct U.
      * destruct S; cbn in Y; try discriminate; try tauto; injection Y as ->; cbn [wval];
          try (intros []; fail).
        -- rewrite (held_pf _ _ _ _ L) in O by auto. discriminate.
        -- rewrite (used _ H2) in O. discriminate.
      * destruct XO as [U|[U|(U & _)]]; [| |tauto];
          destruct O as [O|O]; rewrite O in U; try discriminate; destruct U.
    + rewrite last_same in N by auto. rewrite val_old by lia. apply OLD; auto.
  - intros u i X.
    assert (Q : saw D u i = true \/ exists r ts o, a = ALoad (Word i) ts o /\ ph H t = Inside r /\
       inuse (val M (Word i) ts)).
    { destruct S; cbn [saw] in X; auto.
      - destruct (Nat.eq_dec u t) as [->|]; [rewrite upd_eq in X | rewrite upd_neq in X; auto].
        unfold upd in X. destruct (Nat.eq_dec i i0) as [->|]; auto. right. eauto 8.
      - destruct (Nat.eq_dec u t) as [->|]; [rewrite upd_eq in X; discriminate|].
        rewrite upd_neq in X; auto. }
    destruct Q as [Q|(r & ts & o & -> & IN & U)].
    + destruct (ri_saw _ _ _ _ R u i Q) as (n & N & U). exists n. specialize (LM (Word i)).
      rewrite val_old by lia. split; auto. lia.
    + exists ts. cbn in K. specialize (LM (Word i)).
      assert (IT : inside (ph H t)) by (rewrite IN; exact Logic.I).
      pose proof (ri_in _ _ _ _ R t IT (Word i)). rewrite val_old by lia.
      split; auto. lia.
  - pose proof (ri_stage _ _ _ _ R) as X. unfold stageok in *.
    destruct (stage_eq (clr D)) as [CE|CE].
    + destruct S; cbn [clr lst]; rewrite ?CE in *; auto; try congruence.
      intros s' [Y|Y]; [lia | apply (di_ns _ _ _ _ L); auto].
    + assert (NW := fun r => no_works _ _ _ t r I A CE).
      assert (NS' : forall r, ~ sweeps H D t r) by (intros r Q; apply (NW r), sweeps_works, Q).
      assert (NI : forall r, ph H t <> Inside r) by (intros r Q; apply (NW r); left; auto).
      assert (BI : (forall x, isdata x -> ~ writes a x) -> forall g, bits M g -> bits (do t a M) g).
      { intros NWR g B g' LG. rewrite !nv_same by (apply NWR; exact Logic.I). auto. }
      destruct S; cbn [clr lst]; try (exfalso; eapply NW; eauto; fail);
        try (exfalso; eapply NS'; eauto; fail); try (exfalso; eapply NI; eauto; fail);
        try congruence; try (rewrite H1 in X); auto.
      * (* forget head *)
        intros s' Y. cbn [lst]. destruct (Nat.eq_dec s' s) as [->|N]; [rewrite updo_eq; auto|].
        rewrite updo_neq by congruence. apply X. lia.
      * (* heads *)
        split; [|lia]. intros s' Y. apply X. lia.
      * (* forget store *)
        destruct X as [X1 X2]. split.
        -- intros s' Y. cbn [lst]. rewrite updo_neq by discriminate. apply X1; auto.
        -- intros j' Y. destruct (Nat.eq_dec j' j) as [->|N]; [rewrite updo_eq; auto|].
           rewrite updo_neq by congruence. apply X2. lia.
      * (* stores *)
        destruct X as [X1 X2]. split; [exact X1|split; [|intros g' Y; lia]].
        intros j'. destruct (Nat.lt_ge_cases j' j); auto. apply (di_nrec _ _ _ _ L). lia.
      * (* committed *)
        destruct X as (X1 & X2 & X3). repeat split; auto.
        rewrite nv_same by (cbn; auto).
        assert (P : pausing (ph H t)) by (rewrite H0; exact Logic.I).
        pose proof (stopper_sees M H t I P C (Committed g) Logic.I). cbn in K.
        unfold nv. replace (last M (Committed g)) with ts by lia. auto.
      * (* unswept *)
        destruct X as (X1 & X2 & X3 & X4). repeat split; auto.
        intros g' Y. destruct (Nat.eq_dec g' g) as [->|N].
        -- rewrite nv_new by (cbn; auto). rewrite nv_same by (cbn; congruence). auto.
        -- rewrite !nv_same by (cbn; congruence). apply X3. lia.
      * (* wipe free *)
        rewrite H1. destruct X as (X1 & X2 & X3). split; [exact X1|split; [exact X2|]].
        intros g' Y. rewrite !nv_same by (cbn; congruence). auto.
Qed.
End dsteps.
