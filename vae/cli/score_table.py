"""The numbers of an evaluation as lines of text."""

from __future__ import annotations

from typing import Any

# `other_data` (are the images others than those of the training?) → text
ORIGIN = {
    True: "other images than the model was trained on: it may have seen these",
    None: "not known to be those that the model was trained on: there is no run beside its file",
}


def table(numbers: dict[str, Any]) -> str:
    """The numbers of `vae.analysis.evaluation.evaluate` as text, one a line."""
    rates = numbers["rate_per_dim"]
    rows = [
        ("ELBO", f"{numbers['elbo']:.2f} ± {numbers['elbo_standard_error']:.2f} nats per image"),
        ("distortion", f"{numbers['distortion']:.2f}"),
        ("rate", f"{numbers['rate']:.2f}"),
        ("rate per dimension", ", ".join(f"{rate:.2f}" for rate in rates)),
        ("active units", f"{numbers['active_units']} of {len(rates)}"),
    ]
    rows += [
        (f"IWAE, k = {k}", f"{value:.2f} ± {numbers['iwae_standard_error'][k]:.2f}")
        for k, value in numbers["iwae"].items()
    ]
    counted = f"{numbers['images']} images of the {numbers['split']} split, {numbers['samples_per_image']} draw(s) each"
    rows.append(("counted", f"{counted}; IWAE on {numbers['iwae_images']} of them"))
    if (origin := ORIGIN.get(numbers.get("other_data", False))) is not None:
        rows.append(("data", f"{numbers['data']}, {origin}"))
    if numbers.get("note"):
        rows.append(("note", numbers["note"]))
    return "\n".join(f"{name:<20}{value}" for name, value in rows)
