(** * Lists, words and bits agree

    [DL] and [DW]: the memory (heads, links, stores, words, bits) agrees with the ghost owners. An
    audit of a table checks the same: the chain invariant (2), conservation (4), and half of
    release (5). *)

From Coq Require Import Arith Lia List Bool Permutation.
From Slotarena Require Import memory sites safepoint free_list allocator.
Import ListNotations.
Arguments do : simpl never.
Arguments nv : simpl never.
Arguments nw : simpl never.

(** The slot that the link in the newest word of a slot leads to. *)
Definition nx (M : mem) (i : nat) : nat := link (nv M (Word i)).

(** A local variable agrees with the list of its chain. *)
Definition pieceok (f : nat -> nat) (p : piece) (l : list nat) : Prop :=
  pn p = length l /\ linked f l /\
  (l <> [] -> pf p = hd 0 l /\ pk p < pn p /\ pcur p = nth (pk p) l 0 /\
              forall x, plk p = Some x -> f (pcur p) = x).

(** Lists agree with memory. *)
Record DL (G : geo) (M : mem) (H : hs) (D : ds) : Prop := {
  di_oi : OI (own D) (lst D);
  di_head : forall s, nv M (Head s) = VChain (hd 0 (lst D (OChain s))) (length (lst D (OChain s)))
      /\ linked (nx M) (lst D (OChain s));
  di_store : forall u, nv M (Store u) = VList (lst D (OStore u));
  di_held : forall t k, pieceok (nx M) (rg D t k) (lst D (OHeld t k));
  di_ns : forall s, NS G <= s -> lst D (OChain s) = [];
  di_nrec : forall j, nrec H <= j -> lst D (OStore j) = []
}.

Definition isscanned (o : owner) : Prop := match o with OScanned _ => True | _ => False end.
Definition isfree (v : value) : Prop := match v with VFree _ _ => True | _ => False end.

(** Words and bits agree with the owners. *)
Record DW (G : geo) (M : mem) (D : ds) : Prop := {
  di_used : forall i, own D i = OUsed -> inuse (nv M (Word i));
  di_free : forall i, own D i <> OUsed -> isfree (nv M (Word i));
  di_zero : forall i, own D i = ORel \/ isscanned (own D i) /\ zr D i = true ->
      nv M (Word i) = VFree 0 (S i);
  di_rel : forall g i, g < NG G -> In i (slots G g) -> own D i = ORel -> nv M (Committed g) = VN 0;
  di_com : forall g i, g < NG G -> In i (slots G g) -> own D i <> ORel -> nv M (Committed g) = VN 1;
  di_real : forall i, own D i <> ORel -> exists g, g < NG G /\ In i (slots G g);
  di_cbit : forall g, nv M (Committed g) = VN 0 \/ nv M (Committed g) = VN 1
}.

(** ** Pieces *)

Lemma pieceok_ext : forall f g p l, (forall i, In i l -> f i = g i) -> pieceok f p l ->
  pieceok g p l.
Proof.
  intros f g p l E (A & B & C). split; [auto|split]; [eapply linked_ext; eauto|].
  intros N. destruct (C N) as (C1 & C2 & C3 & C4). repeat split; auto.
  intros x X. rewrite <- (C4 x X). symmetry. apply E. rewrite C3. apply nth_In. lia.
Qed.

Lemma pieceok_nil : forall f, pieceok f nopiece [].
Proof. intros f. split; [|split]; cbn; auto. tauto. Qed.

Lemma pieceok_empty : forall f p l, pieceok f p l -> pn p = 0 -> l = [].
Proof. intros f p l (A & _) E. destruct l; cbn in *; auto. lia. Qed.

Lemma pieceok_pos : forall f p l, pieceok f p l -> 0 < pn p -> l <> [].
Proof. intros f p l (A & _) E ->. cbn in A. lia. Qed.

Lemma pieceok_single : forall f i, pieceok f (single i) [i].
Proof. intros f i. split; [|split]; cbn; auto. intros _. repeat split; auto. discriminate. Qed.

Lemma pieceok_one : forall f p l, pieceok f p l -> pn p = 1 -> l = [pf p].
Proof.
  intros f p l (A & B & C) E. destruct l as [|a [|b l]]; cbn in *; try lia.
  destruct (C ltac:(discriminate)) as (-> & _). auto.
Qed.

Lemma pieceok_chain : forall f l, linked f l ->
  pieceok f (mkP (hd 0 l) (length l) (hd 0 l) 0 None) l.
Proof.
  intros f l L. split; [|split]; cbn; auto. intros N. destruct l; [tauto|]. cbn.
  repeat split; auto; try lia. discriminate.
Qed.

Lemma pieceok_cur : forall f p l, pieceok f p l -> 0 < pn p -> In (pcur p) l.
Proof.
  intros f p l P E. assert (N := pieceok_pos _ _ _ P E). destruct P as (A & B & C).
  destruct (C N) as (_ & X & -> & _). apply nth_In. lia.
Qed.

Lemma pieceok_next : forall f p l, pieceok f p l ->
  pieceok f (mkP (pf p) (pn p) (pcur p) (pk p) (Some (f (pcur p)))) l.
Proof.
  intros f p l (A & B & C). split; [|split]; cbn; auto. intros N.
  destruct (C N) as (C1 & C2 & C3 & C4). repeat split; auto. intros x X. congruence.
Qed.

Lemma pieceok_set_next : forall f g p l x, pieceok f p l -> S (pk p) = pn p -> NoDup l ->
  (forall i, i <> pcur p -> f i = g i) -> g (pcur p) = x ->
  pieceok g (mkP (pf p) (pn p) (pcur p) (pk p) (Some x)) l.
Proof.
  intros f g p l x (A & B & C) E N F X.
  destruct (last_nth l (pk p) ltac:(lia)) as (a & EL & LA).
  assert (NE : l <> []) by (intros ->; cbn in A; lia).
  destruct (C NE) as (C1 & C2 & C3 & C4).
  split; [|split]; cbn; auto.
  - rewrite <- C3 in EL. rewrite EL in *. eapply linked_last; eauto.
  - intros _. repeat split; auto. intros y Y. congruence.
Qed.

Lemma pieceok_walk : forall f p l x, pieceok f p l -> S (pk p) < pn p -> plk p = Some x ->
  pieceok f (mkP (pf p) (pn p) x (S (pk p)) None) l.
Proof.
  intros f p l x (A & B & C) E X.
  assert (NE : l <> []) by (intros ->; cbn in A; lia).
  destruct (C NE) as (C1 & C2 & C3 & C4).
  split; [|split]; cbn; auto. intros _. repeat split; auto; [|discriminate].
  rewrite <- (C4 x X), C3. apply linked_nth; auto. lia.
Qed.

Lemma pieceok_split : forall f p l x, pieceok f p l -> 1 < pn p -> pk p = 0 -> plk p = Some x ->
  l = pf p :: tl l /\ pieceok f (mkP x (pn p - 1) x 0 None) (tl l).
Proof.
  intros f p l x (A & B & C) E K X.
  destruct l as [|a [|b l]]; cbn in A; try lia.
  destruct (C ltac:(discriminate)) as (C1 & C2 & C3 & C4). cbn in C1. rewrite C1. split; auto.
  rewrite K in C3. cbn in C3. specialize (C4 x X). destruct B as [B1 B2]. cbn.
  assert (b = x) by congruence. subst b.
  split; [|split]; cbn; auto; try lia. intros _. repeat split; auto; try lia. discriminate.
Qed.

Lemma pieceok_linked_app : forall f p l c, pieceok f p l -> S (pk p) = pn p ->
  linked f c -> (c = [] \/ plk p = Some (hd 0 c)) -> linked f (l ++ c).
Proof.
  intros f p l c (A & B & C) E L X.
  destruct c as [|y c]; [rewrite app_nil_r; auto|].
  destruct X as [X|X]; [discriminate|].
  destruct (last_nth l (pk p) ltac:(lia)) as (a & EL & LA).
  assert (NE : l <> []) by (intros ->; cbn in A; lia).
  destruct (C NE) as (C1 & C2 & C3 & C4). specialize (C4 _ X). cbn in C4.
  rewrite <- C3 in EL. rewrite EL. apply linked_app; auto. rewrite <- EL; auto.
Qed.

Lemma pieceok_join : forall f p q l c, pieceok f p l -> pieceok f q c -> S (pk p) = pn p ->
  0 < pn q -> plk p = Some (pf q) ->
  pieceok f (mkP (pf p) (pn p + pn q) (pcur q) (pn p + pk q) (plk q)) (l ++ c).
Proof.
  intros f p q l c P Q E N X.
  assert (NC : c <> []) by (eapply pieceok_pos; eauto).
  assert (NL : l <> []) by (eapply pieceok_pos; eauto; lia).
  assert (QQ := Q). destruct Q as (A' & B' & C'). destruct (C' NC) as (D1 & D2 & D3 & D4).
  assert (L : linked f (l ++ c)).
  { eapply pieceok_linked_app; eauto. right. congruence. }
  destruct P as (A & B & C). destruct (C NL) as (C1 & C2 & C3 & C4).
  split; [|split]; cbn; auto.
  - rewrite app_length. lia.
  - intros _. split; [|split; [|split]]; auto.
    + rewrite C1. destruct l; cbn; tauto.
    + lia.
    + rewrite app_nth2 by lia. rewrite D3. f_equal. lia.
Qed.

(** ** Steps *)

Lemma nx_same : forall M M' i, nv M' (Word i) = nv M (Word i) -> nx M i = nx M' i.
Proof. intros. unfold nx. congruence. Qed.

Lemma updo_eq : forall A (f : owner -> A) k a, updo f k a k = a.
Proof. intros; unfold updo; destruct (owner_eq k k); congruence. Qed.
Lemma updo_neq : forall A (f : owner -> A) k a j, j <> k -> updo f k a j = f j.
Proof. intros; unfold updo; destruct (owner_eq j k); congruence. Qed.

Lemma set_rg_eq : forall D t k p, set_rg D t k p t k = p.
Proof. intros; unfold set_rg; rewrite !upd_eq; auto. Qed.
Lemma set_rg_neq : forall D t k p t' k', (t', k') <> (t, k) -> set_rg D t k p t' k' = rg D t' k'.
Proof.
  intros; unfold set_rg. destruct (Nat.eq_dec t' t) as [->|]; [rewrite upd_eq | rewrite upd_neq; auto].
  apply upd_neq. congruence.
Qed.

Definition cell_dec : forall a b : nat * nat, {a = b} + {a <> b}.
Proof. decide equality; apply Nat.eq_dec. Defined.

Definition worded (x : loc) : Prop := match x with Word _ | Committed _ => True | _ => False end.
Definition listed (x : loc) : Prop :=
  match x with Head _ | Store _ | Word _ => True | _ => False end.

(** The owner of a free slot of a committed segment that is not set aside. *)
Definition plain (o : owner) : bool :=
  match o with OUsed | OScanned _ | ORel => false | _ => true end.

Lemma DW_same : forall G M M' D D', DW G M D ->
  (forall x, worded x -> nv M' x = nv M x) ->
  (forall i, own D' i = own D i /\ zr D' i = zr D i \/
             plain (own D i) = true /\ plain (own D' i) = true) ->
  DW G M' D'.
Proof.
  intros G M M' D D' I E P.
  assert (P2 : forall i, (own D' i = OUsed <-> own D i = OUsed) /\ (own D' i = ORel <-> own D i = ORel)
    /\ (isscanned (own D' i) /\ zr D' i = true -> isscanned (own D i) /\ zr D i = true)).
  { intros i. destruct (P i) as [[-> ->]|[A B]]; [tauto|].
    destruct (own D i), (own D' i); cbn in *; try discriminate; repeat split; intros;
      try discriminate; tauto. }
  constructor; intros; try rewrite E by exact Logic.I.
  - apply (di_used _ _ _ I), P2; auto.
  - apply (di_free _ _ _ I). intros X. apply H, P2, X.
  - apply (di_zero _ _ _ I). destruct H as [H|H]; [left; apply P2, H | right; apply P2, H].
  - eapply (di_rel _ _ _ I); eauto. apply P2; auto.
  - eapply (di_com _ _ _ I); eauto. intros X. apply H1, P2, X.
  - apply (di_real _ _ _ I). intros X. apply H, P2, X.
  - apply (di_cbit _ _ _ I).
Qed.

Lemma setl_one : forall own i o j, setl own [i] o j = if Nat.eq_dec j i then o else own j.
Proof.
  intros. unfold setl. destruct (in_dec Nat.eq_dec j [i]) as [X|X], (Nat.eq_dec j i); cbn in X;
    subst; auto; intuition congruence.
Qed.

(** A step changes the owner and the word of one slot. *)
Lemma DW_one : forall G M M' D D' i o, DW G M D ->
  (forall x, worded x -> x <> Word i -> nv M' x = nv M x) ->
  (forall j, j <> i -> own D' j = own D j /\ zr D' j = zr D j) ->
  own D' i = o -> own D i <> ORel -> o <> ORel ->
  (o = OUsed -> inuse (nv M' (Word i))) -> (o <> OUsed -> isfree (nv M' (Word i))) ->
  (isscanned o -> zr D' i = true -> nv M' (Word i) = VFree 0 (S i)) -> DW G M' D'.
Proof.
  intros G M M' D D' i o I E P Q R1 R2 U F Z.
  assert (W : forall j, j <> i -> nv M' (Word j) = nv M (Word j)).
  { intros; apply E; cbn; auto. congruence. }
  assert (C : forall g, nv M' (Committed g) = nv M (Committed g)).
  { intros; apply E; cbn; auto. congruence. }
  constructor; intros; try rewrite C.
  - destruct (Nat.eq_dec i0 i) as [->|N]; [apply U; congruence|]. rewrite W by auto.
    apply (di_used _ _ _ I). rewrite <- (proj1 (P _ N)); auto.
  - destruct (Nat.eq_dec i0 i) as [->|N]; [apply F; congruence|]. rewrite W by auto.
    apply (di_free _ _ _ I). rewrite <- (proj1 (P _ N)); auto.
  - destruct (Nat.eq_dec i0 i) as [->|N].
    + rewrite Q in H. destruct H as [H|[H1 H2]]; [congruence | auto].
    + rewrite W by auto. apply (di_zero _ _ _ I). destruct (P _ N) as [<- <-]. auto.
  - destruct (Nat.eq_dec i0 i) as [->|N]; [congruence|].
    eapply (di_rel _ _ _ I); eauto. rewrite <- (proj1 (P _ N)); auto.
  - eapply (di_com _ _ _ I); eauto. destruct (Nat.eq_dec i0 i) as [->|N]; auto.
    rewrite <- (proj1 (P _ N)); auto.
  - apply (di_real _ _ _ I). destruct (Nat.eq_dec i0 i) as [->|N]; auto.
    rewrite <- (proj1 (P _ N)); auto.
  - apply (di_cbit _ _ _ I).
Qed.

Ltac dset := unfold setl, ren in *; repeat match goal with
  | |- context [owner_eq ?a ?b] => destruct (owner_eq a b)
  | H : context [owner_eq ?a ?b] |- _ => destruct (owner_eq a b)
  | |- context [in_dec Nat.eq_dec ?a ?b] => destruct (in_dec Nat.eq_dec a b)
  | H : context [in_dec Nat.eq_dec ?a ?b] |- _ => destruct (in_dec Nat.eq_dec a b)
  end.

Section dsteps.
Variables (G : geo) (M : mem) (H : hs) (D : ds).
Hypothesis I : DL G M H D.

Lemma own_list : forall o i, islist o = true -> (In i (lst D o) <-> own D i = o).
Proof. intros o i L. apply (di_oi _ _ _ _ I o L). Qed.

Lemma held_empty : forall t k, pn (rg D t k) = 0 -> lst D (OHeld t k) = [].
Proof. intros. eapply pieceok_empty; eauto. apply (di_held _ _ _ _ I). Qed.

Lemma held_one : forall t k, pn (rg D t k) = 1 -> lst D (OHeld t k) = [pf (rg D t k)].
Proof. intros. eapply pieceok_one; eauto. apply (di_held _ _ _ _ I). Qed.

Lemma held_pf : forall t k, pn (rg D t k) = 1 -> own D (pf (rg D t k)) = OHeld t k.
Proof. intros. apply own_list; auto. rewrite held_one by auto. cbn; auto. Qed.

Lemma held_cur : forall t k, 0 < pn (rg D t k) -> own D (pcur (rg D t k)) = OHeld t k.
Proof.
  intros. apply own_list; auto. eapply pieceok_cur; eauto. apply (di_held _ _ _ _ I).
Qed.
End dsteps.

Lemma DW_dstep : forall O G M H D t a D', DL G M H D -> DW G M D -> valid G ->
  (forall i, todo D i = Some t -> dl D t i = true -> own D i = OUnswept) ->
  dstep O G M H D t a D' -> DW G (do t a M) D'.
Proof.
  intros O G M H D t a D' L I VG SA S.
  assert (nvS := nv_same t a M). assert (nvN := nv_new t a M).
  set (M' := do t a M) in *. clearbody M'.
  assert (OL := own_list _ _ _ _ L). assert (HP := held_pf _ _ _ _ L).
  assert (HC := held_cur _ _ _ _ L).
  assert (SAME : (forall x, worded x -> ~ writes a x) ->
     (forall i, own D' i = own D i /\ zr D' i = zr D i \/
             plain (own D i) = true /\ plain (own D' i) = true) -> DW G M' D').
  { intros W P. eapply DW_same; eauto. }
  assert (USED : forall i, inuse (nv M (Word i)) -> own D i = OUsed).
  { intros i U. destruct (owner_eq (own D i) OUsed) as [|N]; auto. apply (di_free _ _ _ I) in N.
    destruct (nv M (Word i)); cbn in *; tauto. }
  Ltac fin := cbn [own zr todo lst rg saw dl base clr] in *; eauto; try congruence;
    try (intros x _ N; match goal with nvS : forall x, ~ writes _ x -> _ |- _ => apply nvS end;
         cbn; auto; fail);
    try (intros j N; rewrite ?setl_one; try (destruct (Nat.eq_dec j _); [tauto|]);
         rewrite ?upd_neq by auto; auto; fail);
    try (rewrite ?setl_one; destruct (Nat.eq_dec _ _); tauto);
    try match goal with nvN : forall x, writes _ x -> nv _ x = wval _ |- _ =>
      rewrite nvN by (cbn; auto); cbn [wval] end;
    try (intros _ _; reflexivity); try (intros _; exact Logic.I); try (intros []; fail);
    try (intros _; rewrite upd_eq; discriminate);
    try (intros _; match goal with nvS : forall x, ~ writes _ x -> _ |- _ =>
      rewrite nvS by (cbn; auto) end; assumption).
  destruct S.
  all: try (apply SAME; [cbn; intros x X E; subst; cbn in X; tauto |
            cbn; intros; auto; unfold setl, ren;
            repeat match goal with
            | |- context [owner_eq ?a ?b] => destruct (owner_eq a b) as [->|]
            | |- context [in_dec Nat.eq_dec ?a ?b] => destruct (in_dec Nat.eq_dec a b)
            end; auto; fail]).
  all: idtac.
  - (* pop *)
    assert (E : own D i = OStore u).
    { apply OL; auto. pose proof (di_store _ _ _ _ L u) as X. rewrite H3 in X.
      injection X as <-. apply in_or_app; cbn; auto. }
    apply SAME; cbn; intros; [intros ->; cbn in *; tauto|]. rewrite setl_one.
    destruct (Nat.eq_dec i0 i) as [->|]; auto. rewrite E; auto.
  - (* keep *)
    apply SAME; cbn; intros; [intros ->; cbn in *; tauto|]. rewrite setl_one.
    destruct (Nat.eq_dec i _) as [->|]; auto. rewrite HP; auto.
  - (* set_next *)
    assert (E : own D (pcur (rg D t k)) = OHeld t k) by (apply HC; lia).
    eapply DW_one with (i := pcur (rg D t k)) (o := OHeld t k); fin.
  - (* split *)
    apply SAME; cbn; intros; auto. rewrite setl_one.
    destruct (Nat.eq_dec i _) as [->|]; auto. right. split; auto.
    destruct (pieceok_split _ _ _ _ (di_held _ _ _ _ L t k) H3 H4 H5) as [E _].
    assert (X : own D (pf (rg D t k)) = OHeld t k) by (apply OL; auto; rewrite E; cbn; auto).
    rewrite X; auto.
  - (* publish *)
    assert (E : own D (pf (rg D t k)) = OHeld t k) by (apply HP; lia).
    eapply DW_one with (i := pf (rg D t k)) (o := OUsed); fin.
    intros _. destruct H2 as [->|(d & n & -> & _)]; exact Logic.I.
  - (* free *)
    assert (E := USED _ H2). eapply DW_one with (i := i) (o := OHeld t k); fin.
  - (* free_owned *)
    assert (E := USED _ H2). eapply DW_one with (i := i) (o := OHeld t k); fin.
  - (* replace *)
    assert (E := USED _ H2). eapply DW_one with (i := i) (o := OUsed); fin.
    intros _. destruct H3 as [->|(d & n & -> & _)]; exact Logic.I.
  - (* set_aside *)
    assert (E : own D i = OUnswept) by (apply SA; auto).
    assert (F : isfree (nv M (Word i))) by (apply (di_free _ _ _ I); congruence).
    eapply DW_one with (i := i) (o := OScanned t); fin.
  - (* wipe *)
    eapply DW_one with (i := i) (o := OScanned t); fin.
  - (* extract *)
    assert (F : isfree (nv M (Word i))) by (apply (di_free _ _ _ I); congruence).
    eapply DW_one with (i := i) (o := OHeld t k); fin.
  - (* zeros *)
    clear SAME.
    assert (SM : forall x, nv M' x = nv M x) by (intros; apply nvS; cbn; auto).
    constructor; cbn; intros; rewrite ?SM; dset; try discriminate;
      try solve [eapply (di_used _ _ _ I); eauto | eapply (di_zero _ _ _ I); eauto
        | eapply (di_rel _ _ _ I); eauto | eapply (di_com _ _ _ I); eauto
        | eapply (di_real _ _ _ I); eauto | apply (di_cbit _ _ _ I)
        | eapply (di_free _ _ _ I); eauto
        | apply (di_free _ _ _ I); destruct (H3 i ltac:(auto)) as [-> _]; discriminate
        | eapply (di_com _ _ _ I); eauto; destruct (H3 i ltac:(auto)) as [-> _]; discriminate
        | apply (di_real _ _ _ I); destruct (H3 i ltac:(auto)) as [-> _]; discriminate].
    destruct H4 as [X|[[] _]]; discriminate.
  - (* release *)
    clear SAME.
    assert (SW : forall i, nv M' (Word i) = nv M (Word i)) by (intros; apply nvS; cbn; congruence).
    assert (SC : forall h, h <> g -> nv M' (Committed h) = nv M (Committed h)).
    { intros; apply nvS; cbn; congruence. }
    assert (NC : nv M' (Committed g) = VN 0) by (apply nvN; cbn; auto).
    constructor; cbn; intros; rewrite ?SW; dset; try discriminate;
      try solve [eapply (di_used _ _ _ I); eauto | eapply (di_zero _ _ _ I); eauto
        | eapply (di_real _ _ _ I); eauto | eapply (di_free _ _ _ I); eauto
        | apply (di_free _ _ _ I); destruct (H2 i ltac:(auto)) as [-> _]; discriminate
        | tauto].
    + apply (di_zero _ _ _ I). right. destruct (H2 i ltac:(auto)) as [-> ->]. cbn; auto.
    + destruct (Nat.eq_dec g0 g) as [->|N]; auto.
      destruct VG as (_ & V2 & _). destruct N. eapply V2; eauto.
    + destruct (Nat.eq_dec g0 g) as [->|N]; [tauto|]. rewrite SC by auto.
      eapply (di_rel _ _ _ I); eauto.
    + destruct (Nat.eq_dec g0 g) as [->|N]; [tauto|]. rewrite SC by auto.
      eapply (di_com _ _ _ I); eauto.
    + destruct (Nat.eq_dec g0 g) as [->|N]; auto. rewrite SC by auto. apply (di_cbit _ _ _ I).
  - (* grow *)
    clear SAME.
    assert (SW : forall i, nv M' (Word i) = nv M (Word i)) by (intros; apply nvS; cbn; congruence).
    assert (SC : forall h, h <> g -> nv M' (Committed h) = nv M (Committed h)).
    { intros; apply nvS; cbn; congruence. }
    assert (NC : nv M' (Committed g) = VN 1) by (apply nvN; cbn; auto).
    assert (RL : forall i, In i (slots G g) -> own D i = ORel).
    { intros i X. destruct (owner_eq (own D i) ORel) as [|N]; auto.
      rewrite (di_com _ _ _ I g i) in H2 by auto. discriminate. }
    constructor; cbn; intros; rewrite ?SW; dset; try discriminate;
      try solve [eapply (di_used _ _ _ I); eauto | eapply (di_zero _ _ _ I); eauto
        | eapply (di_real _ _ _ I); eauto | eapply (di_free _ _ _ I); eauto
        | apply (di_free _ _ _ I); rewrite RL by auto; discriminate
        | tauto].
    + destruct (Nat.eq_dec g0 g) as [->|N]; [tauto|]. rewrite SC by auto.
      eapply (di_rel _ _ _ I); eauto.
    + destruct (Nat.eq_dec g0 g) as [->|N]; [auto|].
      destruct VG as (_ & V2 & _). destruct N. eapply V2; eauto.
    + destruct (Nat.eq_dec g0 g) as [->|N]; [auto|]. rewrite SC by auto.
      eapply (di_com _ _ _ I); eauto.
    + eauto.
    + destruct (Nat.eq_dec g0 g) as [->|N]; auto. rewrite SC by auto. apply (di_cbit _ _ _ I).
  - (* grow_not *)
    eapply DW_same; eauto. intros x W. destruct (writes_dec (ARmw (Committed g) (VN 1) (o_grow O)) x)
      as [X|X]; auto. rewrite nvN by auto. cbn in X. subst x. auto.
  - (* wipe free *)
    eapply DW_one with (i := i) (o := OGone); fin. destruct H2; congruence.
  - (* data *) eapply DW_same; eauto.
Qed.

Ltac upo := cbn [own lst rg saw dl todo zr base clr] in *; repeat first
  [ rewrite updo_eq | rewrite updo_neq by (congruence || discriminate) ].
Ltac nsame := match goal with nvS : forall x, ~ writes _ x -> _ |- _ =>
  rewrite nvS by (cbn; congruence || auto) end.
Ltac wd := let j := fresh "j" in let J := fresh "J" in intros j J; match goal with nvS : forall x, ~ writes _ x -> _ |- _ => apply nvS end;
  cbn; try (intros Q; first [exact Q | discriminate Q | injection Q as ->; congruence]).

Lemma DL_dstep : forall O G M H D t a D', DL G M H D -> DW G M D -> valid G ->
  (forall k i, own D i = OHeld t k -> last M (Word i) <= V M t (Word i)) ->
  (forall i, todo D i = Some t -> dl D t i = true -> own D i = OUnswept) ->
  dstep O G M H D t a D' -> can t a M -> DL G (do t a M) H D'.
Proof.
  intros O G M H D t a D' I DWI VG HN SA S K.
  assert (nvS := nv_same t a M). assert (nvN := nv_new t a M).
  set (M' := do t a M) in *. clearbody M'.
  assert (OL := own_list _ _ _ _ I). assert (HE := held_empty _ _ _ _ I).
  assert (H1 := held_one _ _ _ _ I). assert (HC := held_cur _ _ _ _ I).
  assert (HP := held_pf _ _ _ _ I). assert (DH := di_held _ _ _ _ I).
  assert (USED : forall i, inuse (nv M (Word i)) -> own D i = OUsed).
  { intros i U. destruct (owner_eq (own D i) OUsed) as [|N]; auto. apply (di_free _ _ _ DWI) in N.
    destruct (nv M (Word i)); cbn in *; tauto. }
  assert (ND : forall o, islist o = true -> NoDup (lst D o)).
  { intros o L. apply (di_oi _ _ _ _ I o L). }
  assert (HD : forall s, (forall j, own D j = OChain s -> nv M' (Word j) = nv M (Word j)) ->
    nv M' (Head s) = nv M (Head s) ->
    nv M' (Head s) = VChain (hd 0 (lst D (OChain s))) (length (lst D (OChain s))) /\
    linked (nx M') (lst D (OChain s))).
  { intros s E1 E2. rewrite E2. destruct (di_head _ _ _ _ I s) as [A B]. split; auto.
    eapply linked_ext; [|exact B]. intros j J. apply nx_same, E1, OL; auto. }
  assert (HL : forall s, (forall j, own D j = OChain s -> nv M' (Word j) = nv M (Word j)) ->
    linked (nx M') (lst D (OChain s))).
  { intros s E1. destruct (di_head _ _ _ _ I s) as [A B].
    eapply linked_ext; [|exact B]. intros j J. apply nx_same, E1, OL; auto. }
  assert (HH : forall t k, (forall j, own D j = OHeld t k -> nv M' (Word j) = nv M (Word j)) ->
    pieceok (nx M') (rg D t k) (lst D (OHeld t k))).
  { intros t0 k0 E. eapply pieceok_ext; [|apply DH]. intros j J. apply nx_same, E, OL; auto. }
  assert (PE : forall u l, nv M (Store u) = VList l -> l = lst D (OStore u)).
  { intros u l E. rewrite (di_store _ _ _ _ I u) in E. congruence. }
  Ltac fields I DH HD HH t k :=
    constructor; intros; cbn [own lst rg saw dl todo zr base clr] in *;
    [ try apply (di_oi _ _ _ _ I)
    | try (upo; apply HD; [wd | nsame; reflexivity])
    | try (upo; nsame; apply (di_store _ _ _ _ I))
    | match goal with |- pieceok _ (_ ?t0 ?k0) _ =>
        try (upo; apply HH; wd; fail);
        try (destruct (cell_dec (t0, k0) (t, k)) as [X|X];
          [injection X as -> ->; rewrite ?set_rg_eq; upo; try apply pieceok_nil;
           try apply pieceok_single
          |rewrite ?set_rg_neq by auto; upo; try (apply HH; wd)])
      end
    | try (upo; eapply di_ns; eauto; fail)
    | try (upo; eapply di_nrec; eauto; fail) ].
  Ltac fields2 I DH HD HH :=
    constructor; intros; cbn [own lst rg saw dl todo zr base clr] in *;
    [ try apply (di_oi _ _ _ _ I)
    | try (upo; apply HD; [wd | nsame; reflexivity])
    | try (upo; nsame; apply (di_store _ _ _ _ I))
    | idtac
    | try (upo; eapply di_ns; eauto; fail)
    | try (upo; eapply di_nrec; eauto; fail) ].
  destruct S.
  - (* pop *)
    assert (HE' := HE _ _ H3). apply PE in H4.
    fields I DH HD HH t k.
    + eapply OI_move; eauto; try apply (di_oi _ _ _ _ I); try discriminate. rewrite HE'. auto.
    + destruct (Nat.eq_dec u0 u) as [->|X]; upo; [apply nvN; cbn; auto|].
      nsame. apply (di_store _ _ _ _ I).
    + destruct (Nat.eq_dec j u) as [->|X]; [destruct H2; lia|]. upo. eapply di_nrec; eauto.
  - (* keep *)
    apply PE in H4. assert (HO := H1 _ _ H3).
    fields I DH HD HH t k.
    + eapply (OI_move _ _ _ _ _ [] []); eauto; try apply (di_oi _ _ _ _ I); try discriminate.
      rewrite <- H4. apply Permutation_sym, Permutation_middle.
    + destruct (Nat.eq_dec u0 u) as [->|X]; upo; [apply nvN; cbn; auto|].
      nsame. apply (di_store _ _ _ _ I).
    + destruct (Nat.eq_dec j u) as [->|X]; [destruct H2; lia|]. upo. eapply di_nrec; eauto.
  - (* permute *)
    apply PE in H3. subst l.
    fields I DH HD HH t 0.
    + apply OI_perm; auto. apply (di_oi _ _ _ _ I).
    + destruct (Nat.eq_dec u0 u) as [->|X]; upo; [apply nvN; cbn; auto|].
      nsame. apply (di_store _ _ _ _ I).
    + destruct (Nat.eq_dec j u) as [->|X]; [destruct H2; lia|]. upo. eapply di_nrec; eauto.
  - (* take *)
    assert (HE' := HE _ _ H3). destruct (di_head _ _ _ _ I s) as [A B]. rewrite A in H4.
    injection H4 as <- <-.
    fields I DH HD HH t k.
    + eapply OI_ren; eauto; try apply (di_oi _ _ _ _ I); try discriminate.
      rewrite HE', app_nil_r. auto.
    + destruct (Nat.eq_dec s0 s) as [->|X]; upo.
      * rewrite nvN by (cbn; auto). cbn; auto.
      * apply HD; [wd | nsame; reflexivity].
    + apply pieceok_chain. apply HL. wd.
    + destruct (Nat.eq_dec s0 s) as [->|X]; upo; auto. eapply di_ns; eauto.
  - (* push *)
    destruct (di_head _ _ _ _ I s) as [A B]. rewrite A in H4. injection H4 as <- <-.
    fields I DH HD HH t k.
    + eapply OI_ren; eauto; try apply (di_oi _ _ _ _ I); try discriminate.
    + destruct (Nat.eq_dec s0 s) as [->|X]; upo.
      * rewrite nvN by (cbn; auto). cbn [wval]. split.
        -- assert (P := DH t k). assert (NE := pieceok_pos _ _ _ P H3). destruct P as (P1 & _ & P3).
           destruct (P3 NE) as (-> & _). rewrite app_length, P1. f_equal.
           destruct (lst D (OHeld t k)); cbn; tauto.
        -- eapply pieceok_linked_app; [apply HH; wd | eauto | apply HL; wd | ].
           destruct H6 as [X|X]; [left | right; auto]. destruct (lst D (OChain s)); auto; discriminate.
      * apply HD; [wd | nsame; reflexivity].
    + destruct (Nat.eq_dec s0 s) as [->|X]; [lia|]. upo. eapply di_ns; eauto.
  - (* put back *)
    destruct (di_head _ _ _ _ I s) as [A B]. rewrite A in H4. injection H4 as <- L0.
    assert (L1 : lst D (OChain s) = []) by (destruct (lst D (OChain s)); auto; discriminate).
    fields I DH HD HH t k.
    + eapply OI_ren; eauto; try apply (di_oi _ _ _ _ I); try discriminate.
    + destruct (Nat.eq_dec s0 s) as [->|X]; upo.
      * rewrite nvN by (cbn; auto). cbn [wval]. rewrite L1, app_nil_r.
        assert (P := HH t k ltac:(wd)). assert (NE := pieceok_pos _ _ _ P H3).
        destruct P as (P1 & P2 & P3). destruct (P3 NE) as (-> & _). rewrite P1. auto.
      * apply HD; [wd | nsame; reflexivity].
    + destruct (Nat.eq_dec s0 s) as [->|X]; [lia|]. upo. eapply di_ns; eauto.
  - (* next *)
    assert (N : val M (Word (pcur (rg D t k))) ts = nv M (Word (pcur (rg D t k)))).
    { unfold nv. f_equal. cbn in K. pose proof (HN k _ (HC _ _ H2)). lia. }
    fields I DH HD HH t k.
    rewrite N. replace (link (nv M (Word (pcur (rg D t k))))) with (nx M' (pcur (rg D t k))).
    + apply pieceok_next. apply HH. wd.
    + unfold nx. nsame. auto.
  - (* set_next *)
    assert (E := HC t k ltac:(lia)).
    fields I DH HD HH t k.
    eapply pieceok_set_next; eauto.
    + intros i N. apply nx_same. apply nvS. cbn. congruence.
    + unfold nx. rewrite nvN by (cbn; auto). reflexivity.
  - (* walk *)
    fields I DH HD HH t k. eapply pieceok_walk; eauto; apply HH; wd.
  - (* split *)
    destruct (pieceok_split _ _ _ _ (DH t k) H4 H5 H6) as [E P]. assert (HE' := HE _ _ H3).
    fields2 I DH HD HH.
    + eapply (OI_move _ _ _ _ _ [] (tl (lst D (OHeld t k)))); eauto;
        try apply (di_oi _ _ _ _ I); try congruence. rewrite HE'. auto.
    + destruct (Nat.eq_dec t0 t) as [->|X]; [rewrite upd_eq | rewrite upd_neq by auto; upo; apply HH; wd].
      destruct (Nat.eq_dec k0 k2) as [->|X]; [rewrite upd_eq; upo; apply pieceok_single|].
      rewrite upd_neq by auto.
      destruct (Nat.eq_dec k0 k) as [->|Y]; [rewrite upd_eq; upo | rewrite upd_neq by auto; upo; apply HH; wd].
      eapply pieceok_ext; [|exact P]. intros j _. apply nx_same, nvS. cbn; auto.
  - (* join *)
    fields2 I DH HD HH.
    + eapply OI_ren; eauto; try apply (di_oi _ _ _ _ I); try congruence. apply Permutation_app_comm.
    + destruct (Nat.eq_dec t0 t) as [->|X]; [rewrite upd_eq | rewrite upd_neq by auto; upo; apply HH; wd].
      destruct (Nat.eq_dec k0 k2) as [->|X]; [rewrite upd_eq; upo; apply pieceok_nil|].
      rewrite upd_neq by auto.
      destruct (Nat.eq_dec k0 k) as [->|Y]; [rewrite upd_eq; upo | rewrite upd_neq by auto; upo; apply HH; wd].
      apply pieceok_join; auto; apply HH; wd.
  - (* cell *) fields I DH HD HH t k.
  - (* publish *)
    assert (HO := H1 _ _ H2). assert (E := HP _ _ H2).
    fields I DH HD HH t k.
    apply OI_out; auto; apply (di_oi _ _ _ _ I).
  - (* lookup *) fields I DH HD HH t 0.
  - (* free *)
    assert (E := USED _ H3). assert (HE' := HE _ _ H4).
    fields I DH HD HH t k.
    apply OI_into; auto; try apply (di_oi _ _ _ _ I).
    + repeat constructor; cbn; auto.
    + intros j [<-|[]]. rewrite E; auto.
  - (* free own *)
    assert (E := USED _ H3). assert (HE' := HE _ _ H6).
    fields I DH HD HH t k.
    apply OI_into; auto; try apply (di_oi _ _ _ _ I).
    + repeat constructor; cbn; auto.
    + intros j [<-|[]]. rewrite E; auto.
  - (* replace *) assert (E := USED _ H3). fields I DH HD HH t 0.
  - (* forget *) fields I DH HD HH t 0.
  - (* claim *) fields I DH HD HH t 0.
  - (* peek *) fields I DH HD HH t 0.
  - (* skip *) fields I DH HD HH t 0.
  - (* set aside *)
    assert (E := SA _ H2 H3). fields I DH HD HH t 0.
    apply OI_other with (own := own D); auto; try apply (di_oi _ _ _ _ I). intros j. rewrite setl_one.
    destruct (Nat.eq_dec j i) as [->|]; auto. rewrite E. auto.
  - (* wipe *) fields I DH HD HH t 0.
  - (* extract *)
    assert (HE' := HE _ _ H3). fields I DH HD HH t k.
    apply OI_into; auto; try apply (di_oi _ _ _ _ I).
    + repeat constructor; cbn; auto.
    + intros j [<-|[]]. rewrite H2; auto.
  - (* zeros *)
    assert (HE' := HE _ _ H3). fields I DH HD HH t k.
    + apply OI_into; auto; try apply (di_oi _ _ _ _ I); [apply seq_NoDup|].
      intros j J. destruct (H4 j J) as [-> _]. auto.
    + assert (LK : linked (nx M') (seq a n)).
      { apply linked_seq. intros i J. unfold nx. nsame. rewrite (di_zero _ _ _ DWI); auto.
        right. destruct (H4 i J) as [-> ->]. cbn; auto. }
      pose proof (pieceok_chain _ _ LK) as P. rewrite seq_length in P.
      destruct n; [lia|]. exact P.
  - (* release *)
    fields I DH HD HH t 0.
    apply OI_other with (own := own D); auto; try apply (di_oi _ _ _ _ I). intros j. unfold setl.
    destruct (in_dec Nat.eq_dec j (slots G g)) as [J|J]; auto. destruct (H3 j J) as [-> _]. auto.
  - (* grow *)
    assert (RL : forall i, In i (slots G g) -> own D i = ORel).
    { intros i X. destruct (owner_eq (own D i) ORel) as [|N]; auto.
      rewrite (di_com _ _ _ DWI g i) in H3 by auto. discriminate. }
    fields I DH HD HH t 0.
    apply OI_other with (own := own D); auto; try apply (di_oi _ _ _ _ I). intros j. unfold setl.
    destruct (in_dec Nat.eq_dec j (slots G g)) as [J|J]; auto. rewrite (RL j J). auto.
  - (* grow not *) fields I DH HD HH t 0.
  - (* sweep *) fields I DH HD HH t 0.
  - (* forget head *)
    fields I DH HD HH t 0.
    + apply OI_drop; auto; apply (di_oi _ _ _ _ I).
    + destruct (Nat.eq_dec s0 s) as [->|X]; upo.
      * rewrite nvN by (cbn; auto). cbn; auto.
      * apply HD; [wd | nsame; reflexivity].
    + destruct (Nat.eq_dec s0 s) as [->|X]; upo; auto. eapply di_ns; eauto.
  - (* heads *) fields I DH HD HH t 0.
  - (* forget store *)
    fields I DH HD HH t 0.
    + apply OI_drop; auto; apply (di_oi _ _ _ _ I).
    + destruct (Nat.eq_dec u j) as [->|X]; upo; [apply nvN; cbn; auto|].
      nsame. apply (di_store _ _ _ _ I).
    + destruct (Nat.eq_dec j0 j) as [->|X]; upo; auto. eapply di_nrec; eauto.
  - (* stores *) fields I DH HD HH t 0.
  - (* committed *) fields I DH HD HH t 0.
  - (* unswept *) fields I DH HD HH t 0.
  - (* wipe free *)
    assert (NLI : islist (own D i) = false) by (destruct H3 as [-> | ->]; auto).
    assert (NLO : forall o, own D i = o -> islist o = false) by (intros; subst; auto).
    assert (NC : forall s, own D i <> OChain s) by (intros s E; apply NLO in E; discriminate).
    assert (NH : forall u k, own D i <> OHeld u k) by (intros u k E; apply NLO in E; discriminate).
    fields I DH HD HH t 0.
    + apply OI_other with (own := own D); auto; try apply (di_oi _ _ _ _ I). intros j. rewrite setl_one.
      destruct (Nat.eq_dec j i) as [->|]; auto.
  - (* read *) fields I DH HD HH t 0.
  - (* sync *) fields I DH HD HH t 0.
  - (* data *) fields I DH HD HH t 0.
Qed.
