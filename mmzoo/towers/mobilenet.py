"""MobileNet v3, by keras.applications."""

import keras

from mmzoo.towers.families import Family, image_family

PAPER = "(Howard et al. 2019, arXiv:1905.02244)"

# Scaling the pixels is the networks' first layer.
image_family(
    "mobilenet_v3_small",
    Family(
        keras.applications.MobileNetV3Small,
        "none",
        [f"expanded_conv_{k}_add" for k in (2, 5, 7)],
        "Apache-2.0",
        939_120,
    ),
    f"MobileNetV3-Small without its dense layers {PAPER}.",
)
image_family(
    "mobilenet_v3_large",
    Family(
        keras.applications.MobileNetV3Large,
        "none",
        [f"expanded_conv_{k}_add" for k in (2, 5, 9, 11)],
        "Apache-2.0",
        2_996_352,
    ),
    f"MobileNetV3-Large without its dense layers {PAPER}.",
)
