//! Start: arguments, settings, log, one command, exit code.

fn main() {}
