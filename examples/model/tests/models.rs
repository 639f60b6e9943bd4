//! Models of the registry: `RUSTFLAGS="--cfg loom" cargo test --release`.
#![cfg(loom)]

use loom::sync::Arc;
use loom::thread::spawn;
use model::Registry;

/// Runs `f` in each interleaving with at most two preemptions.
fn explore(f: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.max_branches = 10_000;
    model.check(f);
}

#[test]
fn a_thread_that_asks_for_the_latest_connection_gets_a_whole_one_or_none() {
    explore(|| {
        let registry = Arc::new(Registry::new());
        let opener = {
            let registry = registry.clone();
            spawn(move || {
                let key = registry.open(7).expect("there is room");
                assert!(registry.close(key));
            })
        };
        let seen = {
            let registry = registry.clone();
            spawn(move || registry.latest().map(|connection| connection.peer))
        };
        opener.join().expect("the opener");
        let seen = seen.join().expect("the asker");
        assert!(seen.is_none() || seen == Some(7), "{seen:?}");
        assert!(registry.is_empty());
    });
}

#[test]
fn of_two_threads_that_close_one_connection_one_does() {
    explore(|| {
        let registry = Arc::new(Registry::new());
        let key = registry.open(7).expect("there is room");
        let closers = [registry.clone(), registry.clone()];
        let closers = closers.map(|registry| spawn(move || registry.close(key)));
        let closed = closers.map(|closer| closer.join().expect("a closer"));
        assert_eq!(closed.iter().filter(|&&closed| closed).count(), 1, "{closed:?}");
        assert!(registry.get(key).is_none());
    });
}

#[test]
fn a_reader_keeps_the_connection_that_another_thread_closes() {
    explore(|| {
        let registry = Arc::new(Registry::new());
        let key = registry.open(7).expect("there is room");
        let reader = {
            let registry = registry.clone();
            spawn(move || {
                let connection = registry.get(key);
                // It may be closed by now, and stays as long as it is borrowed.
                assert!(connection.is_none_or(|connection| connection.peer == 7));
            })
        };
        assert!(registry.close(key));
        reader.join().expect("the reader");
    });
}
