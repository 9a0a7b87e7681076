"""How good answers are: rankings, searches, texts."""
