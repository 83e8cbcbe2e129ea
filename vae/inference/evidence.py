"""The true posterior p(z|x) of one image, its evidence ln p(x), and the gap of q(z|x). Nats per image.

In a latent space of one or two dimensions all is computed by quadrature; in more, by importance sampling here and by
annealing in `annealed_importance.py`. Networks run in the model's own precision, sums in float64.

    ln p(x) = ELBO(q) + KL(q ‖ p(z|x))         for every q
    gap     = approximation gap + amortisation gap     (Cremer et al. 2018)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from vae.errors import InputError
from vae.gaussian import LOG_2PI, DiagonalGaussian, log_prior
from vae.inference.full_gaussian import FullGaussian, Nodes, full, nodes
from vae.inference.quadrature import CELLS_PER_SIGMA, Box, Cells, LogDensity, integrate
from vae.model import VAE

Gaussian = DiagonalGaussian | FullGaussian  # of one image: mu (k,)

PRIOR_REACH = 6.0  # half width of the first box: 1e-8 of the prior's mass lies outside; the box grows if necessary
FIRST_CELLS = {1: 1200, 2: 120}  # a side: steps of 0.01 and 0.1
KEPT_BYTES = 1 << 27  # most bytes of decoder outputs that are cached for all images
CPU_VALUES, GPU_VALUES = 1 << 18, 1 << 22  # pixels decoded at once: fit into a core's cache, or keep a GPU busy
ELBO_NODES, GAP_NODES, FIT_NODES = 32, 45, 24  # a side, at first; the grids of ELBO and gap share no node
MOST_NODES = 800  # a side
EQUAL = 1e-3  # nats: fits with a smaller difference count as equal


# ---- the likelihood of one image at many z -----------------------------------------------------------------------


def log_joint(model: VAE, x: Tensor, z: Tensor) -> Tensor:
    """ln p(x|z) + ln p(z), differentiable in z (N, k) float64, for one image x (C, H, W): shape (N,) float64."""
    weight = next(model.parameters())
    return model.log_likelihood(x.to(weight).expand(len(z), *x.shape), z.to(weight)).double() + log_prior(z)


@torch.no_grad()
def log_likelihoods(model: VAE, x: Tensor, z: Tensor) -> Tensor:
    """ln p(x|z) of one image x (C, H, W) at z (N, k), shape (N,) float64: `VAE.log_likelihood`, several times faster
    for one image at many z.
    """
    weight = next(model.parameters())
    pixels = x.to(weight).flatten()
    rows = _batch_rows(weight, len(pixels))
    parts = [_of_outputs(model, pixels, model.decoder(part).flatten(1)) for part in z.to(weight).split(rows)]
    return torch.cat(parts)


def _batch_rows(weight: Tensor, pixels: int) -> int:
    return max(1, (CPU_VALUES if weight.device.type == "cpu" else GPU_VALUES) // pixels)


def _of_outputs(model: VAE, pixels: Tensor, outputs: Tensor) -> Tensor:
    """ln p(x|z) (N,) from decoder outputs (N, pixels), which are overwritten."""
    if model.likelihood == "bernoulli":
        linear = outputs @ pixels
        return linear.double() - _softplus_sum(outputs).double()
    squared = outputs.sub_(pixels).square_().sum(1).double()
    return -0.5 * (squared / model.sigma**2 + len(pixels) * (LOG_2PI + 2 * log(model.sigma)))


def _softplus_sum(logits: Tensor) -> Tensor:
    """Σ ln(1 + e^logit) over the last dimension; may overwrite `logits`. e^80 still fits float32."""
    if logits.max() > 80:
        return F.softplus(logits).sum(-1)
    return logits.exp_().add_(1).log_().sum(-1)


class Plane:
    """A model's decoder outputs on the first cells of every posterior, computed once for all images.

    ln p(x|z) is linear in x plus a term in z only (Bernoulli) or terms in z only and x only (Gaussian), so an image
    costs one matrix-vector product. `InputError` for a latent space of more than 2 dimensions.
    """

    @torch.no_grad()
    def __init__(self, model: VAE) -> None:
        k = model.latent_dim
        if k not in FIRST_CELLS:
            raise InputError(
                f"A grid needs a latent space of 1 or 2 dimensions, not {k}; use importance sampling for this model."
            )
        self.model = model
        self.box = Box(torch.zeros(k, dtype=torch.float64), PRIOR_REACH, FIRST_CELLS[k])
        self._z = self.box.centres(self.box.all_cells())
        self._outputs: Tensor | None = None
        weight = next(model.parameters())
        pixels = model.image_shape[0] * model.image_shape[1] * model.image_shape[2]
        if len(self._z) * pixels * weight.element_size() <= KEPT_BYTES:
            rows = _batch_rows(weight, pixels)
            self._outputs = torch.cat([model.decoder(part).flatten(1) for part in self._z.to(weight).split(rows)])
            bernoulli = model.likelihood == "bernoulli"
            parts = self._outputs.split(rows)
            self._constant = torch.cat(
                [_softplus_sum(p.clone()) if bernoulli else 0.5 * p.square().sum(1) for p in parts]
            )

    def log_joint(self, x: Tensor) -> Tensor:
        """ln p(x, z) at the first cells, to a few digits: used only to choose the cells to split."""
        return self.log_likelihood(x) + log_prior(self._z)

    @torch.no_grad()
    def log_likelihood(self, x: Tensor) -> Tensor:
        """ln p(x|z) at the first cells, to a few digits, in the order of `box.all_cells()`."""
        if self._outputs is None:
            return log_likelihoods(self.model, x, self._z)
        pixels = x.to(self._outputs).flatten()
        values = (self._outputs @ pixels - self._constant).double()
        if self.model.likelihood == "gaussian":
            values = (values - 0.5 * pixels.square().sum().double()) / self.model.sigma**2
            values -= 0.5 * len(pixels) * (LOG_2PI + 2 * log(self.model.sigma))
        return values


# ---- posterior and evidence --------------------------------------------------------------------------------------


@torch.no_grad()
def true_posterior(plane: Plane, x: Tensor, tolerance: float = 3e-4, per_sigma: float = CELLS_PER_SIGMA) -> Cells:
    """p(z|x) of one image x (C, H, W), on cells of which at least `per_sigma` fit its smallest standard deviation.

    Its `log_total` is the evidence ln p(x), `error` the change by the last halving of cells, at most `tolerance` nats.
    """
    check_image(plane.model, x)

    def density(z: Tensor) -> Tensor:
        return log_likelihoods(plane.model, x, z) + log_prior(z)

    return integrate(density, plane.box, tolerance, plane.log_joint(x), per_sigma)


def check_image(model: VAE, x: Tensor) -> None:
    if tuple(x.shape) != tuple(model.image_shape):
        raise InputError(f"The model is for one image of {model.image_shape}, not {tuple(x.shape)}.")


# ---- bound and gap -----------------------------------------------------------------------------------------------


class Sampled(NamedTuple):
    """A mean over draws, and its standard error."""

    mean: float
    standard_error: float


class Parts(NamedTuple):
    """ln p(x) = elbo + gap, in nats, all computed independently."""

    log_evidence: float
    rate: float  # KL(q ‖ p(z)), closed form
    distortion: float  # −E_q ln p(x|z), by quadrature under q
    gap: float  # KL(q ‖ p(z|x)), by quadrature under q on another grid

    @property
    def elbo(self) -> float:
        return -(self.distortion + self.rate)


def parts(model: VAE, x: Tensor, q: Gaussian, posterior: Cells, tolerance: float = 2e-4) -> Parts:
    """Evidence, rate, distortion and gap of any Gaussian q of one image, in a latent space of 1 or 2 dimensions.

    Quadrature is accurate to `tolerance` nats; a large tolerance is fast enough for interaction.
    """
    wide = full(q)
    divergence = gap(model, x, q, posterior, tolerance)
    return Parts(posterior.log_total, wide.kl().item(), distortion(model, x, q, tolerance), divergence)


def distortion(model: VAE, x: Tensor, q: Gaussian, tolerance: float = 2e-4) -> float:
    """−E_q ln p(x|z) by quadrature, for a latent space of 1 or 2 dimensions."""
    return -_under(full(q), lambda z: log_likelihoods(model, x, z), ELBO_NODES, tolerance)


def gap(model: VAE, x: Tensor, q: Gaussian, posterior: Cells, tolerance: float = 2e-4) -> float:
    """KL(q ‖ p(z|x)) by quadrature, with p(z|x) normalised by `posterior`."""
    wide = full(q)

    def log_ratio(z: Tensor) -> Tensor:
        return wide.log_prob(z) - (log_likelihoods(model, x, z) + log_prior(z) - posterior.log_total)

    return _under(wide, log_ratio, GAP_NODES, tolerance)


@torch.no_grad()
def _under(q: FullGaussian, f: LogDensity, per_axis: int, tolerance: float) -> float:
    """E_q f on an even grid, with twice as many nodes a side until it changes by at most `tolerance`."""
    before = inf
    while True:
        grid = nodes(len(q.mu), per_axis)
        value = (grid.weights @ f(q.at(grid.zeta))).item()
        if abs(value - before) <= tolerance or 2 * per_axis > MOST_NODES:
            return value
        before, per_axis = value, 2 * per_axis


@torch.no_grad()
def sampled_elbo(
    model: VAE, x: Tensor, q: Gaussian, draws: int = 1000, generator: torch.Generator | None = None
) -> Sampled:
    """−(distortion + rate) with the distortion from draws of q and the rate in closed form; any latent_dim."""
    wide = full(q)
    values = log_likelihoods(model, x, wide.rsample(draws, generator)) - wide.kl()
    return Sampled(values.mean().item(), (values.std() / draws**0.5).item())


# ---- the best q for this image alone -----------------------------------------------------------------------------


class Fit(NamedTuple):
    """The result of optimising q for one image, its ELBO by quadrature, and all q on the way, the start first."""

    q: FullGaussian
    elbo: float
    path: list[FullGaussian]
    elbos: list[float]  # of the path, all but the last on one grid under q


def fit(model: VAE, x: Tensor, start: Gaussian, full_covariance: bool = False, steps: int = 60) -> Fit:
    """Maximise the ELBO of one image over q by at most `steps` steps of L-BFGS, with quadrature under q: no noise.

    Free parameters are mu in units of the start's sigma and the logarithm of the diagonal of L, and with
    `full_covariance` the entries below the diagonal. Without it, the fit starts from the diagonal of the covariance.
    """
    check_image(model, x)
    begin = full(start)
    if not full_covariance:
        begin = FullGaussian(begin.mu, torch.diag(begin.covariance.diagonal().sqrt()))
    k = len(begin.mu)
    scale = begin.tril.diagonal()
    shift, stretch, shear = (torch.zeros(n, dtype=torch.float64, requires_grad=True) for n in (k, k, k * (k - 1) // 2))
    below = torch.tril_indices(k, k, -1)

    def current() -> FullGaussian:
        tril = begin.tril + torch.diag(scale * torch.expm1(stretch))
        if full_covariance:
            tril = tril.index_put((below[0], below[1]), begin.tril[below[0], below[1]] + scale[below[0]] * shear)
        return FullGaussian(begin.mu + scale * shift, tril)

    grid = nodes(k, FIT_NODES, 5.0)
    free = [shift, stretch, shear] if full_covariance and k > 1 else [shift, stretch]
    lbfgs = torch.optim.LBFGS(free, max_iter=1, history_size=10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        loss = -_bound(model, x, current(), grid)
        for parameter, slope in zip(free, torch.autograd.grad(loss, free), strict=True):
            parameter.grad = slope
        return loss.detach()

    path, losses = [begin], []
    for _ in range(steps):
        losses.append(float(lbfgs.step(closure)))
        path.append(FullGaussian(*(t.detach().clone() for t in current())))
        if len(losses) > 4 and losses[-4] - losses[-1] < 1e-6:
            break
    elbo = -(distortion(model, x, path[-1]) + path[-1].kl().item())
    return Fit(path[-1], elbo, path, [*(-loss for loss in losses), elbo])


def _bound(model: VAE, x: Tensor, q: FullGaussian, grid: Nodes) -> Tensor:
    weight = next(model.parameters())
    z = q.at(grid.zeta).to(weight)
    values = model.log_likelihood(x.to(weight).expand(len(z), *x.shape), z).double()
    return grid.weights @ values - q.kl()


def best(model: VAE, x: Tensor, q: Gaussian, posterior: Cells, full_covariance: bool = False) -> Fit:
    """The best fit of those that start at `q` and at every mode with at least 2% of the posterior's mass; of fits
    within `EQUAL` nats, the first.
    """
    modes = posterior.modes
    starts: list[Gaussian] = [q]
    for peak, weight, covariance in zip(*modes, strict=True):
        if weight >= 0.02:
            starts.append(FullGaussian(peak, torch.linalg.cholesky(covariance)))
    found = [fit(model, x, start, full_covariance) for start in starts]
    highest = max(each.elbo for each in found)
    return next(each for each in found if each.elbo >= highest - EQUAL)


class Gaps(NamedTuple):
    """The two parts of KL(q ‖ p(z|x)): the gap of the best q of the family, and the rest, due to the encoder."""

    approximation: float  # ln p(x) − ELBO of the best q
    amortisation: float  # ELBO of the best q − ELBO of the encoder's q


def gaps(of_encoder: Parts, optimum: Fit) -> Gaps:
    return Gaps(of_encoder.log_evidence - optimum.elbo, optimum.elbo - of_encoder.elbo)


# ---- importance weighting ----------------------------------------------------------------------------------------


class Weighted(NamedTuple):
    """Draws z (n, k) of q and their log weights ln p(x, z) − ln q(z) (n,)."""

    z: Tensor
    log_w: Tensor


@torch.no_grad()
def importance_sample(
    model: VAE, x: Tensor, q: Gaussian, draws: int, generator: torch.Generator | None = None
) -> Weighted:
    """`draws` draws of q with their log weights, for one image x (C, H, W) and any latent_dim."""
    check_image(model, x)
    wide = full(q)
    z = wide.rsample(draws, generator)
    return Weighted(z, log_likelihoods(model, x, z) + log_prior(z) - wide.log_prob(z))


@dataclass(frozen=True, eq=False)
class Bounds:
    """L_k for every `k` (K,), as the mean over disjoint groups of k draws, with its standard error (K,)."""

    k: Tensor
    mean: Tensor
    standard_error: Tensor


def bounds(log_w: Tensor, ks: Sequence[int]) -> Bounds:
    """E L_1 = ELBO ≤ E L_k ≤ E L_{k+1} ≤ ln p(x) (Burda et al. 2016), from log weights (n,) with n ≥ 2k for all k."""
    if min(ks) < 1 or 2 * max(ks) > len(log_w):
        raise InputError(f"L_k with an error needs at least 2k draws, so k of 1 to {len(log_w) // 2} here.")
    found = []
    for k in ks:
        group = log_w[: len(log_w) // k * k].unflatten(0, (-1, k)).logsumexp(1) - log(k)
        found.append((group.mean(), group.std() / len(group) ** 0.5))
    mean, error = (torch.stack(column) for column in zip(*found, strict=True))
    return Bounds(torch.tensor(list(ks)), mean, error)


def effective_sample_size(log_w: Tensor) -> float:
    """(Σ w)²/Σ w² for log weights (n,), from 1 (one draw has all the weight) to n (equal weights)."""
    return (2 * log_w.logsumexp(0) - (2 * log_w).logsumexp(0)).exp().item()


def log_mean_weight(log_w: Tensor) -> Sampled:
    """ln of the mean weight, an estimate of ln p(x) that is too low on average; its standard error to first order."""
    share = log_w.softmax(0) * len(log_w)
    return Sampled((log_w.logsumexp(0) - log(len(log_w))).item(), (share.std() / len(log_w) ** 0.5).item())
