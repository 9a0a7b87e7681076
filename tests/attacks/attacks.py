"""All attacks by name: what changes a good folder, and what the refusal must say. Importing a file files its own."""

from tests.attacks import on_card, on_files, on_spec, on_weights, on_zoo  # noqa: F401
from tests.attacks.making import ATTACKS

__all__ = ["ATTACKS"]
