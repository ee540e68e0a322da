//! The dashboard in a real browser, with scripts and without.

mod accessible;
mod browser;
mod filtering;
mod following;
mod keyboard;
mod pictures;
mod reasons;
mod site;
