(** * The allocator: the steps that change slots

    All that an operation or a stopper does to free lists, local stores, slots, and segments, one
    step for each atomic access. A working thread may make these steps in any order and any number
    of times. The functions in [src/] make them in particular orders. The conditions of a step
    speak of what the thread itself knows: its local variables, and what it has read.

    A local variable holds a chain, as a *piece*: its first slot, its length, and a cursor into
    it. The cursor is at a slot, at a position. It knows where that slot's link leads once the
    thread has read or written the link. A piece of length 0 is an unused variable. The scanned
    slots of a claimed segment are bits. *)

From Coq Require Import Arith Lia List Bool Permutation.
From Slotarena Require Import memory sites safepoint free_list.
Import ListNotations.

Record piece := mkP { pf : nat; pn : nat; pcur : nat; pk : nat; plk : option nat }.
Definition single (i : nat) : piece := mkP i 1 i 0 None.
Definition nopiece : piece := mkP 0 0 0 0 None.

(** The progress of a sweep in the pause. *)
Inductive stage :=
| NoClr
| ClrHeads (s : nat)              (* the free lists below [s] are empty *)
| ClrStores (j : nat)             (* and the stores below [j] *)
| ClrBits (g : nat)               (* and the unswept bits of the segments below [g] are set *)
| ClrBit (g b : nat).             (* the sweep has read the committed bit of segment [g]: [b] *)

Record ds := mkD {
  own : nat -> owner;           (* ghost *)
  lst : owner -> list nat;      (* ghost *)
  rg : nat -> nat -> piece;     (* the local variables of a thread *)
  saw : nat -> nat -> bool;     (* the thread saw the slot in use, in this operation *)
  dl : nat -> nat -> bool;      (* the thread saw a free word of an older cycle *)
  todo : nat -> option nat;     (* the claimant that has not peeked at the slot yet *)
  zr : nat -> bool;             (* the word of a scanned slot is known to be zero *)
  base : view;                  (* ghost: the view of the stopper when the cycle began *)
  clr : stage
}.

Definition stage_eq (c : stage) : {c = NoClr} + {c <> NoClr}.
Proof. destruct c; (left; reflexivity) || (right; discriminate). Defined.

(** The shape of a table: the numbers of free lists and of segments, and the slots of each
    segment. *)
Record geo := { NS : nat; NG : nat; slots : nat -> list nat }.
Definition valid (G : geo) : Prop :=
  (forall g, NoDup (slots G g)) /\
  (forall g h i, g < NG G -> h < NG G -> In i (slots G g) -> In i (slots G h) -> g = h) /\
  (forall g, g < NG G -> ~ In 0 (slots G g)).

Definition inuse (v : value) : Prop := match v with VLive _ _ | VUninit => True | _ => False end.
Definition link (v : value) : nat := match v with VFree _ n => n | _ => 0 end.
(** The word is free, and of another cycle than [r]. *)
Definition unswept_word (r : nat) (v : value) : Prop :=
  match v with VFree q _ => q <> r | _ => False end.

(** The thread holds nothing: no slots, no claim, and no memory of what it saw. *)
Definition clean (D : ds) (t : nat) : Prop :=
  (forall k, pn (rg D t k) = 0) /\ (forall i, own D i <> OScanned t) /\
  (forall i, todo D i <> Some t) /\ (forall i, saw D t i = false) /\ (forall i, dl D t i = false).

(** The thread works on slots, in cycle [r]. *)
Definition works (H : hs) (D : ds) (t r : nat) : Prop :=
  ph H t = Inside r \/ ph H t = LckC r \/ (ph H t = Stopped r /\ clr D = NoClr).
(** The thread works on slots, and not under the lock alone. *)
Definition sweeps (H : hs) (D : ds) (t r : nat) : Prop :=
  ph H t = Inside r \/ (ph H t = Stopped r /\ clr D = NoClr).
(** The thread may use the local store of participant [u]. *)
Definition mayuse (H : hs) (t u : nat) : Prop := u < nrec H /\ (u = t \/ pausing (ph H t)).

Definition set_rg (D : ds) (t k : nat) (p : piece) : nat -> nat -> piece :=
  upd (rg D) t (upd (rg D t) k p).

(** A word that may be published: an entry that speaks of what its writer has seen. *)
Definition entry (M : mem) (t : nat) (w : value) : Prop :=
  w = VUninit \/ exists d n, w = VLive d n /\ n <= V M t (Data d).

Section steps.
Variables (O : orders) (G : geo).

Inductive dstep (M : mem) (H : hs) (D : ds) (t : nat) : act -> ds -> Prop :=

(** ** Local stores *)

(* A slot comes out of a store: pop, drain. *)
| d_pop : forall r u k i l1 l2, works H D t r -> mayuse H t u -> pn (rg D t k) = 0 ->
    nv M (Store u) = VList (l1 ++ i :: l2) ->
    dstep M H D t (AOwn (Store u) (VList (l1 ++ l2)))
      (mkD (setl (own D) [i] (OHeld t k))
           (updo (updo (lst D) (OStore u) (l1 ++ l2)) (OHeld t k) [i])
           (set_rg D t k (single i)) (saw D) (dl D) (todo D) (zr D) (base D) (clr D))
(* A slot goes into a store: push_free. *)
| d_push_free : forall r u k l1 l2, works H D t r -> mayuse H t u -> pn (rg D t k) = 1 ->
    nv M (Store u) = VList (l1 ++ l2) ->
    dstep M H D t (AOwn (Store u) (VList (l1 ++ pf (rg D t k) :: l2)))
      (mkD (setl (own D) [pf (rg D t k)] (OStore u))
           (updo (updo (lst D) (OHeld t k) []) (OStore u) (l1 ++ pf (rg D t k) :: l2))
           (set_rg D t k nopiece) (saw D) (dl D) (todo D) (zr D) (base D) (clr D))
(* The slots of a store change places: reverse, and the moves of drain. *)
| d_permute : forall r u l l', works H D t r -> mayuse H t u ->
    nv M (Store u) = VList l -> Permutation l' l ->
    dstep M H D t (AOwn (Store u) (VList l'))
      (mkD (own D) (updo (lst D) (OStore u) l') (rg D) (saw D) (dl D) (todo D) (zr D) (base D)
           (clr D))

(** ** Free lists and chains *)

| d_take : forall r s k f n, works H D t r -> s < NS G -> pn (rg D t k) = 0 ->
    nv M (Head s) = VChain f n ->
    dstep M H D t (ARmw (Head s) (VChain 0 0) (o_take O))
      (mkD (ren (own D) (OChain s) (OHeld t k))
           (updo (updo (lst D) (OChain s) []) (OHeld t k) (lst D (OChain s)))
           (set_rg D t k (mkP f n f 0 None)) (saw D) (dl D) (todo D) (zr D) (base D) (clr D))
| d_push : forall r s k f m, works H D t r -> s < NS G -> 0 < pn (rg D t k) ->
    nv M (Head s) = VChain f m -> S (pk (rg D t k)) = pn (rg D t k) ->
    m = 0 \/ plk (rg D t k) = Some f ->
    dstep M H D t (ARmw (Head s) (VChain (pf (rg D t k)) (pn (rg D t k) + m)) (o_push O))
      (mkD (ren (own D) (OHeld t k) (OChain s))
           (updo (updo (lst D) (OHeld t k) []) (OChain s)
                 (lst D (OHeld t k) ++ lst D (OChain s)))
           (set_rg D t k nopiece) (saw D) (dl D) (todo D) (zr D) (base D) (clr D))
| d_put_back : forall r s k f, works H D t r -> s < NS G -> 0 < pn (rg D t k) ->
    nv M (Head s) = VChain f 0 ->
    dstep M H D t (ARmw (Head s) (VChain (pf (rg D t k)) (pn (rg D t k))) (o_put_back O))
      (mkD (ren (own D) (OHeld t k) (OChain s))
           (updo (updo (lst D) (OHeld t k) []) (OChain s)
                 (lst D (OHeld t k) ++ lst D (OChain s)))
           (set_rg D t k nopiece) (saw D) (dl D) (todo D) (zr D) (base D) (clr D))
(* A thread reads the link of the slot at the cursor: [Slot::next], [set_next_if_needed]. *)
| d_next : forall r k ts, works H D t r -> 0 < pn (rg D t k) ->
    dstep M H D t (ALoad (Word (pcur (rg D t k))) ts (o_next O))
      (mkD (own D) (lst D)
           (set_rg D t k (mkP (pf (rg D t k)) (pn (rg D t k)) (pcur (rg D t k)) (pk (rg D t k))
                              (Some (link (val M (Word (pcur (rg D t k))) ts)))))
           (saw D) (dl D) (todo D) (zr D) (base D) (clr D))
(* A thread writes the link of the last slot: [Slot::set_next]. *)
| d_set_next : forall r k f, works H D t r -> S (pk (rg D t k)) = pn (rg D t k) ->
    dstep M H D t (AStore (Word (pcur (rg D t k))) (VFree r f) (o_set_next O))
      (mkD (own D) (lst D)
           (set_rg D t k (mkP (pf (rg D t k)) (pn (rg D t k)) (pcur (rg D t k)) (pk (rg D t k))
                              (Some f)))
           (saw D) (dl D) (todo D) (zr D) (base D) (clr D))
(* The cursor moves to the next slot. *)
| d_walk : forall r k f, works H D t r -> S (pk (rg D t k)) < pn (rg D t k) ->
    plk (rg D t k) = Some f ->
    dstep M H D t ANop
      (mkD (own D) (lst D)
           (set_rg D t k (mkP (pf (rg D t k)) (pn (rg D t k)) f (S (pk (rg D t k))) None))
           (saw D) (dl D) (todo D) (zr D) (base D) (clr D))
(* A thread splits the first slot off. *)
| d_split : forall r k k2 f, works H D t r -> k <> k2 -> pn (rg D t k2) = 0 ->
    1 < pn (rg D t k) -> pk (rg D t k) = 0 -> plk (rg D t k) = Some f ->
    dstep M H D t ANop
      (mkD (setl (own D) [pf (rg D t k)] (OHeld t k2))
           (updo (updo (lst D) (OHeld t k) (tl (lst D (OHeld t k)))) (OHeld t k2)
                 [pf (rg D t k)])
           (upd (rg D) t (upd (upd (rg D t) k (mkP f (pn (rg D t k) - 1) f 0 None)) k2
                              (single (pf (rg D t k)))))
           (saw D) (dl D) (todo D) (zr D) (base D) (clr D))
(* Two pieces become one: the link of one's last slot leads to the other's first. *)
| d_join : forall r k k2, works H D t r -> k <> k2 -> S (pk (rg D t k)) = pn (rg D t k) ->
    0 < pn (rg D t k2) -> plk (rg D t k) = Some (pf (rg D t k2)) ->
    dstep M H D t ANop
      (mkD (ren (own D) (OHeld t k2) (OHeld t k))
           (updo (updo (lst D) (OHeld t k2) []) (OHeld t k)
                 (lst D (OHeld t k) ++ lst D (OHeld t k2)))
           (upd (rg D) t (upd (upd (rg D t) k
              (mkP (pf (rg D t k)) (pn (rg D t k) + pn (rg D t k2)) (pcur (rg D t k2))
                   (pn (rg D t k) + pk (rg D t k2)) (plk (rg D t k2)))) k2 nopiece))
           (saw D) (dl D) (todo D) (zr D) (base D) (clr D))

(** ** Slots *)

(* The owner of a free slot touches its payload. *)
| d_cell : forall r k v, works H D t r -> 0 < pn (rg D t k) ->
    dstep M H D t (AOwn (Cell (pcur (rg D t k))) v) D
| d_publish : forall r k w, works H D t r -> pn (rg D t k) = 1 -> entry M t w ->
    dstep M H D t (AStore (Word (pf (rg D t k))) w (o_publish O))
      (mkD (setl (own D) [pf (rg D t k)] OUsed) (updo (lst D) (OHeld t k) [])
           (set_rg D t k nopiece) (saw D) (dl D) (todo D) (zr D) (base D) (clr D))
(* The load before a compare-and-swap, and the value with which one fails. *)
| d_lookup : forall r i ts o, ph H t = Inside r -> inuse (val M (Word i) ts) ->
    o = o_load O \/ o = Relaxed ->
    dstep M H D t (ALoad (Word i) ts o)
      (mkD (own D) (lst D) (rg D) (upd (saw D) t (upd (saw D t) i true)) (dl D) (todo D) (zr D)
           (base D) (clr D))
| d_free : forall r i k, ph H t = Inside r -> saw D t i = true -> inuse (nv M (Word i)) ->
    pn (rg D t k) = 0 ->
    dstep M H D t (ARmw (Word i) (VFree r (S i)) (o_free O))
      (mkD (setl (own D) [i] (OHeld t k)) (updo (lst D) (OHeld t k) [i])
           (set_rg D t k (single i)) (saw D) (dl D) (todo D) (zr D) (base D) (clr D))
(* The caller promises that the word it loaded is still there, and that no other thread frees or
   sets the slot. *)
| d_free_owned : forall r i k, ph H t = Inside r -> saw D t i = true -> inuse (nv M (Word i)) ->
    V M t (Word i) = last M (Word i) -> le (nw M (Word i)) (V M t) -> pn (rg D t k) = 0 ->
    dstep M H D t (AStore (Word i) (VFree r (S i)) (o_free_owned O))
      (mkD (setl (own D) [i] (OHeld t k)) (updo (lst D) (OHeld t k) [i])
           (set_rg D t k (single i)) (saw D) (dl D) (todo D) (zr D) (base D) (clr D))
| d_replace : forall r i w, ph H t = Inside r -> saw D t i = true -> inuse (nv M (Word i)) ->
    entry M t w ->
    dstep M H D t (ARmw (Word i) w (o_replace O)) D
(* At the end of an operation a thread forgets what it saw in it. *)
| d_forget : 
    dstep M H D t ANop
      (mkD (own D) (lst D) (rg D) (upd (saw D) t (fun _ => false))
           (upd (dl D) t (fun _ => false)) (todo D) (zr D) (base D) (clr D))

(** ** Unswept slots, released and fresh segments *)

| d_claim : forall r g, sweeps H D t r -> g < NG G ->
    dstep M H D t (ARmw (Unswept g) (VN 0) (o_claim O))
      (mkD (own D) (lst D) (rg D) (saw D) (dl D)
           (match nv M (Unswept g) with
            | VN 1 => fun i => if in_dec Nat.eq_dec i (slots G g) then Some t else todo D i
            | _ => todo D
            end) (zr D) (base D) (clr D))
(* A thread peeks at a slot of a segment that it has claimed or is about to claim. *)
| d_peek : forall r i ts, sweeps H D t r -> unswept_word r (val M (Word i) ts) ->
    dstep M H D t (ALoad (Word i) ts (o_peek O))
      (mkD (own D) (lst D) (rg D) (saw D) (upd (dl D) t (upd (dl D t) i true)) (todo D) (zr D)
           (base D) (clr D))
| d_skip : forall r i ts, sweeps H D t r -> todo D i = Some t ->
    ~ unswept_word r (val M (Word i) ts) ->
    dstep M H D t (ALoad (Word i) ts (o_peek O))
      (mkD (own D) (lst D) (rg D) (saw D) (dl D) (upd (todo D) i None) (zr D) (base D) (clr D))
| d_set_aside : forall r i, sweeps H D t r -> todo D i = Some t -> dl D t i = true ->
    dstep M H D t ANop
      (mkD (setl (own D) [i] (OScanned t)) (lst D) (rg D) (saw D) (dl D) (upd (todo D) i None)
           (upd (zr D) i false) (base D) (clr D))
(* A thread makes a slot of a claimed segment zero: to save the link, or to release the segment. *)
| d_wipe : forall r i, sweeps H D t r -> own D i = OScanned t ->
    dstep M H D t (AStore (Word i) (VFree 0 (S i)) (o_wipe O))
      (mkD (own D) (lst D) (rg D) (saw D) (dl D) (todo D) (upd (zr D) i true) (base D) (clr D))
| d_extract : forall r i k, sweeps H D t r -> own D i = OScanned t -> pn (rg D t k) = 0 ->
    dstep M H D t ANop
      (mkD (setl (own D) [i] (OHeld t k)) (updo (lst D) (OHeld t k) [i])
           (set_rg D t k (single i)) (saw D) (dl D) (todo D) (zr D) (base D) (clr D))
(* Zeros are an ascending chain. *)
| d_zeros : forall r a n k, sweeps H D t r -> 0 < n -> pn (rg D t k) = 0 ->
    (forall i, In i (seq a n) -> own D i = OScanned t /\ zr D i = true) ->
    dstep M H D t ANop
      (mkD (setl (own D) (seq a n) (OHeld t k)) (updo (lst D) (OHeld t k) (seq a n))
           (set_rg D t k (mkP a n a 0 None)) (saw D) (dl D) (todo D) (zr D) (base D) (clr D))
(* A thread gives a segment back to the system: a wholly free one, or a fresh one whose memory the
   system refused. *)
| d_release : forall r g o, sweeps H D t r -> g < NG G ->
    (forall i, In i (slots G g) -> own D i = OScanned t /\ zr D i = true) ->
    slots G g <> [] -> o = o_release O \/ o = o_unclaim O ->
    dstep M H D t (ARmw (Committed g) (VN 0) o)
      (mkD (setl (own D) (slots G g) ORel) (lst D) (rg D) (saw D) (dl D) (todo D) (zr D) (base D)
           (clr D))
| d_grow : forall r g, sweeps H D t r -> g < NG G -> nv M (Committed g) = VN 0 ->
    dstep M H D t (ARmw (Committed g) (VN 1) (o_grow O))
      (mkD (setl (own D) (slots G g) (OScanned t)) (lst D) (rg D) (saw D) (dl D) (todo D)
           (fun i => if in_dec Nat.eq_dec i (slots G g) then true else zr D i) (base D) (clr D))
| d_grow_not : forall r g, sweeps H D t r -> g < NG G -> nv M (Committed g) = VN 1 ->
    dstep M H D t (ARmw (Committed g) (VN 1) (o_grow O)) D

(** ** A sweep in the pause *)

| d_sweep : forall r, ph H t = Stopped r -> clean D t -> clr D = NoClr ->
    dstep M H D t ANop
      (mkD (own D) (lst D) (rg D) (saw D) (dl D) (todo D) (zr D) (base D) (ClrHeads 0))
| d_forget_head : forall r s, ph H t = Stopped r -> clr D = ClrHeads s -> s < NS G ->
    dstep M H D t (ARmw (Head s) (VChain 0 0) (o_take O))
      (mkD (ren (own D) (OChain s) OGone) (updo (lst D) (OChain s) []) (rg D) (saw D) (dl D)
           (todo D) (zr D) (base D) (ClrHeads (S s)))
| d_heads : forall r s, ph H t = Stopped r -> clr D = ClrHeads s -> NS G <= s ->
    dstep M H D t ANop
      (mkD (own D) (lst D) (rg D) (saw D) (dl D) (todo D) (zr D) (base D) (ClrStores 0))
| d_forget_store : forall r j, ph H t = Stopped r -> clr D = ClrStores j -> j < nrec H ->
    dstep M H D t (AOwn (Store j) (VList []))
      (mkD (ren (own D) (OStore j) OGone) (updo (lst D) (OStore j) []) (rg D) (saw D) (dl D)
           (todo D) (zr D) (base D) (ClrStores (S j)))
| d_stores : forall r j, ph H t = Stopped r -> clr D = ClrStores j -> nrec H <= j ->
    dstep M H D t ANop
      (mkD (own D) (lst D) (rg D) (saw D) (dl D) (todo D) (zr D) (base D) (ClrBits 0))
| d_committed : forall r g ts b, ph H t = Stopped r -> clr D = ClrBits g -> g < NG G ->
    val M (Committed g) ts = VN b ->
    dstep M H D t (ALoad (Committed g) ts (o_committed O))
      (mkD (own D) (lst D) (rg D) (saw D) (dl D) (todo D) (zr D) (base D) (ClrBit g b))
| d_unswept : forall r g b, ph H t = Stopped r -> clr D = ClrBit g b ->
    dstep M H D t (AStore (Unswept g) (VN b) (o_begin O))
      (mkD (own D) (lst D) (rg D) (saw D) (dl D) (todo D) (zr D) (base D) (ClrBits (S g)))

(* When the cycle numbers are used up, the stopper makes the free slots zero. At this stage the free
   slots are the forgotten ones: [free_means_forgotten]. *)
| d_wipe_free : forall r g i, ph H t = Stopped r -> clr D = ClrBits g ->
    own D i = OGone \/ own D i = OUnswept ->
    dstep M H D t (AStore (Word i) (VFree 0 (S i)) (o_wipe O))
      (mkD (setl (own D) [i] OGone) (lst D) (rg D) (saw D) (dl D) (todo D) (zr D) (base D)
           (clr D))

(** ** Steps of any thread, at any time *)

(* Any load: an entry, a figure, a hint, a guess, or the value with which a compare-and-swap
   fails. *)
| d_read : forall x ts o, dstep M H D t (ALoad x ts o) D
(* The threads of the client synchronize in their own ways. *)
| d_sync : forall u, dstep M H D t (ASync u) D
(* The client writes to its own data, in its own order. *)
| d_data : forall d, V M t (Data d) = last M (Data d) ->
    dstep M H D t (AOwn (Data d) (VN 0)) D.

(** ** The composed system *)

Definition state := (mem * hs * ds)%type.

Inductive step (s : state) : nat -> act -> state -> Prop :=
| s_safepoint : forall t a H',
    hstep O (clean (snd s)) (clr (snd s) = NoClr) (fst (fst s)) (snd (fst s)) t a H' ->
    can t a (fst (fst s)) ->
    step s t a (do t a (fst (fst s)), H', snd s)
| s_data : forall t a D',
    dstep (fst (fst s)) (snd (fst s)) (snd s) t a D' ->
    can t a (fst (fst s)) ->
    step s t a (do t a (fst (fst s)), snd (fst s), D')
(* The cycle begins: all forgotten slots are unswept. It is the next cycle. When the numbers are
   used up, it is the first cycle that a sweep begins, and every free slot is zero by then. *)
| s_begin : forall t r q g, ph (snd (fst s)) t = Stopped r -> clr (snd s) = ClrBits g ->
    NG G <= g ->
    q = S r \/ (q = 1 /\ forall i, own (snd s) i = OGone \/ own (snd s) i = OUnswept ->
                  nv (fst (fst s)) (Word i) = VFree 0 (S i)) ->
    step s t ANop
      (let '(M, H, D) := s in
       (M, mkH (upd (ph H) t (Stopped q)) (nrec H) (lk H) q (og H) (ca H) (bt H),
        mkD (ren (own D) OGone OUnswept) (lst D) (rg D) (saw D) (dl D) (todo D) (zr D) (V M t)
            NoClr)).

End steps.

(** At first no segment is committed, and no thread takes part. *)
Definition ds0 : ds :=
  mkD (fun _ => ORel) (fun _ => []) (fun _ _ => nopiece) (fun _ _ => false) (fun _ _ => false)
      (fun _ => None) (fun _ => false) bot NoClr.
Definition init : state := (mem0, hs0, ds0).

Inductive reachable (O : orders) (G : geo) : state -> Prop :=
| r_init : reachable O G init
| r_step : forall s t a s', reachable O G s -> step O G s t a s' -> reachable O G s'.
