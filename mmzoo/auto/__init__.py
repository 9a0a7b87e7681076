"""What nobody has said is chosen here: settings that suit the data, and the best of several candidates within a time."""
