"""The model as it is trained: what it begins from, what it is shown, and what is computed otherwise than in use."""
