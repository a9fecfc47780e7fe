//! What is checked from outside.
