"""The kinds of input: a folder each, which holds all that differs by kind.

    @modalities.register("name")
    @dataclass(frozen=True)
    class Name(Modality):
        kind: ClassVar[str] = "name"
        tower: Tower | str = "its usual tower"

`shape`, `dtype` and `decode` have to be there. What else the zoo asks of a kind (endings of files, how a value is
shown, made worse, looked into, kept in a shard, decoded by a client ...) is in `defaults`, with answers that serve any
kind. A simple one is one file, which may be in another package; import it before the zoo is asked for its names.
"""

from mmzoo.modalities.base import Modality
from mmzoo.registry import Registry

modalities: Registry[type[Modality]] = Registry("modality", __name__)
