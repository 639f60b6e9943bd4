(** * The theorems rest on nothing but their definitions *)

From Slotarena Require Import theorems races bias collected relocation.

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
(* theorem: one_winner | 3 14 | at most one change replaces each word that a slot has had *)
Print Assumptions one_winner.
(* theorem: replaces_what_it_saw | 3 14 | a sequence that stores next replaces the word that it has compared, and no later one *)
Print Assumptions replaces_what_it_saw.
(* theorem: one_kind_of_change | 14 | while a participant may store by a sequence in a range, no other is about to change any word there *)
Print Assumptions one_kind_of_change.
(* theorem: shared_means_shared | 14 | when a range is shared, it stays so to the end of the epoch, and no sequence stores there *)
Print Assumptions shared_means_shared.
(* theorem: shared_is_seen_rightly | 14 | a participant that has seen *shared* stays right until it changes the slot *)
Print Assumptions shared_is_seen_rightly.
(* theorem: the_sum_says_both | 14 | the sum of phase and tag is a range's word only if the phase is *biased*, and the range toward that participant *)
Print Assumptions the_sum_says_both.
(* theorem: the_codes_must_differ | 14 | but not if *revoking* has one code in both words *)
Print Assumptions the_codes_must_differ.
(* theorem: always_a_step | 9 | every participant that changes a word can always make a step *)
Print Assumptions always_a_step.
(* theorem: alone_it_ends | 9 | and by its own steps alone, at most 2N + 5, it comes to the end of a free of any slot *)
Print Assumptions alone_it_ends.
(* theorem: a_mark_is_never_lost | 16 | what was marked, or allocated since marking began, and was not freed by hand, is there and black until the sweep has passed, and white then *)
Print Assumptions a_mark_is_never_lost.
(* theorem: marked_is_kept | 16 | the first to mark an entry notes it for the theorem before *)
Print Assumptions marked_is_kept.
(* theorem: allocated_is_kept | 16 | and so does a thread that allocates in a cycle *)
Print Assumptions allocated_is_kept.
(* theorem: the_marked_survive | 16 | the sweeper frees nothing that was marked, or allocated since marking began *)
Print Assumptions the_marked_survive.
(* theorem: replaces_what_is_dead | 3 16 | the sweeper's plain store replaces a word that is still there, and dead *)
Print Assumptions replaces_what_is_dead.
(* theorem: the_dead_are_left_alone | 3 16 | no operation changes a dead entry, or is about to *)
Print Assumptions the_dead_are_left_alone.
(* theorem: one_owner | 1 3 16 | no slot has two owners: an entry, a space's lists, the sweeper's chains, or one thread *)
Print Assumptions one_owner.
(* theorem: owners_are_inside | 3 16 | a thread that owns a slot is inside an operation of the space that has the slot's segment *)
Print Assumptions owners_are_inside.
(* theorem: all_are_white_again | 16 | between collections all entries of a space are white, and no word was cleared *)
Print Assumptions all_are_white_again.
(* theorem: survivors_stay | 16 | at the stop of a minor sweep survivors keep handle and word, and are white in the old space by the flip bit *)
Print Assumptions survivors_stay.
(* theorem: named_once | 11 17 | no object is named by two live entries, whatever is relocated *)
Print Assumptions named_once.
(* theorem: dropped_once | 11 17 | each object is dropped at most once *)
Print Assumptions dropped_once.
(* theorem: cells_keep_their_objects | 17 | between relocations each cell leads to the object that the program means *)
Print Assumptions cells_keep_their_objects.
(* theorem: moved_means_moved | 17 | what the compactor remembers stays right until the compaction ends *)
Print Assumptions moved_means_moved.
(* theorem: moved_entries_are_white | 16 17 | entries stay white where they are moved to, although flip bits differ *)
Print Assumptions moved_entries_are_white.
