"""What this room raises when it is handed something it cannot weigh."""


class InputError(ValueError):
    """A mistake in the votes, the gold or a setting, said in one sentence."""
