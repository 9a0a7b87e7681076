"""The graph of a spec, stage by stage, as text and as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmzoo.choice import Fusion, Tower
from mmzoo.figures import write_figure
from mmzoo.spec import Spec

FUSION, TASK = "#6b4c9a", "#b33f40"


@dataclass(frozen=True)
class Box:
    """One stage: what it is called, what it does, how many of its parameters train of how many."""

    title: str
    lines: tuple[str, ...]
    colour: str
    trainable: int
    total: int


@dataclass(frozen=True)
class Graph:
    """The stages of a model: inputs with their towers, the fusion, the tasks."""

    towers: tuple[Box, ...]
    fusion: Box
    tasks: tuple[Box, ...]

    @property
    def boxes(self) -> tuple[Box, ...]:
        return (*self.towers, self.fusion, *self.tasks)

    def text(self) -> str:
        """A line a stage and the sum of the parameters."""
        rows = [(box.title, "; ".join(box.lines), f"{box.trainable:,} of {box.total:,}") for box in self.boxes]
        rows = [("stage", "what", "parameters that train"), *rows]
        widths = [max(len(row[k]) for row in rows) for k in range(2)]
        lines = [f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}" for row in rows]
        trainable, total = (sum(getattr(box, what) for box in self.boxes) for what in ("trainable", "total"))
        return "\n".join([*lines, f"{trainable:,} of {total:,} parameters train."])


def outline(spec: Spec) -> Graph:
    """Build the model of `spec` and describe its stages. Pretrained weights are left as they come."""
    from mmzoo.graph.build import build

    model = build(spec)

    def count(owner: str) -> tuple[int, int]:
        chosen = [layer for layer in model.layers if model.parts.owner_of(layer) == owner]
        trainable = sum(w.value.shape.num_elements() for layer in chosen for w in layer.trainable_weights)
        return trainable, sum(layer.count_params() for layer in chosen)

    towers = []
    for item in spec.inputs:
        tower = Tower.of(item.tower)
        tokens = model.parts.tokens(item.name).values
        options = [f"{k}={v}" for k, v in tower.options.items()]
        lines = (
            f"{item.kind}: {item.dtype} {' x '.join(map(str, item.shape))}",
            tower.name,
            *options,
            f"{tokens.shape[1]} tokens x {tokens.shape[2]}",
        )
        towers.append(Box(item.name, lines, item.colour, *count(item.name)))
    fusion = Fusion.of(spec.fusion)
    middle = Box("fusion", (fusion.name, f"{len(spec.inputs)} modalities, any subset"), FUSION, *count("fusion"))
    heads = []
    for task in spec.tasks:
        lines = (
            task.kind,
            f"{task.units} output{'s' * (task.units > 1)}",
            *(["a head for each modality"] if model.parts.heads[task.name].single else []),
        )
        heads.append(Box(task.name, lines, TASK, *count(task.name)))
    return Graph(tuple(towers), middle, tuple(heads))


def draw(graph: Graph, path: Path) -> None:
    """Write the graph as a PNG: towers on the left, the fusion, the tasks on the right."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import FancyBboxPatch

    rows = max(len(graph.towers), len(graph.tasks))
    high = 0.75 + 0.17 * max(len(box.lines) for box in graph.boxes)
    total = (high + 0.25) * rows
    figure, axes = pyplot.subplots(figsize=(9, total + 0.2))
    axes.set(xlim=(0, 9), ylim=(-0.1, total + 0.1))
    axes.axis("off")

    def place(boxes: tuple[Box, ...], left: float, width: float) -> list[tuple[float, float]]:
        spots = []
        for index, box in enumerate(boxes):
            middle = total * (1 - (index + 0.5) / len(boxes))
            shape = FancyBboxPatch(
                (left, middle - high / 2),
                width,
                high,
                boxstyle="round,pad=0,rounding_size=0.08",
                color=box.colour,
            )
            axes.add_patch(shape)
            axes.text(
                left + 0.12, middle + high / 2 - 0.2, box.title, color="white", weight="bold", va="center", fontsize=10
            )
            all_train = box.trainable == box.total
            counts = f"{box.total:,} parameters" if all_train else f"{box.trainable:,} of {box.total:,} train"
            body = "\n".join(box.lines + ((counts,) if box.total else ()))
            axes.text(
                left + 0.12, middle + high / 2 - 0.38, body, color="white", va="top", fontsize=7.5, linespacing=1.4
            )
            spots.append((left, middle))
        return spots

    left = place(graph.towers, 0.05, 3.2)
    ((x, y),) = place((graph.fusion,), 3.9, 2.2)
    right = place(graph.tasks, 6.75, 2.2)
    for _, height in left:
        axes.annotate("", (x, y), (3.25, height), arrowprops={"arrowstyle": "-|>", "color": "#555555"})
    for start, height in right:
        axes.annotate("", (start, height), (x + 2.2, y), arrowprops={"arrowstyle": "-|>", "color": "#555555"})
    write_figure(figure, path, dpi=150, bbox_inches="tight")
