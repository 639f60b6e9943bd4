//! A function that runs when it is dropped.

/// Calls a function with a value when it is dropped, also by a panic.
pub(crate) struct OnDrop<S, F: FnMut(&mut S)>(pub(crate) S, pub(crate) F);

impl<S, F: FnMut(&mut S)> Drop for OnDrop<S, F> {
    fn drop(&mut self) {
        (self.1)(&mut self.0);
    }
}
