"""Exports of a model or of latents (HTML, CSV, Parquet, TensorBoard), and opening one with all that a map needs."""
