"""ConvNeXt, by keras.applications."""

import keras

from mmzoo.towers.families import Family, image_family

# Normalising the pixels is the network's first layer.
image_family(
    "convnext_tiny",
    Family(
        keras.applications.ConvNeXtTiny,
        "none",
        [f"convnext_tiny_downsampling_block_{number}" for number in range(3)],
        "MIT",
        27_820_128,
    ),
    "ConvNeXt-Tiny without its dense layer (Liu et al. 2022, arXiv:2201.03545).",
)
