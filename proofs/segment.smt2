; Which slot lies in which segment: src/segment.rs, for every capacity from 1, and every shift
; from 1 to 31. Form as in head.smt2.

(set-logic QF_BV)

(define-fun segment.slots_per_segment ((capacity (_ BitVec 32)) (shift (_ BitVec 32))) (_ BitVec 32)
  (bvshl #x00000001 shift))

(define-fun segment.segments ((capacity (_ BitVec 32)) (shift (_ BitVec 32))) (_ BitVec 32)
  (bvadd (bvlshr capacity shift) #x00000001))

(define-fun segment.segment_of
  ((capacity (_ BitVec 32)) (shift (_ BitVec 32)) (index (_ BitVec 32))) (_ BitVec 32)
  (bvlshr index shift))

(define-fun segment.first
  ((capacity (_ BitVec 32)) (shift (_ BitVec 32)) (segment (_ BitVec 32))) (_ BitVec 32)
  (ite (= segment #x00000000) #x00000001 (bvshl segment shift)))

; The last slot of a segment, were it not for the capacity.
(define-fun segment.whole
  ((shift (_ BitVec 32)) (segment (_ BitVec 32))) (_ BitVec 32)
  (bvadd (bvshl segment shift) (bvsub (bvshl #x00000001 shift) #x00000001)))

(define-fun segment.usable
  ((capacity (_ BitVec 32)) (shift (_ BitVec 32)) (segment (_ BitVec 32))) (_ BitVec 32)
  (ite (bvuge segment (segment.segments capacity shift))
    #x00000000
    (bvadd
      (bvsub
        (bvsub (segment.whole shift segment)
               (ite (bvugt (segment.whole shift segment) capacity)
                    (bvsub (segment.whole shift segment) capacity)
                    #x00000000))
        (segment.first capacity shift segment))
      #x00000001)))

(declare-const c (_ BitVec 32))
(declare-const h (_ BitVec 32))
(declare-const i (_ BitVec 32))
(declare-const s (_ BitVec 32))
(declare-const t (_ BitVec 32))
(assert (and (bvuge c #x00000001) (bvuge h #x00000001) (bvult h #x00000020)))

; theorem: segment.somewhere | 6 | Every index from 1 to the capacity lies in a segment, among its usable slots
(push 1)
(assert (and (bvuge i #x00000001) (bvule i c)))
(assert (not (let ((s (segment.segment_of c h i)))
  (and (bvult s (segment.segments c h))
       (bvuge i (segment.first c h s))
       (bvult (bvsub i (segment.first c h s)) (segment.usable c h s))))))
(check-sat)
(pop 1)

; theorem: segment.nowhere_else | 1 | A usable slot of a segment lies in this one, and is not above the capacity
(push 1)
(assert (bvult i (segment.usable c h s)))
(assert (not (let ((index (bvadd (segment.first c h s) i)))
  (and (= (segment.segment_of c h index) s) (bvuge index #x00000001) (bvule index c)))))
(check-sat)
(pop 1)

; theorem: segment.one_after_the_other | 4 | Where one segment's usable slots end the next one's begin, so that they add up to the capacity
(push 1)
(assert (and (bvult s (segment.segments c h)) (bvult (bvadd s #x00000001) (segment.segments c h))))
(assert (not (= (bvadd (segment.first c h s) (segment.usable c h s))
                (segment.first c h (bvadd s #x00000001)))))
(check-sat)
(pop 1)

; theorem: segment.the_last | 4 | The last usable slot of the last segment is the capacity
(push 1)
(assert (not (let ((s (bvsub (segment.segments c h) #x00000001)))
  (= (bvadd (segment.first c h s) (bvsub (segment.usable c h s) #x00000001)) c))))
(check-sat)
(pop 1)

; theorem: segment.never_empty | 1 | Every segment has a usable slot, and none has more than a whole one
(push 1)
(assert (bvult s (segment.segments c h)))
(assert (not (and (bvuge (segment.usable c h s) #x00000001)
                  (bvule (segment.usable c h s) (segment.slots_per_segment c h)))))
(check-sat)
(pop 1)

; theorem: segment.nothing_overflows | 6 | No sum or shift of these functions leaves 32 bits
(push 1)
(assert (bvult s (segment.segments c h)))
(assert (not (and (= (bvlshr (bvshl s h) h) s)
                  (bvuge (segment.whole h s) (bvshl s h))
                  (bvuge (segment.whole h s) (segment.first c h s))
                  (distinct (segment.segments c h) #x00000000)
                  (distinct (segment.slots_per_segment c h) #x00000000))))
(check-sat)
(pop 1)
