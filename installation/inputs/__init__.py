"""Inputs: devices -> signals."""
