//! What the benchmarks share: figures, their references and their goals.

pub mod report;
