"""What a trained model is worth: metrics, subsets of modalities; `analyses` has one file an analysis."""
