"""The search for settings: trials over a space that a recipe declares, judged on the validation records."""
