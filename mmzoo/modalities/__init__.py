"""The kinds of input: each file holds what fixes one's tensor, and how anything a user has is decoded into it."""

from mmzoo.modalities.base import Modality
from mmzoo.registry import Registry

modalities: Registry[type[Modality]] = Registry("modality", __name__)
