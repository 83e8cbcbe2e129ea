"""ELBO surgery: what the rate is spent on. Nats per image.

    mean rate = index-code mutual information + total correlation + dimension-wise KL
              = index-code mutual information + marginal KL

(Hoffman & Johnson 2016; the split of the marginal KL: Chen et al. 2018).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from vae.analysis.aggregate import components, draw, log_densities, log_sum_exp
from vae.gaussian import DiagonalGaussian, log_prior


class Surgery(NamedTuple):
    """Means over draws z ~ q(z|x_n), in nats per image, with q(z) the aggregate posterior of the given N images.

    `index_code_mi`        E ln q(z|x_n) − ln q(z): what z says of which image it is
    `total_correlation`    E ln q(z) − Σ_i ln q(z_i): how far the dimensions of z are from independent
    `dimension_wise_kl`    E Σ_i ln q(z_i) − ln p(z_i): how far each alone is from the prior
    `marginal_kl`          KL(q(z) ‖ p(z)), the sum of the last two
    `rate`                 the sum of all three, as estimated; its closed form is the mean of `kl_per_dim().sum(-1)`
    """

    index_code_mi: float
    total_correlation: float
    dimension_wise_kl: float
    marginal_kl: float
    rate: float


class Estimate(NamedTuple):
    """The terms, the standard error of each, and of how many draws and images."""

    terms: Surgery
    standard_error: Surgery
    draws: int
    images: int

    def as_json(self) -> dict[str, Any]:
        """Plain numbers, rounded to 1e-5 nats."""
        terms, errors = ({name: round(v, 5) for name, v in part._asdict().items()} for part in self[:2])
        return terms | {"standard_error": errors, "draws": self.draws, "images": self.images}


@torch.no_grad()
def surgery(posterior: DiagonalGaussian, draws: int = 2000, generator: torch.Generator | None = None) -> Estimate:
    """The rate of posteriors (N, k), taken apart with `draws` draws.

    ln q(z) and ln q(z_i) are log-mean-exp over all N components, in float64, so for these N images each term is
    estimated without bias, and its standard error is sd/√draws (a little too large: no image is drawn twice before all
    have been). Taken as a statement on images that were not given, the index-code term is biased: it is at most ln N,
    however much z tells, and the marginal KL is too large by as much as that term is too small.

    `InputError` for less than 2 images or posteriors that are not finite.
    """
    q = components(posterior)
    z, source = draw(q, max(draws, 2), generator)
    own = DiagonalGaussian(q.mu[source], q.logvar[source]).log_prob(z)
    joint, marginals = _log_mixtures(z, q)
    prior = log_prior(z)
    terms = torch.stack((own - joint, joint - marginals, marginals - prior, joint - prior, own - prior))
    errors = terms.std(1) / len(z) ** 0.5
    return Estimate(Surgery(*terms.mean(1).tolist()), Surgery(*errors.tolist()), len(z), len(q.mu))


def _log_mixtures(z: Tensor, q: DiagonalGaussian) -> tuple[Tensor, Tensor]:
    """ln q(z) and Σ_i ln q(z_i), each (M,)."""
    n = torch.tensor(len(q.mu), dtype=torch.float64, device=z.device)
    both = [(log_sum_exp(logs.sum(0)), log_sum_exp(logs).sum(0)) for logs in log_densities(z, q)]
    joint, marginals = (torch.cat(parts) for parts in zip(*both, strict=True))
    return joint - n.log(), marginals - z.shape[1] * n.log()
