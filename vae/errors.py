"""The one exception for whatever a person can put right."""


class InputError(ValueError):
    """Its message is one sentence that says what is wrong and what to do; shown as it is, in a page or on stderr."""
