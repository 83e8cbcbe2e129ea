"""What the pages write: one letter for one quantity, as in the formulas."""

from __future__ import annotations

import re
from pathlib import Path

EXPLORER = Path(__file__).parents[2] / "assets" / "explorer"
# In what is shown, mu and sigma of q are μ and σ: words beside the letters of formulas would be a second notation.
WORD = r"\b(?:mu|sigma)[₁₂₃]?"
SHOWN = [
    rf"∂\s?{WORD}\b",
    rf"x̂ at {WORD}|decoded at (?:its )?{WORD}",
    rf"= {WORD} \+|[−·]\s?{WORD}\b",
    rf'label: "{WORD}\b|>{WORD}<|\["{WORD}", inUnits',
]
OF_THE_LIKELIHOOD = {
    "train/dials.js",
    "train/readout.js",
    "train/curves.js",
    "kl/numbers.js",
    "kl/dimensions.js",
    "kl/slider.js",
}


def test_pages_write_the_letters_of_the_formulas() -> None:
    wrong = [
        f"{path.name}: {line.strip()}"
        for path in EXPLORER.rglob("*.js")
        for line in path.read_text("utf-8").splitlines()
        if not line.lstrip().startswith(("//", "/*", "*")) and re.search("|".join(SHOWN), line.split(" // ")[0])
    ]
    assert wrong == []


def test_the_sigma_of_the_likelihood_has_a_letter_of_its_own() -> None:
    texts = {name: (EXPLORER / name).read_text("utf-8") for name in OF_THE_LIKELIHOOD}
    for name, text in texts.items():
        assert "σₚ" in text, name
        assert not re.search(r"[βλ][·/]σ²", text), name
