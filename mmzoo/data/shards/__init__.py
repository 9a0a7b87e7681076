"""Folders of shards: written, read, and decoded on other machines."""
