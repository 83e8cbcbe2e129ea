"""The command line: `python -m vae train`, `sweep`, `evaluate`, `evidence` and `export`, one module a command."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import NoReturn

from vae.cli import evaluate, evidence, export, sweep, train
from vae.errors import InputError

BAD_INPUT = 2  # exit code
COMMANDS = (train, sweep, evaluate, export, evidence)


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 after an `InputError`, 128 + n after signal n."""
    try:
        options = make_parser().parse_args(argv)
        result: int = options.command(options)
        return result
    except InputError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 128 + signal.SIGINT


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message[:1].upper()}{message[1:]}; see `{self.prog} --help`.")


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m vae", description="Variational autoencoders.", allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    for command in COMMANDS:
        command.add_parser(commands)
    return parser
