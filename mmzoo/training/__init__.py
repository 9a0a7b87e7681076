"""Training: settings, features that are computed once, batches, the loop, and checkpoints."""
