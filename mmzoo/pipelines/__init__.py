"""Work on many records in units, each computed anywhere, once, and kept as a file until all are there."""
