"""Search: the vectors of records on disk, found by a picture, a text or a sound.

An index is a folder. `index.json` says whose vectors it holds and which files belong to it; each of these, a
*segment*, has the vectors of some records and what is shown of them, and never changes. What is added is a new
segment, what is removed is marked in `index.json`, which is replaced as a whole: whoever reads sees the index as it
was, or as it is. Nothing here imports TensorFlow or Keras but `index.py`, which asks a model.
"""
