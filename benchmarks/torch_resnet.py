"""The picture tower of ResNet50 (He et al. 2016, arXiv:1512.03385) in PyTorch with random weights: a peer."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))  # channels, blocks, stride


def unit(before: int, after: int, size: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, size, stride, size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after))


class Bottleneck(nn.Module):  # type: ignore[misc]
    """1x1, 3x3, 1x1, and what came in."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            unit(before, width, 1, stride), nn.ReLU(), unit(width, width, 3), nn.ReLU(), unit(width, 4 * width, 1)
        )
        same = stride == 1 and before == 4 * width
        self.short = nn.Identity() if same else unit(before, 4 * width, 1, stride)

    def forward(self, x: Any) -> Any:
        return torch.relu(self.body(x) + self.short(x))


def resnet50(labels: int) -> nn.Module:
    """From float32 (B, 3, 224, 224) to probabilities (B, labels)."""
    layers: list[nn.Module] = [unit(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    before = 64
    for width, blocks, stride in STAGES:
        for block in range(blocks):
            layers.append(Bottleneck(before, width, stride if block == 0 else 1))
            before = 4 * width
    last = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, labels), nn.Softmax(dim=-1))
    return nn.Sequential(*layers, *last).eval()
