"""What a trained model is worth: metrics, subsets of modalities, and the report."""
