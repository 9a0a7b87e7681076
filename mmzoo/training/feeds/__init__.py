"""Where a run gets its batches from."""
