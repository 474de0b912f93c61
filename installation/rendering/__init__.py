"""Rendering: picture -> projector."""
