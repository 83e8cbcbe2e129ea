"""The training loop, its schedules, live control, run folders and beta paths."""
