use super::*;
use crate::guest::Guest;

struct Run {
    ledger: Arc<Ledger>,
    folder: Rc<Folder>,
    host: Rc<Host>,
    guest: Guest,
}

fn run(name: &str) -> Run {
    let ledger = Arc::new(Ledger::default());
    let folder = Rc::new(Folder::new(&format!("host_objects-{name}")).unwrap());
    let host = Host::new(&ledger, &folder, Sweeper::Steps, 1).unwrap();
    let guest = Guest::new(&host);
    Run { ledger, folder, host, guest }
}

impl Run {
    fn script(&mut self, source: &str) -> Result<bool, String> {
        self.guest.run("test", source)
    }

    /// Ends the guest and the table.
    fn close(self) -> (Arc<Ledger>, Rc<Folder>) {
        drop(self.guest);
        Rc::try_unwrap(self.host).map_err(drop).unwrap().close().unwrap();
        self.ledger.close();
        (self.ledger, self.folder)
    }
}

const KEEP_AND_LOSE: &str = "
    kept = {host.buffer(4), host.flags(4), host.file(), host.socket(), host.timer(0)}
    for i = 1, 100 do
        local cycle = {host.buffer(4)}
        cycle[2] = cycle
    end
    return true";

const USE: &str = "
    kept[1][4] = 7
    kept[2][4] = false
    kept[3]:append('text')
    return kept[1][4] == 7 and kept[1]:sum() == 7 and not kept[2][4] and kept[2][3]
        and kept[3]:read() == 'text' and kept[4]:echo('hello') == 'hello' and kept[5]:expired()";

#[test]
fn a_collection_drops_what_the_script_lost_and_nothing_else() {
    let mut run = run("drops");
    assert!(run.script(KEEP_AND_LOSE).unwrap());
    assert_eq!(run.ledger.numbers().live, 105);
    run.guest.collect();
    let numbers = run.ledger.numbers();
    assert_eq!((numbers.live, numbers.dropped), (5, 100));
    assert!(run.script(USE).unwrap());
    assert_eq!(run.folder.files().unwrap(), 1);
    assert!(run.script("kept = nil return true").unwrap());
    run.guest.collect();
    assert_eq!((run.ledger.numbers().live, run.folder.files().unwrap()), (0, 0));
    assert!(run.close().0.clean());
}

#[test]
fn the_table_drops_what_is_left() {
    let mut run = run("left");
    assert!(run.script(KEEP_AND_LOSE).unwrap());
    let (ledger, folder) = run.close();
    assert_eq!((ledger.numbers().dropped, folder.files().unwrap()), (105, 0));
    assert!(ledger.clean());
}

#[test]
fn a_sweep_without_the_tracer_is_noticed() {
    let mut run = run("early");
    assert!(run.script(KEEP_AND_LOSE).unwrap());
    run.host.start_marking();
    run.host.start_sweep();
    run.host.finish_sweep();
    assert_eq!(run.ledger.numbers().live, 0);
    assert!(run.ledger.clean());
    assert!(!run.script("return kept[5]:expired() ~= nil").unwrap());
    assert_eq!(run.ledger.count(Fault::DroppedEarly), 1);
    // The tracer notices, too: it reaches five objects.
    run.guest.collect();
    assert!(run.ledger.count(Fault::DroppedEarly) >= 6);
}

#[test]
fn the_stacks_of_coroutines_hold_objects() {
    let mut run = run("stacks");
    let script = "
        thread = coroutine.create(function ()
            local buffer = host.buffer(2)
            buffer[1] = 9
            coroutine.yield(0)
            return buffer[1]
        end)
        coroutine.resume(thread)
        return true";
    assert!(run.script(script).unwrap());
    run.guest.collect();
    assert_eq!(run.ledger.numbers().live, 1);
    let script = "
        local _, value = coroutine.resume(thread)
        thread = nil
        return value == 9";
    assert!(run.script(script).unwrap());
    run.guest.collect();
    assert_eq!(run.ledger.numbers().live, 0);
    assert!(run.close().0.clean());
}

#[test]
fn objects_that_are_made_while_the_guest_marks_stay() {
    let mut run = run("marks");
    // Many collections begin and end in this loop, and each object is used for a while.
    let script = "
        local ring = {}
        for i = 1, 64 do ring[i] = host.buffer(8) end
        for i = 1, 40000 do
            local at = i % 64 + 1
            if ring[at][1] ~= 0 and ring[at][1] ~= at then return false end
            ring[at] = host.buffer(8)
            ring[at][1] = at
        end
        return true";
    assert!(run.script(script).unwrap());
    assert!(run.host.log.borrow().collections > 5);
    assert!(run.ledger.numbers().peak < 30_000);
    assert!(run.close().0.clean());
}

#[test]
fn a_compaction_rewrites_the_handles() {
    let mut run = run("compaction");
    let script = "
        local all = {}
        for i = 1, 40000 do
            all[i] = host.buffer(2)
            all[i][1] = i % 256
        end
        kept = {}
        for i = 100, 40000, 100 do kept[#kept + 1] = {all[i], i % 256} end
        return true";
    assert!(run.script(script).unwrap());
    run.guest.collect();
    let before = run.host.log.borrow().compactions;
    let script = "
        for i = 1, #kept do
            if kept[i][1][1] ~= kept[i][2] then return false end
        end
        return #kept == 400";
    // Compacts the table before the first step.
    assert!(run.script(script).unwrap());
    let log = run.host.log.take();
    assert_eq!(log.compactions, before + 1);
    // All but those in the lowest segment.
    assert!((300..400).contains(&log.moved), "{}", log.moved);
    assert_eq!(log.points.last().unwrap().slots, 8191);
    run.host.log.replace(log);
    assert_eq!(run.ledger.numbers().live, 400);
    assert!(run.close().0.clean());
}

#[test]
fn the_guest_counts_the_bytes_of_host_objects() {
    let mut run = run("bytes");
    run.guest.collect();
    let before = run.guest.external_bytes();
    assert!(run.script("kept = {host.buffer(1 << 20), host.file()} return true").unwrap());
    let bytes = (1 << 20) + (16 << 10);
    let with = run.guest.external_bytes();
    assert!((before + bytes..before + bytes + 8192).contains(&with), "{before}, {with}");
    assert!(run.script("kept = false return true").unwrap());
    run.guest.collect();
    // The look at the beacon after the collection tells the guest.
    assert!(run.script("return true").unwrap());
    assert!(run.guest.external_bytes() < before + 8192);
    assert!(run.close().0.clean());
}

#[test]
fn a_buffer_that_was_handed_over_stays_until_its_place_is_taken() {
    let mut run = run("watch");
    assert!(run.script("host.watch(host.buffer(4)) return true").unwrap());
    run.guest.collect();
    assert_eq!(run.ledger.numbers().live, 1);
    let script = "
        kept = host.buffer(4)
        for i = 1, 64 do host.watch(kept) end
        return true";
    assert!(run.script(script).unwrap());
    run.guest.collect();
    assert_eq!(run.ledger.numbers().live, 1);
    assert!(run.script("kept = false return true").unwrap());
    run.guest.collect();
    assert_eq!(run.ledger.numbers().live, 1);
    let error = run.script("return host.watch(host.timer(0))").unwrap_err();
    assert!(error.contains("expected a buffer"), "{error}");
    assert!(run.close().0.clean());
}

#[test]
fn a_buffer_that_is_handed_over_while_the_guest_marks_is_marked() {
    let mut run = run("barrier");
    assert!(run.script("kept = host.buffer(4) lost = host.buffer(4) return true").unwrap());
    run.host.start_marking();
    // The guest's tracer does not come before the sweep.
    assert!(run.script("host.watch(kept) kept = false lost = false return true").unwrap());
    run.host.start_sweep();
    run.host.finish_sweep();
    assert_eq!(run.ledger.numbers().live, 1);
    assert!(run.close().0.clean());
}

#[test]
fn a_compaction_rewrites_the_handles_of_the_host() {
    let mut run = run("places");
    let script = "
        local all = {}
        for i = 1, 40000 do all[i] = host.buffer(2) end
        for i = 1, 64 do host.watch(all[i * 600]) end
        return true";
    assert!(run.script(script).unwrap());
    run.guest.collect();
    assert!(run.script("return true").unwrap());
    assert_eq!(run.host.log.borrow().moved, 0);
    assert!(
        run.host.watch.places().iter().all(|place| { place.handle.load(Ordering::Relaxed) < 8192 })
    );
    assert_eq!(run.ledger.numbers().live, 64);
    assert!(run.close().0.clean());
}

#[test]
fn a_forged_handle_reaches_nothing_of_another_kind() {
    let mut run = run("forged");
    let script = "
        host.distrust()
        local buffer, timer = host.buffer(2), host.timer(0)
        local number = host.handle(timer)
        host.forge(buffer, number, 8193)
        local wrong = host.touch(buffer)
        host.forge(buffer, number, 8197)
        local right = host.touch(buffer)
        for tag = 0, 65535 do
            if tag ~= 8197 then
                host.forge(buffer, number, tag)
                wrong = wrong or host.touch(buffer)
            end
        end
        return right and not wrong";
    assert!(run.script(script).unwrap());
    run.guest.collect();
    let (ledger, _) = run.close();
    assert!(ledger.clean());
}

#[test]
fn errors_reach_the_script() {
    let mut run = run("errors");
    for (script, part) in [
        ("return host.buffer(0)", "buffer: no length: 0"),
        ("host.buffer(4)[5] = 1", "no such element"),
        ("host.buffer(4)[1] = 256", "no value of an element"),
        ("host.buffer(4)[1] = true", "wrong type"),
        ("return require('nothing')", "no such module"),
        ("this is no Lua", "parse error"),
    ] {
        let error = run.script(script).unwrap_err();
        assert!(error.contains(part), "{script}: {error}");
    }
    assert!(run.close().0.clean());
}
