"""What stands in signatures where a library has no type that says it.

This file imports nothing, so that a signature costs nothing.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Tensor: TypeAlias = Any
"""What Keras, TensorFlow or NumPy computes with: symbolic, in a graph, or numbers.

Keras has no class that all of them are, and TensorFlow no types at all. Dtype and shape stand in the docstring.
"""

Raw: TypeAlias = object
"""What a user, a record or a stranger's file gives: nothing is known of it before it is checked, and mypy says so."""

Shape: TypeAlias = tuple[int | None, ...]
"""The shape of an array or a tensor; None is a side of any length."""

Untyped: TypeAlias = Any
"""An object of a library that has no types, such as a data frame, a sound file or an interpreter of LiteRT."""

Tree: TypeAlias = Any
"""Tensors or arrays in dicts, lists and tuples, as `keras.tree` goes through them; one of them alone is one too."""

Config: TypeAlias = dict[str, Any]
"""What Keras hands to `from_config`: the arguments of a layer, as its `get_config` named them."""
