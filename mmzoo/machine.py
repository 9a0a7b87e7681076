"""What a run computes on, for its card."""

from __future__ import annotations

import os
import platform
from collections import Counter

import tensorflow as tf


def machine() -> str:
    """This machine in words: system, processor cores, GPUs."""
    found = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in found]
    cores = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores"
    return ", ".join([cores, *(f"{count} x {name}" for name, count in Counter(names).items())])
