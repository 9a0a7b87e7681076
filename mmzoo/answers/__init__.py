"""A model's answers to the records of a table: made some records at a time, written to a file, gone on with."""
