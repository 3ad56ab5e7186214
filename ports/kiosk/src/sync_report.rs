//! What is known of sync registrations, as the control socket and the commands of an operator tell it: rows for programs
//! and sentences for people, the same whether a kiosk runs or its profile is read.

pub mod api;
pub mod in_words;
pub mod journal;
pub mod past;
pub mod reason;
pub mod refusal;
pub mod rows;
