//! The command language of the ELM327, the adapter that speaks it, and what a tester makes of its answers.
