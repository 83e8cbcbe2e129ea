"""A model or latents packed for elsewhere: HTML, CSV, Parquet; and opening one with all that a map needs."""
