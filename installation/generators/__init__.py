"""Generators: controls -> picture."""
