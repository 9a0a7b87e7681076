"""What several tasks have in common, beside what all have (`mmzoo.tasks.base`)."""
