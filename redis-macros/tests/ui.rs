//! Each mistake that a declaration can contain is a file in `ui`, and beside it stands what the user is told.
//!
//! After a change of a message: `TRYBUILD=overwrite cargo test -p redis-macros --test ui`, and read the difference.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
