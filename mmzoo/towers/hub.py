"""KerasHub's presets: from the network, or from a folder."""

from __future__ import annotations

from pathlib import Path

import keras

from mmzoo.errors import MMZooError, require
from mmzoo.modalities.base import Modality
from mmzoo.weights import is_run


def is_preset(weights: str | None) -> bool:
    """Does a tower's option `weights` name a preset, whose network it then is?"""
    return weights is not None and not is_run(weights)


def load_preset(kind: str, preset: str, item: Modality) -> keras.Model:
    """A backbone of class `kind` with the weights of a preset: a folder, or a name that KerasHub downloads.

    Raises:
        MMZooError: the folder is not there or holds something else, or there is no network.
    """
    import keras_hub

    local = "/" in preset or Path(preset).exists()
    require(
        not local or Path(preset).is_dir(),
        f"The preset folder '{preset}' of input '{item.name}' does not exist; check the path.",
    )
    try:
        return getattr(keras_hub.models, kind).from_preset(preset)
    except Exception as error:  # KerasHub raises what its downloaders raise
        if local:
            raise MMZooError(
                f"The preset '{preset}' of input '{item.name}' is no {kind} that can be loaded: "
                f"{' '.join(str(error).split())[:200]}"
            ) from error
        raise MMZooError(
            f"The preset '{preset}' for input '{item.name}' could not be downloaded; connect to the network once, "
            "give the folder of a preset, or weights=None to train from scratch."
        ) from error
