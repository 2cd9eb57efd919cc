//! The transparency log: what was released, and refused, in a tree that outsiders can verify.
