"""Estimators of ∇ E_q[f(z)] for a Gaussian q, their variances, and fits of q with each of them. float64 throughout.

With z = mu + L·ζ, ζ ~ N(0, I), and L = diag(sigma) for a diagonal q, a single draw gives

    score function        f(z) · ∇ ln q(z)                    (Williams 1992)
      with a baseline     (f(z) − b) · ∇ ln q(z)              b = E f, or the mean of the other draws ("leave-one-out")
    pathwise              ∇_z f(z) · ∂z/∂(mu, L)              (Kingma & Welling 2014; Rezende et al. 2014)

and if f is quadratic, the expectation has a closed form. All are unbiased. f rises along a gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import log
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from vae.errors import InputError
from vae.gaussian import DiagonalGaussian
from vae.inference.full_gaussian import FullGaussian, full, nodes
from vae.inference.targets import Quadratic, Target

Estimator = Literal["score", "baseline", "leave-one-out", "pathwise", "exact"]
Integrand = Callable[[Tensor], Tensor]  # z (N, k) → f (N,), differentiable
Gaussian = DiagonalGaussian | FullGaussian  # of one q: mu (k,)

EXACT_NODES = 61  # a side


class Gradient(NamedTuple):
    """∂/∂mu (..., k), and ∂/∂sigma (..., k) of a diagonal q or ∂/∂L (..., k, k), lower triangular, of a full one."""

    mu: Tensor
    scale: Tensor


class Moments(NamedTuple):
    """Mean (P,) and covariance (P, P) of single-draw gradients with P entries, in the order of `flat`."""

    mean: Tensor
    covariance: Tensor


# ---- single draws ------------------------------------------------------------------------------------------------


def single(f: Integrand, q: Gaussian, estimator: Estimator, zeta: Tensor, baseline: float | None = None) -> Gradient:
    """The gradient estimate of every single draw ζ of `zeta` (n, k); their mean over n is the estimate.

    "leave-one-out" needs n ≥ 2, "baseline" the number b, which must be independent of these draws. `InputError` where
    these are missing, and for "exact", which has no draws.
    """
    full_q = full(q)
    zeta = zeta.double()
    if estimator == "pathwise":
        return _gradient_of(q, *_pathwise(f, full_q, zeta))
    with torch.no_grad():
        values = f(full_q.at(zeta))
    if estimator == "leave-one-out":
        if len(values) < 2:
            raise InputError("The leave-one-out baseline needs at least 2 draws.")
        values = (values - values.mean()) * (len(values) / (len(values) - 1))
    elif estimator == "baseline":
        if baseline is None:
            raise InputError("The score function with a baseline needs the baseline's value.")
        values = values - baseline
    elif estimator != "score":
        raise InputError(f"There are no single draws of {estimator!r}; it is the expectation itself.")
    of_mu = torch.linalg.solve_triangular(full_q.tril.T, zeta.T, upper=True).T  # L⁻ᵀ ζ
    of_scale = (of_mu[:, :, None] * zeta[:, None]).tril() - torch.diag(1 / full_q.tril.diagonal())
    return _gradient_of(q, values[:, None] * of_mu, values[:, None, None] * of_scale)


def _pathwise(f: Integrand, q: FullGaussian, zeta: Tensor) -> tuple[Tensor, Tensor]:
    z = q.at(zeta).detach().requires_grad_()
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(f(z).sum(), z)
    return slope, (slope[:, :, None] * zeta[:, None]).tril()


def _gradient_of(q: Gaussian, mu: Tensor, scale: Tensor) -> Gradient:
    """A `Gradient` with the entries of ∂L that q has: all, or the diagonal."""
    return Gradient(mu, scale if isinstance(q, FullGaussian) else scale.diagonal(dim1=-2, dim2=-1))


def mean(of: Gradient) -> Gradient:
    return Gradient(of.mu.mean(0), of.scale.mean(0))


def moments(
    f: Integrand,
    q: Gaussian,
    estimator: Estimator,
    draws: int,
    generator: torch.Generator | None = None,
    baseline: float | None = None,
    batch: int = 1 << 15,
) -> Moments:
    """Mean and covariance of single-draw gradients over `draws` draws, computed in batches."""
    if draws < 2:
        raise InputError("A covariance needs at least 2 draws.")
    count, centre, scatter = 0, torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    while count < draws:
        n = min(batch, draws - count)
        if estimator == "leave-one-out" and draws - count - n == 1:
            n += 1  # leave-one-out needs 2 draws in the last batch
        zeta = torch.randn((n, len(q.mu)), generator=generator, dtype=torch.float64)
        rows = flat(q, single(f, q, estimator, zeta, baseline))
        middle = rows.mean(0)
        offsets, shift = rows - middle, middle - centre
        scatter = scatter + offsets.T @ offsets + torch.outer(shift, shift) * (count * n / (count + n))
        centre = centre + shift * (n / (count + n))
        count += n
    return Moments(centre, scatter / (count - 1))


def flat(q: Gaussian, of: Gradient) -> Tensor:
    """All entries of each gradient in one row, mu first, then sigma or the lower triangle of L row by row: (n, P)."""
    if isinstance(q, FullGaussian):
        rows, columns = torch.tril_indices(len(q.mu), len(q.mu))
        return torch.cat((of.mu, of.scale[..., rows, columns]), -1)
    return torch.cat((of.mu, of.scale), -1)


# ---- expectations ------------------------------------------------------------------------------------------------


def expectation(f: Integrand, q: Gaussian) -> float:
    """E_q f: in closed form for a quadratic f, else by quadrature in 1 or 2 dimensions."""
    full_q = full(q)
    if isinstance(f, Quadratic):
        return (f(full_q.mu) - 0.5 * (f.A * full_q.covariance).sum()).item()
    grid = nodes(_check_grid(q), EXACT_NODES)
    with torch.no_grad():
        return (grid.weights @ f(full_q.at(grid.zeta))).item()


def exact(f: Integrand, q: Gaussian) -> Gradient:
    """∇ E_q f: b − A mu and −A L for a quadratic f, else by quadrature in 1 or 2 dimensions."""
    full_q = full(q)
    if isinstance(f, Quadratic):
        return _gradient_of(q, f.b - f.A @ full_q.mu, -(f.A @ full_q.tril).tril())
    grid = nodes(_check_grid(q), EXACT_NODES)
    of_mu, of_scale = _pathwise(f, full_q, grid.zeta)
    return _gradient_of(q, grid.weights @ of_mu, torch.einsum("n,nij->ij", grid.weights, of_scale))


def _check_grid(q: Gaussian) -> int:
    if len(q.mu) > 2:
        raise InputError("An exact gradient in more than 2 dimensions needs a quadratic integrand.")
    return len(q.mu)


# ---- variances of f = ‖z‖² in closed form ------------------------------------------------------------------------


class Variance(NamedTuple):
    """Variance of one entry of the gradient with respect to mu, and of one with respect to sigma."""

    mu: float
    sigma: float


def variance_of_square(estimator: Estimator, mu: Tensor, sigma: float, n: int = 1) -> Variance:
    """Variance of the mean of n draws for f = ‖z‖², z ~ N(mu, sigma² I), mu (D,), with respect to mu₁ and sigma₁.

    For D = 1 and n = 1: pathwise 4σ² and 4mu² + 8σ²; score mu⁴/σ² + 14mu² + 15σ² and 2mu⁴/σ² + 60mu² + 74σ²; with E f
    as the baseline 8mu² + 10σ² for mu. For mu = 0: score σ²(D + 2)(D + 4), pathwise 4σ². The noise of a leave-one-out
    baseline, a mean of n − 1 draws, is included.
    """
    if n < (2 if estimator == "leave-one-out" else 1):
        raise InputError("The variance of a mean needs at least 1 draw, with the leave-one-out baseline 2.")
    m, s = mu[0].item() ** 2, sigma**2
    if estimator == "exact":
        return Variance(0.0, 0.0)
    if estimator == "pathwise":
        return Variance(4 * s / n, (4 * m + 8 * s) / n)
    others, dims = mu[1:].square().sum().item(), len(mu) - 1
    rest, spread = others + dims * s, 2 * dims * s**2 + 4 * others * s  # mean and variance of the other dimensions
    offset = rest if estimator == "score" else -(m + s)  # E f of the others, less the baseline
    of_mu = (m**2 + 18 * m * s + 15 * s**2 + 2 * (m + 3 * s) * offset + spread + offset**2) / s - 4 * m
    of_sigma = 2 * m**2 + 60 * m * s + 78 * s**2 + 2 * (2 * m + 10 * s) * offset + 2 * (spread + offset**2)
    of_sigma = of_sigma / s - 4 * s
    if estimator != "leave-one-out":
        return Variance(of_mu / n, of_sigma / n)
    total = 2 * s**2 + 4 * m * s + spread  # Var f
    return Variance(
        (of_mu + total / s / (n - 1) + 4 * m / (n - 1)) / n,
        (of_sigma + 2 * total / s / (n - 1) + 4 * s / (n - 1)) / n,
    )


# ---- fitting q ---------------------------------------------------------------------------------------------------


class Step(NamedTuple):
    """One step of a fit: q before the step, the single-draw gradients there, and their mean, which the step uses.

    The divergence falls along the gradients. `singles` is None for "exact".
    """

    q: Gaussian
    singles: Gradient | None
    gradient: Gradient


def fit(
    target: Target,
    q: Gaussian,
    estimator: Estimator = "pathwise",
    draws: int = 1,
    rate: float = 0.05,
    objective: Literal["reverse", "forward"] = "reverse",
    generator: torch.Generator | None = None,
) -> Iterator[Step]:
    """Minimise a divergence by Adam on mu and ln sigma (on mu, ln L_ii and L_ij of a full q); yields without end.

    "reverse" is KL(q ‖ p) = −E_q ln p − entropy; the entropy has a closed form, and the estimator's f is ln p.
    "forward" is KL(p ‖ q), with draws of p from the target's cells, or "exact"; the other estimators are the same
    there, since in the gradient −E_p ∇ ln q no z depends on q. The baseline is E_q f from 100 separate draws. `rate` is
    Adam's learning rate.
    """
    if draws < 1 or (estimator == "leave-one-out" and draws < 2):
        raise InputError("A step needs at least 1 draw, with the leave-one-out baseline 2.")
    parameters = _Parameters(q, rate)
    while True:
        current = parameters.q()
        if objective == "forward":
            singles, gradient = _forward(target, current, estimator, draws, generator)
        else:
            singles, gradient = _reverse(target, current, estimator, draws, generator)
        yield Step(current, singles, gradient)
        parameters.ascend(gradient)


def _reverse(
    target: Target, q: Gaussian, estimator: Estimator, draws: int, generator: torch.Generator | None
) -> tuple[Gradient | None, Gradient]:
    """Single-draw gradients and gradient of E_q ln p + entropy."""
    f, singles = target.log_density, None
    spread = _entropy_slope(q)
    if estimator == "exact":
        gradient = exact(f, q)
        return None, Gradient(gradient.mu, gradient.scale + spread)
    baseline = None
    if estimator == "baseline":
        with torch.no_grad():
            baseline = f(full(q).rsample(100, generator)).mean().item()
    zeta = torch.randn((draws, len(q.mu)), generator=generator, dtype=torch.float64)
    singles = single(f, q, estimator, zeta, baseline)
    singles = Gradient(singles.mu, singles.scale + spread)
    return singles, mean(singles)


def _forward(
    target: Target, q: Gaussian, estimator: Estimator, draws: int, generator: torch.Generator | None
) -> tuple[Gradient | None, Gradient]:
    """Single-draw gradients and gradient of E_p ln q."""
    full_q = full(q)
    cells = target.cells
    z = cells.z if estimator == "exact" else cells.sample(draws, generator)
    zeta = torch.linalg.solve_triangular(full_q.tril, (z - full_q.mu).T, upper=False).T
    of_mu = torch.linalg.solve_triangular(full_q.tril.T, zeta.T, upper=True).T
    of_scale = (of_mu[:, :, None] * zeta[:, None]).tril() - torch.diag(1 / full_q.tril.diagonal())
    singles = _gradient_of(q, of_mu, of_scale)
    if estimator == "exact":
        together = Gradient(*(torch.tensordot(cells.weights, part, 1) for part in singles))
        return None, together
    return singles, mean(singles)


def _entropy_slope(q: Gaussian) -> Tensor:
    """∂ entropy/∂sigma = 1/sigma, and ∂/∂L = diag(1/L_ii)."""
    inverse = 1 / full(q).tril.diagonal()
    return torch.diag(inverse) if isinstance(q, FullGaussian) else inverse


class _Parameters:
    """The free parameters of q, and Adam on them."""

    def __init__(self, q: Gaussian, rate: float) -> None:
        self._full = isinstance(q, FullGaussian)
        full_q = full(q)
        self._mu, self._log_scale = full_q.mu.clone(), full_q.tril.diagonal().log()
        self._lower = full_q.tril.tril(-1)
        self._adam = torch.optim.Adam([self._mu, self._log_scale, self._lower], rate)

    def q(self) -> Gaussian:
        if self._full:
            return FullGaussian(self._mu.clone(), torch.diag(self._log_scale.exp()) + self._lower)
        return DiagonalGaussian(self._mu.clone(), 2 * self._log_scale)

    def ascend(self, gradient: Gradient) -> None:
        on_scale = gradient.scale.diagonal() if self._full else gradient.scale
        self._mu.grad, self._log_scale.grad = -gradient.mu, -on_scale * self._log_scale.exp()
        self._lower.grad = -gradient.scale.tril(-1) if self._full else torch.zeros_like(self._lower)
        self._adam.step()


# ---- divergences and optima --------------------------------------------------------------------------------------


def reverse_kl(target: Target, q: Gaussian) -> float:
    """KL(q ‖ p) in nats, in closed form or by quadrature; targets of more than 2 dimensions must be normalised."""
    log_total = target.cells.log_total if target.k < 3 else 0.0
    return -full(q).entropy().item() - expectation(target.log_density, q) + log_total


def forward_kl(target: Target, q: Gaussian) -> float:
    """KL(p ‖ q) in nats, by quadrature over the target's cells."""
    cells = target.cells
    log_p = cells.log_density - cells.log_total
    return (cells.weights @ (log_p - full(q).log_prob(cells.z))).item()


def mean_field(covariance: Tensor) -> Tensor:
    """Variances 1/(Σ⁻¹)_ii (k,) of the diagonal q that minimises KL(q ‖ N(mean, Σ)), for covariance Σ (k, k).

    They are at most Σ_ii, the variances that minimise KL(N(mean, Σ) ‖ q).
    """
    result: Tensor = 1 / torch.linalg.inv(covariance.double()).diagonal()
    return result


def mean_field_kl(covariance: Tensor) -> float:
    """The minimum of KL(q ‖ N(mean, Σ)) over diagonal q, in nats: ½ (Σ_i ln (Σ⁻¹)_ii + ln det Σ)."""
    covariance = covariance.double()
    return 0.5 * (torch.logdet(covariance) - mean_field(covariance).log().sum()).item()


def draws_for(variance: float, standard_error: float) -> float:
    """Number of draws, variance / standard_error², whose mean has this standard error."""
    if not (variance >= 0 and standard_error > 0):
        raise InputError("An error in samples needs a variance of at least 0 and a standard error above 0.")
    return variance / standard_error**2


def moment_matched(target: Target, full_covariance: bool = False) -> Gaussian:
    """The q that minimises KL(p ‖ q): with the mean and the variances, or the covariance, of the target."""
    covariance = target.cells.covariance
    if full_covariance:
        return FullGaussian(target.cells.mean, torch.linalg.cholesky(covariance))
    return DiagonalGaussian(target.cells.mean, covariance.diagonal().log())


def standard(k: int, mean: float = 0.0, sigma: float = 1.0) -> DiagonalGaussian:
    """A diagonal q with the same mean and sigma in all k dimensions, to start a fit from."""
    return DiagonalGaussian(
        torch.full((k,), mean, dtype=torch.float64), torch.full((k,), 2 * log(sigma), dtype=torch.float64)
    )
