"""The show: signals in, a presented frame out, frame after frame until someone ends it."""
