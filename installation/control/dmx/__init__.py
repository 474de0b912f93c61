"""DMX over the network: what a lighting console sends (sACN, Art-Net) in, commands out."""
