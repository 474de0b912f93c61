"""MIDI in, commands out: controllers, notes, program changes; what is set goes back to motor faders and LED rings."""
