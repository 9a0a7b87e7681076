"""What nobody has said: settings that suit the data, and the best of several candidates within a time."""
