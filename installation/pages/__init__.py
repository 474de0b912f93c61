"""Web pages of this room, served to this machine alone: a wall of pictures in, the artist's choices out."""
