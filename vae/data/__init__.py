"""Image sets, own images, archives, tables and latents: everything that is read before a model sees it."""
