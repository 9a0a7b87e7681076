"""What a model is asked: each file holds one task's head, loss, metrics, and how its answer is written."""

from mmzoo.registry import Registry
from mmzoo.tasks.base import Task

tasks: Registry[type[Task]] = Registry("task", __name__)
