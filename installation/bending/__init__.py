"""Bending: glitches inside a network."""
