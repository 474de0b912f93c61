"""The name of a public model in; that model among the user's own out: fetched, held against its checksum, converted."""
