"""The exception for every error that the user can correct."""


class InputError(ValueError):
    """An error that the user can correct. Its message is one sentence: what is wrong and what to do about it.

    Pages and the command line show the message unchanged.
    """
