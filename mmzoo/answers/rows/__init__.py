"""What stands in a row: an answer, a vector, what was filled in, and how sure it is."""
