"""Answers in a file: its formats, and how it is written and gone on with."""
