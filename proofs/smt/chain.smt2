; The packed word of a chain, and the links inside the chain: src/bits/chain.rs, for all words.
;
; A comment states a claim: its name, the invariants, and what it says. Its negation follows, and z3
; finds no values that satisfy it. The test proofs/conformance.rs computes the definitions in this
; file, and compares the results with those of the functions in Rust.

(set-logic QF_BV)

(define-fun chain.new ((first (_ BitVec 32)) (length (_ BitVec 32))) (_ BitVec 64)
  (ite (= length #x00000000)
    #x0000000000000000
    (bvor (bvshl ((_ zero_extend 32) length) #x0000000000000020) ((_ zero_extend 32) first))))

(define-fun chain.first ((bits (_ BitVec 64))) (_ BitVec 32)
  ((_ extract 31 0) bits))

(define-fun chain.length ((bits (_ BitVec 64))) (_ BitVec 32)
  ((_ extract 31 0) (bvlshr bits #x0000000000000020)))

(define-fun chain.is_empty ((bits (_ BitVec 64))) Bool
  (= (chain.length bits) #x00000000))

(define-fun chain.link_to ((index (_ BitVec 32)) (next (_ BitVec 32))) (_ BitVec 32)
  (bvsub (bvsub next index) #x00000001))

(define-fun chain.follow ((index (_ BitVec 32)) (link (_ BitVec 32))) (_ BitVec 32)
  (bvadd (bvadd index #x00000001) link))

(declare-const w (_ BitVec 64))
(declare-const i (_ BitVec 32))
(declare-const j (_ BitVec 32))
(declare-const n (_ BitVec 32))
(declare-const m (_ BitVec 32))

; theorem: chain.unpacking | 2 | Unpacking a word yields the first index and the length that were packed
(push 1)
(assert (not (and (= (chain.length (chain.new i n)) n)
                  (=> (distinct n #x00000000) (= (chain.first (chain.new i n)) i)))))
(check-sat)
(pop 1)

; theorem: chain.packing | 2 | Every word of a length other than 0 is the word of exactly one chain
(push 1)
(assert (not (=> (not (chain.is_empty w)) (= (chain.new (chain.first w) (chain.length w)) w))))
(check-sat)
(pop 1)

; theorem: chain.empty | 2 | All empty chains have one word, 0, and no other chain has it
(push 1)
(assert (not (= (= n #x00000000) (= (chain.new i n) #x0000000000000000))))
(check-sat)
(pop 1)

; theorem: chain.chains_differ | 2 | Two chains that differ in their first slot or in their length have different words
(push 1)
(assert (not (=> (and (= (chain.new i n) (chain.new j m)) (distinct n #x00000000))
                 (and (= i j) (= n m)))))
(check-sat)
(pop 1)

; theorem: chain.links_lead | 2 | A link leads to the index that it was set to, for any two indices
(push 1)
(assert (not (= (chain.follow i (chain.link_to i j)) j)))
(check-sat)
(pop 1)

; theorem: chain.links_are_exact | 2 | Exactly one link leads from one index to another
(push 1)
(assert (not (=> (= (chain.follow i n) (chain.follow i m)) (= n m))))
(check-sat)
(pop 1)

; theorem: chain.zeros_ascend | 2 | Memory full of zeros is an ascending chain
(push 1)
(assert (not (= (chain.follow i #x00000000) (bvadd i #x00000001))))
(check-sat)
(pop 1)
