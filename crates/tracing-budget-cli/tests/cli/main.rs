//! The command line, as a process: screens, data for programs, exit codes.

mod checks;
mod documents;
mod ends;
mod formats;
mod moving;
mod program;
mod recovering;
mod repricing;
mod seeded;
mod serving;
mod shown;
