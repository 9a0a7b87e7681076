"""Records, and the batches made of them."""
