; The segments and their slots: src/bits/geometry.rs, for every capacity from 1, and every shift
; from 1 to 31. The form is that of chain.smt2.

(set-logic QF_BV)

(define-fun geometry.slots_per_segment ((capacity (_ BitVec 32)) (shift (_ BitVec 32))) (_ BitVec 32)
  (bvshl #x00000001 shift))

(define-fun geometry.segments ((capacity (_ BitVec 32)) (shift (_ BitVec 32))) (_ BitVec 32)
  (bvadd (bvlshr capacity shift) #x00000001))

(define-fun geometry.segment_of
  ((capacity (_ BitVec 32)) (shift (_ BitVec 32)) (index (_ BitVec 32))) (_ BitVec 32)
  (bvlshr index shift))

(define-fun geometry.first
  ((capacity (_ BitVec 32)) (shift (_ BitVec 32)) (segment (_ BitVec 32))) (_ BitVec 32)
  (ite (= segment #x00000000) #x00000001 (bvshl segment shift)))

; The last slot of a segment, if the capacity is large enough.
(define-fun geometry.whole
  ((shift (_ BitVec 32)) (segment (_ BitVec 32))) (_ BitVec 32)
  (bvadd (bvshl segment shift) (bvsub (bvshl #x00000001 shift) #x00000001)))

(define-fun geometry.usable
  ((capacity (_ BitVec 32)) (shift (_ BitVec 32)) (segment (_ BitVec 32))) (_ BitVec 32)
  (ite (bvuge segment (geometry.segments capacity shift))
    #x00000000
    (bvadd
      (bvsub
        (bvsub (geometry.whole shift segment)
               (ite (bvugt (geometry.whole shift segment) capacity)
                    (bvsub (geometry.whole shift segment) capacity)
                    #x00000000))
        (geometry.first capacity shift segment))
      #x00000001)))

(declare-const c (_ BitVec 32))
(declare-const h (_ BitVec 32))
(declare-const i (_ BitVec 32))
(declare-const s (_ BitVec 32))
(declare-const t (_ BitVec 32))
(assert (and (bvuge c #x00000001) (bvuge h #x00000001) (bvult h #x00000020)))

; theorem: geometry.somewhere | 6 | Every index from 1 to the capacity lies in a segment, among its usable slots
(push 1)
(assert (and (bvuge i #x00000001) (bvule i c)))
(assert (not (let ((s (geometry.segment_of c h i)))
  (and (bvult s (geometry.segments c h))
       (bvuge i (geometry.first c h s))
       (bvult (bvsub i (geometry.first c h s)) (geometry.usable c h s))))))
(check-sat)
(pop 1)

; theorem: geometry.nowhere_else | 1 | A usable slot of a segment lies in this one, and is not above the capacity
(push 1)
(assert (bvult i (geometry.usable c h s)))
(assert (not (let ((index (bvadd (geometry.first c h s) i)))
  (and (= (geometry.segment_of c h index) s) (bvuge index #x00000001) (bvule index c)))))
(check-sat)
(pop 1)

; theorem: geometry.one_after_the_other | 4 | The usable slots of a segment end where those of the next one begin, so that they add up to the capacity
(push 1)
(assert (and (bvult s (geometry.segments c h)) (bvult (bvadd s #x00000001) (geometry.segments c h))))
(assert (not (= (bvadd (geometry.first c h s) (geometry.usable c h s))
                (geometry.first c h (bvadd s #x00000001)))))
(check-sat)
(pop 1)

; theorem: geometry.the_last | 4 | The last usable slot of the last segment is the capacity
(push 1)
(assert (not (let ((s (bvsub (geometry.segments c h) #x00000001)))
  (= (bvadd (geometry.first c h s) (bvsub (geometry.usable c h s) #x00000001)) c))))
(check-sat)
(pop 1)

; theorem: geometry.never_empty | 1 | Every segment has a usable slot, and no segment has more than slots_per_segment
(push 1)
(assert (bvult s (geometry.segments c h)))
(assert (not (and (bvuge (geometry.usable c h s) #x00000001)
                  (bvule (geometry.usable c h s) (geometry.slots_per_segment c h)))))
(check-sat)
(pop 1)

; theorem: geometry.nothing_overflows | 6 | No sum or shift of these functions leaves 32 bits
(push 1)
(assert (bvult s (geometry.segments c h)))
(assert (not (and (= (bvlshr (bvshl s h) h) s)
                  (bvuge (geometry.whole h s) (bvshl s h))
                  (bvuge (geometry.whole h s) (geometry.first c h s))
                  (distinct (geometry.segments c h) #x00000000)
                  (distinct (geometry.slots_per_segment c h) #x00000000))))
(check-sat)
(pop 1)
