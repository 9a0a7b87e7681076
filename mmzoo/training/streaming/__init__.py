"""Training on records that come one after another: each is first answered, then learnt from, once."""
