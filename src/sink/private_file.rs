//! Who may read the files that this crate makes.

use std::fs::OpenOptions;

/// Options with which a file that they create is its owner's alone (mode 0600). A file that exists keeps its mode.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    // Other users of a host must not read what a program spends, and on what. A program that wants to share its files changes
    // their modes; the other way round they would have been readable for a while.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}
