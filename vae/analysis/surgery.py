"""ELBO surgery: the parts of the mean rate. Nats per image.

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

    `index_code_mi`        E ln q(z|x_n) − ln q(z): mutual information of z and the index n of the image
    `total_correlation`    E ln q(z) − Σ_i ln q(z_i): dependence between the dimensions of z
    `dimension_wise_kl`    E Σ_i ln q(z_i) − ln p(z_i): KL of every single dimension to the prior
    `marginal_kl`          KL(q(z) ‖ p(z)), the sum of the last two
    `rate`                 the sum of the first three, estimated; in closed form the mean of `kl_per_dim().sum(-1)`
    """

    index_code_mi: float
    total_correlation: float
    dimension_wise_kl: float
    marginal_kl: float
    rate: float


class Estimate(NamedTuple):
    """The terms with their standard errors, and the numbers of draws and images."""

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
    """The parts of the mean rate of posteriors (N, k), estimated with `draws` draws.

    ln q(z) and ln q(z_i) are log-mean-exp over all N components, in float64, so for these N images each term is
    unbiased, with standard error sd/√draws (slightly too large, since draws are stratified over images). For the
    population of images the index-code term is biased: it is at most ln N, and the marginal KL is too large by as much
    as this term is too small.

    `InputError` for fewer than 2 images or posteriors that are not finite.
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
