//! What is remembered, and told once.
