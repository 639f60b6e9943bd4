//! Handlers around `fork`.

/// Has the C library call `before` on a thread that forks, and afterwards `in_parent` on it, and
/// `in_child` on the one thread of the child. Does nothing if there is no memory.
pub(crate) fn at_fork(
    before: extern "C" fn(),
    in_parent: extern "C" fn(),
    in_child: extern "C" fn(),
) {
    let [before, in_parent, in_child] = [before, in_parent, in_child].map(|handler| {
        let handler: unsafe extern "C" fn() = handler;
        Some(handler)
    });
    // SAFETY: the handlers are functions of this program.
    unsafe { libc::pthread_atfork(before, in_parent, in_child) };
}
