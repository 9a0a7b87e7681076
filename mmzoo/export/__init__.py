"""What leaves the laboratory: a SavedModel or a .tflite that takes raw input, with the proof that it is equal."""
