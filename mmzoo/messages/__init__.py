"""What is said to whoever runs mmzoo: lines on a terminal, texts out of data in them, and what is left unsaid."""
