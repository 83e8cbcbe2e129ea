"""The WebAssembly of simd-kernel.js is what its readable source assembles to."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import lacking
from vae.files.browser_modules import EXPLORER

ROOT = Path(__file__).parents[2]
ASSEMBLE = """async ([source, wabtModule]) => {
  const { default: load } = await import(wabtModule);
  return (await load()).parseWat("simd-kernel.wat", source, { simd: true }).toBinary({}).buffer;
}"""


def test_the_bytes_are_those_of_the_readable_source(node) -> None:
    wabt = ROOT / "node_modules" / "wabt" / "index.js"
    if not wabt.exists():
        lacking("The WebAssembly assembler is not installed: npm ci")
    source = next(EXPLORER.rglob("simd-kernel.wat")).read_text("utf-8")
    assembled = node.evaluate(ASSEMBLE, [source, wabt.as_uri()])
    assert assembled == node.call("network/simd-kernel.js", "(m) => m.BYTES")
