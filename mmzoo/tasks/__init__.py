"""What a model is asked: each file holds one task's head, loss, metrics, and how its answer is written.

A task is registered with `label`, what a cell of its column holds: one "class", several "classes", a "level" (a class
whose name begins with a number, in order), a "number" or a "text"; with `values="positive"` if its numbers must be
above 0; and with `phrases="text"` if a table's columns of several words are to be read as texts, though their cells
come again and again.
"""

from mmzoo.registry import Registry
from mmzoo.tasks.base import Task

tasks: Registry[type[Task]] = Registry("task", __name__)
