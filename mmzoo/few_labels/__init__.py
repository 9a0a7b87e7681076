"""A model and few labels: new classes by some records each, and the records that are worth a label."""
