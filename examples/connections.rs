//! The connections of a server: any thread writes to all, and one that ends takes itself out.
//!
//! ```text
//! cargo run --example connections
//! ```

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use slotarena::Slab;

const CLIENTS: usize = 4;

struct Connection {
    stream: TcpStream,
    /// All threads read a connection, so what changes in it is atomic.
    lines: AtomicU64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let connections = Slab::<Connection>::builder().capacity(1_000).build()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;

    thread::scope(|scope| -> Result<(), Box<dyn std::error::Error>> {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(move || client(address))).collect();
        for _ in 0..CLIENTS {
            let (stream, _) = listener.accept()?;
            let connection = Connection { stream, lines: AtomicU64::new(0) };
            // A number of 64 bits, as fits into the user data of `epoll` or `io_uring`.
            let key = connections.insert(connection).map_err(|error| error.error())?;
            let connections = &connections;
            scope.spawn(move || {
                // The reference keeps the connection open, whichever thread removes it.
                if let Some(connection) = connections.get(key) {
                    for _ in BufReader::new(&connection.stream).lines().map_while(Result::ok) {
                        connection.lines.fetch_add(1, Ordering::Relaxed);
                    }
                    println!("{key}: {} lines", connection.lines.load(Ordering::Relaxed));
                }
                assert!(connections.remove(key));
            });
        }
        // No lock: other threads insert and remove while this one writes.
        for (_, connection) in &connections.pin() {
            (&connection.stream).write_all(b"welcome\n")?;
        }
        for client in clients {
            client.join().expect("no panic")?;
        }
        Ok(())
    })?;
    assert!(connections.is_empty());
    println!("no connection is left");
    Ok(())
}

/// Sends two lines, and waits for the greeting.
fn client(address: std::net::SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"one\ntwo\n")?;
    let mut greeting = [0; 8];
    stream.read_exact(&mut greeting)?;
    assert_eq!(&greeting, b"welcome\n");
    Ok(())
}
