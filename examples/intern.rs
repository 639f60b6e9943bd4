//! An intern table: each text once, named by a symbol that any thread resolves without a lock.
//!
//! ```text
//! cargo run --example intern
//! ```

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread;

use slotarena::slab::Ref;
use slotarena::{AllocError, Key, Slab};

type Symbol = Key;

struct Interner {
    texts: Slab<Arc<str>>,
    symbols: Mutex<HashMap<Arc<str>, Symbol>>,
}

impl Interner {
    /// Returns the symbol of a text, the same for equal ones.
    fn intern(&self, text: &str) -> Result<Symbol, AllocError> {
        let mut symbols = self.symbols.lock().expect("no panic");
        if let Some(symbol) = symbols.get(text) {
            return Ok(*symbol);
        }
        let text: Arc<str> = text.into();
        let symbol = self.texts.insert(Arc::clone(&text)).map_err(|error| error.error())?;
        symbols.insert(text, symbol);
        Ok(symbol)
    }

    /// Returns the text of a symbol. Wait-free.
    fn resolve(&self, symbol: Symbol) -> Option<Ref<'_, Arc<str>>> {
        self.texts.get(symbol)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (texts, symbols) = (Slab::new()?, Mutex::default());
    let interner = Interner { texts, symbols };
    let words = ["let", "x", "=", "x", "+", "x"];

    let intern = || words.iter().map(|word| interner.intern(word)).collect();
    let parts: Vec<Result<Vec<Symbol>, AllocError>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(intern)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let parts = parts.into_iter().collect::<Result<Vec<_>, _>>()?;

    // All threads have the same symbols, and a symbol is compared as a number.
    assert!(parts.iter().all(|symbols| *symbols == parts[0]));
    assert_eq!(parts[0][1], parts[0][3]);
    for (symbol, word) in parts[0].iter().zip(words) {
        assert_eq!(&**interner.resolve(*symbol).expect("interned"), word);
    }
    println!("{} words, {} symbols of 8 bytes", words.len(), interner.texts.len());
    Ok(())
}
