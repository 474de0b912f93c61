"""Timecode in (MTC over MIDI, LTC as sound), the cues whose time has come out."""
