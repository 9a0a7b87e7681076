"""Show the model of a recipe."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmzoo.commands import recipes

EXAMPLE = "mmzoo summary emoji --png emoji.png"


def add(sub: argparse.ArgumentParser) -> None:
    recipes.add(sub)
    sub.add_argument("--png", type=Path, help="write the graph as a picture")


def run(args: argparse.Namespace) -> None:
    from mmzoo.summary import draw, outline

    recipe = recipes.recipe_of(args)
    graph = outline(recipe.spec)
    print(graph.text())
    if args.png:
        draw(graph, args.png)
        print(f"Picture: {args.png}")
