//! A copy of loom with its search corrected.
//!
//! Loom up to 0.7.3 explores one order only of operations that it takes for independent, and takes
//! too many for it: it holds an operation against the last access to the same object, and no other.
//! That one may be the thread's own, or be ordered anyway, and then hides the race with one before
//! it ([tokio-rs/loom#392](https://github.com/tokio-rs/loom/issues/392),
//! [#166](https://github.com/tokio-rs/loom/issues/166)). The copy keeps every access that no later
//! one is known to follow, at most one for each thread. Among them is always the last access that
//! an operation races with, which is what the search needs (Flanagan and Godefroid, *Dynamic
//! partial-order reduction for model checking software*, 2005).
//!
//! Cargo takes the copy in loom's place with `--config "paths=['FOLDER']"`, which leaves the
//! lockfile as it is. `loom-tests/gap` shows what loom misses, and that the copy does not.

use std::fs;
use std::path::{Path, PathBuf};

use crate::invocation::cargo;
use crate::process::output_of;

/// The releases that the corrections are for: those with the same search.
const RELEASES: [&str; 2] = ["loom-0.7.2", "loom-0.7.3"];

/// Stands in for a whole file: an [`Option`] of it is what loom's objects keep.
const ACCESS: (&str, &str) = ("src/rt/access.rs", include_str!("loom_patch/access.rs"));

/// A piece of a file, which must be there exactly once, and what it becomes.
type Edit = (&'static str, &'static str, &'static str);

const EDITS: &[Edit] = &[
    // Every access counts: for races, and for what is ordered from now on.
    (
        "src/rt/execution.rs",
        "if let Some(access) = self.objects.last_dependent_access(operation) {
                if access",
        "for access in self.objects.races(operation) {
                if access",
    ),
    (
        "src/rt/execution.rs",
        "if let Some(access) = self.objects.last_dependent_access(operation) {
                threads",
        "for access in self.objects.dependent_accesses(operation) {
                threads",
    ),
    (
        "src/rt/object.rs",
        "    pub(super) fn set_last_access(",
        "    pub(super) fn dependent_accesses(
        &self,
        operation: Operation,
    ) -> impl Iterator<Item = &rt::access::One> + '_ {
        let access = self.last_dependent_access(operation);
        access.into_iter().flat_map(Access::latest)
    }

    /// The dependent accesses that could as well come after the operation.
    pub(super) fn races(
        &self,
        operation: Operation,
    ) -> impl Iterator<Item = &rt::access::One> + '_ {
        let entry = &self.entries[operation.obj.index];
        let ordered = matches!(entry, Entry::Notify(notify) if notify.is_join());
        self.dependent_accesses(operation).filter(move |_| !ordered)
    }

    pub(super) fn set_last_access(",
    ),
    // A thread's end and the wait for it cannot change places, so they do not race.
    (
        "src/rt/notify.rs",
        "    pub(crate) fn might_spur",
        "    /// Threads are joined with the only kind that never wakes up without need.
    pub(crate) fn is_join(&self) -> bool {
        !self.spurious
    }

    pub(crate) fn might_spur",
    ),
    // A thread that has just yielded cannot go on, so somebody else must be tried, ...
    ("src/rt/path.rs", "!self.is_disabled()", "!self.is_disabled() && *self != Thread::Yield"),
    // ... unless all have: then any of them can.
    (
        "src/rt/path.rs",
        "*th = Thread::Active;
                        active = Some(i as u8);
                        break;",
        "*th = if active.is_none() { Thread::Active } else { Thread::Skip };
                        active = active.or(Some(i as u8));",
    ),
    // The count of an `Arc` depends on all that changed it, and a decrement on who has looked.
    (
        "src/rt/arc.rs",
        "last_ref_modification: Option<RefModify>,",
        "last_ref_modification: Option<Access>,",
    ),
    (
        "src/rt/arc.rs",
        "match self.last_ref_modification {
                Some(RefModify::RefInc) => self.last_ref_inc.as_ref(),
                Some(RefModify::RefDec) => self.last_ref_dec.as_ref(),
                None => None,
            },",
        "self.last_ref_modification.as_ref(),",
    ),
    (
        "src/rt/arc.rs",
        "self.last_ref_modification = Some(RefModify::RefInc);",
        "Access::set_or_create(&mut self.last_ref_modification, path_id, version);",
    ),
    (
        "src/rt/arc.rs",
        "self.last_ref_modification = Some(RefModify::RefDec);",
        "Access::set_or_create(&mut self.last_ref_modification, path_id, version);",
    ),
    (
        "src/rt/arc.rs",
        "Action::Inspect => Access::set_or_create(&mut self.last_ref_inspect, path_id, version),",
        "Action::Inspect => {
                Access::set_or_create(&mut self.last_ref_dec, path_id, version);
                Access::set_or_create(&mut self.last_ref_inspect, path_id, version)
            }",
    ),
    ("src/rt/arc.rs", "enum RefModify {", "#[allow(dead_code)]\nenum RefModify {"),
];

/// Puts the copy into a folder. What is there already and right is not touched, so that cargo
/// does not build it again.
pub fn patch(folder: &Path) -> Result<(), String> {
    let metadata = cargo("metadata --format-version 1 --all-features");
    let metadata = output_of(&metadata, Path::new("."))?;
    let source = source_in(&metadata).ok_or_else(|| {
        let releases = RELEASES.join(" and ");
        format!("the corrections are for {releases}, of which none is what the lockfile says")
    })?;
    copy(&source, folder, Path::new(""))
}

/// Loom's folder, from what `cargo metadata` says.
fn source_in(metadata: &str) -> Option<PathBuf> {
    let mut manifests = metadata.split("\"manifest_path\":\"").skip(1);
    manifests.find_map(|rest| {
        let path = PathBuf::from(rest.split('"').next()?.replace("\\\\", "\\"));
        let folder = path.parent()?;
        RELEASES.iter().any(|release| folder.ends_with(release)).then(|| folder.to_path_buf())
    })
}

/// Copies a folder below loom's, corrected.
fn copy(source: &Path, target: &Path, below: &Path) -> Result<(), String> {
    let wrong = |error| format!("{}: {error}", source.join(below).display());
    fs::create_dir_all(target.join(below)).map_err(wrong)?;
    for entry in fs::read_dir(source.join(below)).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let path = below.join(entry.file_name());
        if entry.file_type().map_err(wrong)?.is_dir() {
            copy(source, target, &path)?;
        } else {
            let bytes = fs::read(entry.path()).map_err(wrong)?;
            let bytes = corrected(&path, bytes)?;
            let file = target.join(&path);
            if fs::read(&file).ok().as_ref() != Some(&bytes) {
                fs::write(&file, bytes).map_err(wrong)?;
            }
        }
    }
    Ok(())
}

/// The file as it is in the copy.
fn corrected(path: &Path, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    if path == Path::new(ACCESS.0) {
        return Ok(ACCESS.1.into());
    }
    let mut edits = EDITS.iter().filter(|(file, ..)| path == Path::new(file)).peekable();
    if edits.peek().is_none() {
        return Ok(bytes);
    }
    let text = String::from_utf8(bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    let text = edits.try_fold(text, |text, (file, old, new)| match text.matches(old).count() {
        1 => Ok(text.replace(old, new)),
        count => Err(format!("loom's {file} has {count} times, not once:\n{old}")),
    })?;
    Ok(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_found() {
        let metadata = r#"{"manifest_path":"/a/b/Cargo.toml"},
            {"manifest_path":"/r/loom-0.7.2/Cargo.toml"}"#;
        assert_eq!(source_in(metadata), Some(PathBuf::from("/r/loom-0.7.2")));
        assert_eq!(source_in(&metadata.replace("7.2", "7.9")), None);
    }

    #[test]
    fn what_does_not_match_is_refused() {
        let path = Path::new("src/rt/notify.rs");
        let old = "    pub(crate) fn might_spur";
        let result = corrected(path, old.into()).map(String::from_utf8);
        assert!(result.is_ok_and(|text| text.is_ok_and(|text| text.contains("is_join"))));
        assert!(corrected(path, Vec::new()).is_err_and(|reason| reason.contains("notify.rs")));
        let other = Path::new("src/lib.rs");
        assert_eq!(corrected(other, b"as it is".into()), Ok(b"as it is".into()));
    }
}
