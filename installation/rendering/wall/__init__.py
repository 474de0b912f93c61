"""A venue's file and what a technician drags in; every projector's light, fitted to its piece of wall, out."""
