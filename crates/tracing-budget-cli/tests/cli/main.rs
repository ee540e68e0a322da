//! The command line, as a process: what it shows, what it says to programs, how it ends.

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
