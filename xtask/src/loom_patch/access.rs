use crate::rt::{VersionVec, MAX_THREADS};

/// The accesses to an object that did not happen before a later one.
///
/// A thread's own accesses are ordered, so there is at most one for each thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    latest: [Option<One>; MAX_THREADS],
}

/// One access.
#[derive(Debug, Clone, Copy)]
pub(crate) struct One {
    path_id: usize,
    dpor_vv: VersionVec,
}

impl Access {
    /// Adds an access, which takes the place of those that happened before it.
    pub(crate) fn set_or_create(access: &mut Option<Self>, path_id: usize, version: &VersionVec) {
        let latest = &mut access.get_or_insert_with(Self::default).latest;
        for place in latest.iter_mut() {
            if place.map_or(false, |one| one.happens_before(version)) {
                *place = None;
            }
        }
        let free = latest.iter_mut().find(|place| place.is_none());
        *free.expect("more accesses than threads") = Some(One { path_id, dpor_vv: *version });
    }

    pub(crate) fn latest(&self) -> impl Iterator<Item = &One> + '_ {
        self.latest.iter().flatten()
    }
}

impl One {
    /// Location in the path.
    pub(crate) fn path_id(&self) -> usize {
        self.path_id
    }

    pub(crate) fn version(&self) -> &VersionVec {
        &self.dpor_vv
    }

    pub(crate) fn happens_before(&self, version: &VersionVec) -> bool {
        self.dpor_vv <= *version
    }
}
