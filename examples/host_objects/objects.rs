//! The host objects: memory, files, sockets, and timers of this machine.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The kind of a host object. Its number is that of its tag, among the tags for owned objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Kind {
    Buffer = 1,
    Flags,
    File,
    Socket,
    Timer,
}

pub const KINDS: [Kind; 5] = [Kind::Buffer, Kind::Flags, Kind::File, Kind::Socket, Kind::Timer];

impl Kind {
    /// Returns the name that scripts use.
    pub fn name(self) -> &'static str {
        ["buffer", "flags", "file", "socket", "timer"][self as usize - 1]
    }

    /// Returns the kind of a number.
    pub fn of(number: u16) -> Option<Kind> {
        KINDS.into_iter().find(|&kind| kind as u16 == number)
    }
}

/// A type of host objects.
pub trait HostObject: Send + Sync + 'static {
    const KIND: Kind;
}

/// Bytes.
pub struct Buffer(Box<[AtomicU8]>);

/// Truth values, all true at first.
pub struct Flags(Box<[AtomicBool]>);

/// A file in the run's own folder. The file is removed when the object is dropped.
pub struct Scratch {
    file: File,
    /// Dropped after the file is closed: some systems remove no open file.
    _entry: Entry,
}

/// The name of a file, which is removed with this.
struct Entry(PathBuf);

/// A socket that is connected to itself.
pub struct Socket(UdpSocket);

/// A point of time.
pub struct Timer(Instant);

impl HostObject for Buffer {
    const KIND: Kind = Kind::Buffer;
}
impl HostObject for Flags {
    const KIND: Kind = Kind::Flags;
}
impl HostObject for Scratch {
    const KIND: Kind = Kind::File;
}
impl HostObject for Socket {
    const KIND: Kind = Kind::Socket;
}
impl HostObject for Timer {
    const KIND: Kind = Kind::Timer;
}

impl Buffer {
    pub fn new(length: usize) -> Self {
        Self((0..length).map(|_| AtomicU8::new(0)).collect())
    }

    pub fn length(&self) -> usize {
        self.0.len()
    }

    pub fn get(&self, at: usize) -> Option<u8> {
        Some(self.0.get(at)?.load(Ordering::Relaxed))
    }

    /// Returns `false` if the buffer is shorter.
    pub fn set(&self, at: usize, value: u8) -> bool {
        self.0.get(at).map(|byte| byte.store(value, Ordering::Relaxed)).is_some()
    }

    pub fn sum(&self) -> u64 {
        self.0.iter().map(|byte| u64::from(byte.load(Ordering::Relaxed))).sum()
    }
}

impl Flags {
    pub fn new(length: usize) -> Self {
        Self((0..length).map(|_| AtomicBool::new(true)).collect())
    }

    pub fn get(&self, at: usize) -> Option<bool> {
        Some(self.0.get(at)?.load(Ordering::Relaxed))
    }

    /// Returns `false` if there are fewer flags.
    pub fn set(&self, at: usize, value: bool) -> bool {
        self.0.get(at).map(|flag| flag.store(value, Ordering::Relaxed)).is_some()
    }
}

impl Scratch {
    pub fn new(path: PathBuf) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        Ok(Self { file, _entry: Entry(path) })
    }

    /// Writes at the end.
    pub fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::End(0))?;
        file.write_all(bytes)
    }

    /// Reads all.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        let (mut file, mut bytes) = (&self.file, Vec::new());
        file.rewind()?;
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Socket {
    pub fn new() -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(socket.local_addr()?)?;
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        Ok(Self(socket))
    }

    /// Sends a message and receives it again.
    pub fn echo(&self, message: &[u8]) -> io::Result<Vec<u8>> {
        self.0.send(message)?;
        let mut bytes = vec![0; message.len() + 1];
        let length = self.0.recv(&mut bytes)?;
        bytes.truncate(length);
        Ok(bytes)
    }
}

impl Timer {
    /// Starts a timer.
    pub fn new(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    pub fn expired(&self) -> bool {
        Instant::now() >= self.0
    }
}

/// The run's own folder for files. It is removed with its last owner.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    pub fn new(name: &str) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{name}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)?;
        Ok(Self { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Counts the files that are left.
    pub fn files(&self) -> io::Result<usize> {
        Ok(std::fs::read_dir(&self.path)?.count())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_their_numbers() {
        for kind in KINDS {
            assert_eq!(Kind::of(kind as u16), Some(kind));
        }
        assert_eq!((Kind::of(0), Kind::of(6)), (None, None));
        assert_eq!((Kind::Buffer.name(), Kind::Timer.name()), ("buffer", "timer"));
    }

    #[test]
    fn memory_has_bounds() {
        let (buffer, flags) = (Buffer::new(2), Flags::new(2));
        assert!(buffer.set(1, 200) && !buffer.set(2, 1));
        assert_eq!((buffer.get(1), buffer.get(2), buffer.sum()), (Some(200), None, 200));
        assert!(flags.set(0, false) && !flags.set(2, true));
        assert_eq!((flags.get(0), flags.get(1), flags.get(2)), (Some(false), Some(true), None));
    }

    #[test]
    fn a_file_is_removed_with_its_object() {
        let folder = Folder::new("host_objects-test").unwrap();
        let file = Scratch::new(folder.path().join("a")).unwrap();
        file.append(b"one ").unwrap();
        assert_eq!(file.read().unwrap(), b"one ");
        file.append(b"two").unwrap();
        assert_eq!(file.read().unwrap(), b"one two");
        assert_eq!(folder.files().unwrap(), 1);
        drop(file);
        assert_eq!(folder.files().unwrap(), 0);
    }

    #[test]
    fn a_socket_hears_itself_and_a_timer_expires() {
        let socket = Socket::new().unwrap();
        assert_eq!(socket.echo(b"hello").unwrap(), b"hello");
        assert!(Timer::new(Duration::ZERO).expired());
        assert!(!Timer::new(Duration::from_secs(600)).expired());
    }
}
