//! The process that built a layer, to notice a fork of it.

/// A process's id. A fork without `exec` copies a layer into a process that has none of its threads, and shares its files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process(u32);

impl Default for Process {
    fn default() -> Self {
        Self(std::process::id())
    }
}

impl Process {
    /// Whether this is another process, a fork of that one. A system call: at the end of a run and beside a write, not for each call.
    pub(crate) fn is_another(self) -> bool {
        self.0 != std::process::id()
    }
}
