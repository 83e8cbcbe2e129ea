"""Whether a likelihood is a density of the images that it scores. No torch here."""

from __future__ import annotations

import numpy as np

UNNORMALISED = (
    "Bernoulli likelihood of grey pixels: no normalised density, so these numbers compare with those of the same "
    "likelihood on the same images alone"
)


def is_unnormalised(likelihood: str, pixels: np.ndarray) -> bool:
    """True for a Bernoulli likelihood of uint8 `pixels` that are not all black (0) or white (255).

    x ln p + (1 − x) ln(1 − p) is the log-probability of x = 0 and x = 1 only. Over all x in [0, 1] its exponential does
    not integrate to 1 (Loaiza-Ganem & Cunningham 2019), so what is called ln p(x) and ELBO is so up to a constant that
    depends on p.
    """
    return likelihood == "bernoulli" and bool(((pixels != 0) & (pixels != 255)).any())
