"""Names that come with somebody's data, as the page writes them."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cat\u202egnp.exe", r"cat\u202egnp.exe"),  # RIGHT-TO-LEFT OVERRIDE: "catexe.png" if it were obeyed
        ("\u2067a\u2069", r"\u2067a\u2069"),  # isolates
        ("a\u200bb", r"a\u200bb"),  # two names that look alike are told apart
        ("two\nlines\t\x7f", r"two\u000alines\u0009\u007f"),
        ("שלום", "שלום"),  # letters of every script stay
        ("ü 猫 🐈 A·B", "ü 猫 🐈 A·B"),
        ("", ""),
    ],
)
def test_what_turns_hides_or_breaks_a_name_is_written_as_its_code(node, name, shown) -> None:
    assert node.call("data/names.js", "(m, name) => m.visible(name)", name) == shown
