"""Files that trainer, app and command line share: checkpoints, run folders, held-out images, frames for the browser."""
