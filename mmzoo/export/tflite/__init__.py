"""A .tflite: converted, made smaller, described, measured."""
