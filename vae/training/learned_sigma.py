"""The sigma that a run with a learned one ends with."""

from __future__ import annotations

from math import isfinite

from vae.analysis.evaluation import optimal_variance
from vae.data.image_sets import ImageSet
from vae.training.loop import Training


def settle_sigma(training: Training, images: ImageSet) -> None:
    """Give a learned sigma its optimum for the weights as they are now.

    It is the mean of those for the training images, which are many but fitted, and for the validation images,
    which are few but new to the model: close to the error on either, and on images yet to come.
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
