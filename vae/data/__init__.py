"""Readers of image sets, the user's own images, archives, tables and latents."""
