"""The latent space of a generator, explored: points kept, directions named, pictures found in it, laid out as a map."""
