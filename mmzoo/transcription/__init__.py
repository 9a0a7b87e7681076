"""Speech to text, by Whisper as it comes."""
