"""Running a trained model: batches, subsets of its modalities, answers and metrics."""
