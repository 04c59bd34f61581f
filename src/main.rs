//! Arguments and signals; everything else is in the library.

fn main() {}
