"""Bodies that are sent smaller than they are."""
