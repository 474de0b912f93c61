"""Features: signals -> numbers 0..1."""
