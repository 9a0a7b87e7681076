"""The folder of a run while it trains: whose it is, its checkpoints, and what stands beside the model."""
