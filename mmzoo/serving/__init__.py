"""A trained model behind HTTP: JSON and files in, the rows of `mmzoo predict` out."""
