"""Pretrained weights: what there is, where it is installed, and how its files are read, as data only.

A tower that has pretrained weights registers them in its own file:

    weights.register(Weights("imagenet", towers=("efficientnet_lite0",), package=..., files={...}, ...))

and asks for the files where it is built: `find("imagenet", "efficientnet_lite0")`.
"""

from mmzoo.weights.installed import best_installed, find, is_installed
from mmzoo.weights.known import RUN, Weights, is_run, weights

__all__ = ["RUN", "Weights", "best_installed", "find", "is_installed", "is_run", "weights"]
