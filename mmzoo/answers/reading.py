"""How a run reads other tables: as it read its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mmzoo.aliases import Raw
from mmzoo.data.rereading import Reread
from mmzoo.data.schema.layout import Layout
from mmzoo.data.schema.options import Options, TableName
from mmzoo.errors import require
from mmzoo.spec import Spec


def reading(
    spec: Spec,
    settings: Mapping[str, Raw],
    data: str,
    own: bool,
    options: Options | None = None,
    columns: tuple[str, ...] = (),
    labels: bool = False,
) -> Reread:
    """What a run remembers of its table, and what is said now.

    Args:
        settings: of the run, with `columns` where it was trained on a table.
        data: the name of its table, with how that was read.
        own: is the run the user's own? Which folders of this machine are read is not a stranger's to say.
        options, columns, labels: see `mmzoo.run.Run.reading`.

    Raises:
        MMZooError: a column is said to be of another kind than the model was trained on.
    """
    told = TableName.parse(data).options
    told = told if own else replace(told, root="", allow_outside=False)
    usual = Layout.of(spec.inputs, spec.tasks)
    layout = Layout.from_json(settings["columns"], spec) if "columns" in settings else usual
    for column, kind in (options.kinds if options is not None else {}).items():
        wanted = layout.kinds.get(column, kind)
        require(
            kind.partition(":")[0] == wanted.partition(":")[0],
            f"Column '{column}' is {wanted} to this model, as it was trained, not {kind}; leave that --kind out.",
        )
    return Reread(spec, layout, told.updated(options) if options else told, columns, labels)
