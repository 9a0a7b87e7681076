"""What commands that take a recipe have in common."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from mmzoo.choice import Method
from mmzoo.commands import tables
from mmzoo.errors import require

if TYPE_CHECKING:
    from mmzoo.data.guess import Loaded
    from mmzoo.recipe import Recipe


def add(sub: argparse.ArgumentParser) -> None:
    """A recipe or a table, and changes to it."""
    sub.add_argument(
        "recipe",
        help="a recipe's name (mmzoo list recipes) or file; a folder that has a folder for each class; or with --label "
        "a table, shards or tfds:NAME",
    )
    sub.add_argument(
        "--label", metavar="COLUMN", help="the column to predict, or several, A,B; --task retrieval has none"
    )
    sub.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting: fusion=concat, image.size=96"
    )
    sub.add_argument("--inputs", metavar="A,B", help="only these inputs of the recipe")
    tables.add(sub)


def recipe_of(args: argparse.Namespace) -> Recipe:
    """The recipe that was asked for, with its changes."""
    return recipe_and_table(args)[0]


def is_table(args: argparse.Namespace) -> bool:
    """Is a table named, with its label or a task that needs none, and not a recipe?"""
    from mmzoo.data.schema.options import asks_no_label

    return label_of(args) is not None or asks_no_label(args.task)


def label_of(args: argparse.Namespace) -> str | None:
    """The label that was said; that of its folders, where a folder of files and no recipe is named and needs one."""
    from mmzoo.data.schema.options import LABEL, asks_no_label, is_folder
    from mmzoo.recipe import recipe_files

    told: str | None = args.label
    if told is not None or asks_no_label(args.task) or not is_folder(args.recipe) or args.recipe in recipe_files():
        return told
    return LABEL


def may_be_table(name: str) -> bool:
    """Is something there of that name that is no recipe, or is it that of a data set?"""
    from mmzoo.data.schema.options import TableName, is_there
    from mmzoo.recipe import recipe_files

    path = TableName.parse(name).path
    return name not in recipe_files() and not path.endswith(".py") and (path.startswith("tfds:") or is_there(path))


def recipe_and_table(args: argparse.Namespace) -> tuple[Recipe, Loaded | None]:
    """That recipe, and the records of the table that it was made of, as `Loaded`; None for a recipe's file."""
    from mmzoo.data.schema.options import check_task
    from mmzoo.recipe import load_recipe
    from mmzoo.tasks import tasks

    check_task(args.task)
    settings = list(args.set)
    if getattr(args, "epochs", None) is not None:
        settings.append(f"training.epochs={args.epochs}")
    loaded, folds = None, getattr(args, "folds", 0)
    require(not folds or is_table(args), "--folds are drawn from a table; name one, and its --label.")
    if is_table(args):
        from mmzoo.data.sources import absolute
        from mmzoo.fitting import table_recipe

        named = absolute(tables.named(args.recipe, args, label_of(args)))
        recipe, loaded = table_recipe(named, settings, folds=folds)
        if recipe.data != str(named):
            require(not folds, "--folds are drawn from the table; leave out --set data.")
            loaded = None
    else:
        require(
            not may_be_table(args.recipe),
            f"'{args.recipe}' is a table; say which column is to be predicted (--label COLUMN), or what is asked "
            f"without one ({' or '.join(f'--task {task}' for task in tasks.names(label=''))}).",
        )
        require(not tables.given(args), "What a table's columns and labels are is said with --label, of a table.")
        recipe = load_recipe(args.recipe).changed(settings)
    if args.inputs:
        whole, recipe = recipe.spec, replace(recipe, spec=recipe.spec.subset(args.inputs.split(",")))
        for task in (each for each in whole.tasks if each.name not in {kept.name for kept in recipe.spec.tasks}):
            print(f"left out with its input: {task.kind} ({task.name})")
    if getattr(args, "teacher", None) is not None:
        kept = [method for method in map(Method.of, recipe.training.methods) if method.name != "distillation"]
        training = replace(recipe.training, methods=[Method("distillation", teacher=args.teacher), *kept])
        recipe = replace(recipe, training=training)
    return recipe, loaded
