"""Which records are for training, for validation and for the test."""
