"""Folders of shards, as `mmzoo data shard` writes them."""

from __future__ import annotations

from pathlib import Path

from mmzoo.aliases import Raw
from mmzoo.data.readers import readers
from mmzoo.data.readers.base import Reader
from mmzoo.data.schema.options import Options
from mmzoo.data.shards.folder import read_shards
from mmzoo.data.table import Source
from mmzoo.errors import require


@readers.register("shards")
class Shards(Reader):
    """A folder of shards (mmzoo data shard)."""

    def fits(self, source: Raw, label: str = "") -> bool:
        return isinstance(source, str) and Path(source).is_dir()

    def open(self, source: Raw, options: Options, label: str = "") -> Source:
        told = "What the columns of shards are was said when they were written: mmzoo data shard --kind."
        require(not options.kinds, told)
        table = read_shards(str(source))
        return Source(str(source), {"all": table}, table.kinds)
