"""The final value of a learned sigma."""

from __future__ import annotations

from math import isfinite

from vae.analysis.evaluation import optimal_variance
from vae.data.image_sets import ImageSet
from vae.training.loop import Training


def set_final_sigma(training: Training, images: ImageSet) -> None:
    """Set a learned sigma to its optimum for the current weights.

    sigma² is the mean of the optimum for the training images (many, but the model was fitted to them) and the optimum
    for the validation images (few, but new to the model). It stays unchanged where one of them is not finite.
    """
    settings, learned = training.settings, training.model.learned
    if learned is None:
        return
    variances = [
        optimal_variance(
            training.model,
            split,
            beta=training.effective_beta,
            draws=settings.importance_samples,
            at_mean=settings.sampling == "mean",
            seed=settings.seed,
        )
        for split in (images.train, images.validation)
    ]
    if all(map(isfinite, variances)):
        learned.put(sum(variances) / 2)
