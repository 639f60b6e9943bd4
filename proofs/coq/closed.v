(** * The theorems rest on nothing but their definitions *)

From Slotarena Require Import theorems races.

(* theorem: the_table_keeps_its_invariants | 1 2 3 4 5 7 8 | all of it together, for a table of any capacity; nothing is assumed but the model *)
Print Assumptions the_table_keeps_its_invariants.
(* theorem: exclusivity | 1 3 | no slot is in two places or twice in one; no slot in use is in any *)
Print Assumptions exclusivity.
(* theorem: handed_out_by_one | 3 | a slot that a thread hands out is free, and no other thread holds it *)
Print Assumptions handed_out_by_one.
(* theorem: chains | 2 | following a head's links *length* times visits *length* distinct free slots, which are in no other place *)
Print Assumptions chains.
(* theorem: links_are_current | 2 | the owner of a chain reads the newest value of each link, although relaxed *)
Print Assumptions links_are_current.
(* theorem: conservation | 4 | every slot of a committed segment is in use, in one place, unswept, or set aside, and only one of these *)
Print Assumptions conservation.
(* theorem: lengths_add_up | 4 | and the lengths add up *)
Print Assumptions lengths_add_up.
(* theorem: unswept_are_found | 4 | a thread that peeks at an unswept slot sees that it is unswept, whatever message it reads *)
Print Assumptions unswept_are_found.
(* theorem: others_are_not | 1 | and it takes no other slot for one *)
Print Assumptions others_are_not.
(* theorem: free_means_forgotten | 1 4 | in the pause, once all chains and stores are forgotten, the free slots are the forgotten ones *)
Print Assumptions free_means_forgotten.
(* theorem: released_slots | 5 | no slot of a released segment is in use or anywhere, and it reads as zero *)
Print Assumptions released_slots.
(* theorem: no_write_to_released | 5 | no thread writes to a slot whose segment is not committed *)
Print Assumptions no_write_to_released.
(* theorem: no_attempt_on_released | 5 | and no thread tries a compare-and-swap on one *)
Print Assumptions no_attempt_on_released.
(* theorem: no_race | 2 5 8 | no data race on local stores and payloads; every plain store is by a thread that has seen the newest message *)
Print Assumptions no_race.
(* theorem: stopped_means_stopped | 8 | while the world is stopped only the stopper writes or may use anything *)
Print Assumptions stopped_means_stopped.
(* theorem: resume_hands_on | 8 | the gate's message carries all that the stopper saw *)
Print Assumptions resume_hands_on.
(* theorem: operations_see_the_stop | 8 | every operation sees that message, and is in the gate's cycle *)
Print Assumptions operations_see_the_stop.
(* theorem: publication | 7 | a thread that loads an entry sees what its writer wrote before *)
Print Assumptions publication.
(* theorem: the_code_has_no_race | 2 5 8 | no execution with the code's orderings has a race *)
Print Assumptions the_code_has_no_race.
(* theorem: each_is_needed | 2 5 8 | but some execution has one, step by step, if any of 13 orderings or fences is weakened *)
Print Assumptions each_is_needed.
