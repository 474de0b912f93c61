"""The print chain: inputs and a job in, print files with their sidecars out."""
