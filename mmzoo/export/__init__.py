"""What leaves the laboratory: a SavedModel or a .tflite that takes raw input, and the proof that it equals the model."""
