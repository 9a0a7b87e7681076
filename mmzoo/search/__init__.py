"""Search by a trained model: what is put into an index (`mmzoo.index`), and what is asked of it."""
