; The word of a slot: src/bits/word.rs, for all 64-bit words, and for all cycles. The form is that
; of chain.smt2. The low word of a two-word entry is such a word; its other word plays no part.

(set-logic QF_BV)

(define-fun word.live_bit () (_ BitVec 64) #x8000000000000000)
(define-fun word.uninitialized_bit () (_ BitVec 64) #x4000000000000000)
(define-fun word.cycle_mask () (_ BitVec 64) #x3fffffff00000000)
(define-fun word.cycle_last () (_ BitVec 64) #x3fffffff00000000)

; The cycle of a word, in place.
(define-fun word.cycle_of ((bits (_ BitVec 64))) (_ BitVec 64)
  (bvand bits word.cycle_mask))

; The next cycle, unless this is the last one.
(define-fun word.next ((cycle (_ BitVec 64))) (_ BitVec 64)
  (bvadd cycle #x0000000100000000))

(define-fun word.is_live ((word (_ BitVec 64))) Bool
  (distinct (bvand word word.live_bit) #x0000000000000000))

; 0: live, 1: uninitialized, 2: free.
(define-fun word.state ((word (_ BitVec 64))) (_ BitVec 8)
  (ite (distinct (bvand word word.live_bit) #x0000000000000000) #x00
    (ite (distinct (bvand word word.uninitialized_bit) #x0000000000000000) #x01 #x02)))

(define-fun word.is_unswept ((word (_ BitVec 64)) (cycle (_ BitVec 64))) Bool
  (bvugt cycle word))

(define-fun word.uninitialized () (_ BitVec 64) word.uninitialized_bit)

(define-fun word.free ((cycle (_ BitVec 64)) (link (_ BitVec 32))) (_ BitVec 64)
  (bvadd cycle ((_ zero_extend 32) link)))

(define-fun word.link ((word (_ BitVec 64))) (_ BitVec 32)
  ((_ extract 31 0) word))

; The live word for an entry's bits, unless they have the live bit.
(define-fun word.live ((bits (_ BitVec 64))) (_ BitVec 64)
  (bvadd bits word.live_bit))

(define-fun word.bits ((live (_ BitVec 64))) (_ BitVec 64)
  (bvand live (bvnot word.live_bit)))

(declare-const w (_ BitVec 64))
(declare-const v (_ BitVec 64))
(declare-const r (_ BitVec 64))
(declare-const q (_ BitVec 64))
(declare-const l (_ BitVec 32))
(define-fun is_cycle ((r (_ BitVec 64))) Bool (= (word.cycle_of r) r))

; theorem: word.entry_survives | 7 | Unpacking the word of an entry yields the entry's bits, and the word is live
(push 1)
(assert (not (=> (not (word.is_live w))
                 (and (= (word.bits (word.live w)) w) (= (word.state (word.live w)) #x00)))))
(check-sat)
(pop 1)

; theorem: word.entries_differ | 7 | Two entries have two words
(push 1)
(assert (not (=> (and (not (word.is_live w)) (not (word.is_live v))
                      (= (word.live w) (word.live v)))
                 (= w v))))
(check-sat)
(pop 1)

; theorem: word.free_is_free | 1 | A slot that is freed or linked has the word of a free slot, in any cycle, with any link
(push 1)
(assert (not (=> (is_cycle r) (= (word.state (word.free r l)) #x02))))
(check-sat)
(pop 1)

; theorem: word.link_survives | 2 | Unpacking the word of a free slot yields its link, in any cycle
(push 1)
(assert (not (=> (is_cycle r) (= (word.link (word.free r l)) l))))
(check-sat)
(pop 1)

; theorem: word.cycle_survives | 1 | Unpacking the word of a free slot yields its cycle, with any link
(push 1)
(assert (not (=> (is_cycle r) (= (word.cycle_of (word.free r l)) r))))
(check-sat)
(pop 1)

; theorem: word.unswept | 1 | A word is unswept if and only if it is that of a free slot, and of an earlier cycle
(push 1)
(assert (not (=> (is_cycle r)
                 (= (word.is_unswept w r)
                    (and (= (word.state w) #x02) (bvugt r (word.cycle_of w)))))))
(check-sat)
(pop 1)

; theorem: word.in_use_is_not_unswept | 1, 5 | A slot in use is unswept in no cycle
(push 1)
(assert (and (is_cycle r) (distinct (word.state w) #x02) (word.is_unswept w r)))
(check-sat)
(pop 1)

; theorem: word.freed_now_is_not_unswept | 1 | A slot that is freed or linked in a cycle is not unswept in it, and is unswept in every later one
(push 1)
(assert (not (=> (and (is_cycle r) (is_cycle q))
                 (= (word.is_unswept (word.free r l) q) (bvugt q r)))))
(check-sat)
(pop 1)

; theorem: word.zeros_are_old | 1 | A word of zeros is that of a free slot, and is unswept in every cycle but the first
(push 1)
(assert (not (and (= (word.state #x0000000000000000) #x02)
                  (=> (is_cycle r)
                      (= (word.is_unswept #x0000000000000000 r)
                         (distinct r #x0000000000000000))))))
(check-sat)
(pop 1)

; theorem: word.cycles_go_on | 1 | The cycle after one that is not the last is a cycle, and a later one
(push 1)
(assert (not (=> (and (is_cycle r) (distinct r word.cycle_last))
                 (and (is_cycle (word.next r)) (bvugt (word.next r) r)))))
(check-sat)
(pop 1)

; theorem: word.uninitialized_is_neither | 1 | A slot without an entry is neither live nor free
(push 1)
(assert (not (= (word.state word.uninitialized) #x01)))
(check-sat)
(pop 1)

; theorem: word.gate_is_the_cycle | 8 | A cycle leaves the low half of the gate free: with no bit set there, the gate is the cycle
(push 1)
(assert (not (=> (and (is_cycle r) (= (word.link w) #x00000000) (not (word.is_live w))
                      (= (bvand w word.uninitialized_bit) #x0000000000000000))
                 (and (= (word.link r) #x00000000) (= (word.cycle_of w) w)))))
(check-sat)
(pop 1)
