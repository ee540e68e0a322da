//! The server as its clients see it: real requests over the loopback interface. One binary, because each links axum anew.

mod access;
mod answers;
mod answers_schema;
mod api_page;
mod contract;
mod crowd;
mod deliveries;
mod harness;
mod held_up;
mod large_run;
mod live;
mod many_projects;
mod pages;
mod problem_pages;
mod problems;
