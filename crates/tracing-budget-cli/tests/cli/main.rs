//! The command line, as a process: screens, data for programs, exit codes.

mod checks;
mod documents;
mod exit_codes;
mod formats;
mod hostile;
mod import_export;
mod prices_update;
mod program;
mod recover;
mod reprice;
mod seeded;
mod serve;
mod shown;
mod store;
