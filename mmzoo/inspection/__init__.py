"""A source looked at before a model learns from it: is it fit for that, and what do its records look like?"""
