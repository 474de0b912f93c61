"""A live neural-art runtime for galleries: hands and sound in, bent GAN pictures out."""

__version__ = "0.1.0"
