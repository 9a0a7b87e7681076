"""The data sets that come with the package: one folder each, with the script that made it."""

from __future__ import annotations

from mmzoo.data.readers.included import datasets
from mmzoo.data.records import Records
from mmzoo.data.schema.options import TableName
from mmzoo.data.sources import open_source

__all__ = ["datasets", "load", "open_source"]


def load(name: str) -> tuple[Records, Records, Records]:
    """The train, validation and test records of a data set: `train, val, test = load("emoji")`.

    Args:
        name: of a data set (`mmzoo list datasets`), or a table, shards or TFDS and the label:
            "photos.csv#species", "shards#species", "tfds:mnist#label"; behind that may stand how the table is read, see
            `mmzoo.data.schema.options.TableName`. A task that needs no label is named so: "photos.csv?task=retrieval".
    """
    if TableName.parse(name).is_table:
        from mmzoo.data.guess import load_table

        return load_table(name)[1]
    return datasets[name]()
