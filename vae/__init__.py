"""ELBO Room's library: variational autoencoders, their training, and their numbers. It never imports Streamlit.

The public names are listed here and imported on first use, so that `import vae` costs no import of torch.
"""

from importlib import import_module
from typing import Any

_MODULES = {
    "Checkpoint": "files.checkpoint",
    "DiagonalGaussian": "gaussian",
    "Diverged": "training.loop",
    "Elbo": "elbo",
    "ImageSet": "data.image_sets",
    "Images": "data.image_sets",
    "InputError": "errors",
    "Run": "files.runs",
    "Settings": "settings",
    "Step": "training.loop",
    "Training": "training.loop",
    "VAE": "model",
    "evaluate": "analysis.evaluation",
    "importance_weighted_bound": "elbo",
    "load": "data.image_sets",
    "load_model": "files.checkpoint",
    "log_prior": "gaussian",
    "make_plan": "plan",
    "read_checkpoint": "files.checkpoint",
    "read_run": "files.runs",
    "run": "training.recorder",
    "train": "training.loop",
}
_NAME_IN_MODULE = {"read_checkpoint": "read", "read_run": "read"}  # where it differs from the public name
__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'vae' has no attribute {name!r}")
    return getattr(import_module(f"vae.{_MODULES[name]}"), _NAME_IN_MODULE.get(name, name))


def __dir__() -> list[str]:
    return __all__
