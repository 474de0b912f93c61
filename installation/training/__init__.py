"""Training: an artist's own images -> weights."""
