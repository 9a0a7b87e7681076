"""From the cells of a table, as a user has it, to records."""
