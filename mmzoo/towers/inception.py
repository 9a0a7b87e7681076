"""Inception, by keras.applications."""

import keras

from mmzoo.towers.families import Family, image_family

image_family(
    "inception_v3",
    Family(
        keras.applications.InceptionV3,
        "tf",
        [f"mixed{number}" for number in (2, 4, 7, 8, 9)],
        "Apache-2.0",
        21_802_784,
        least=75,
    ),
    "Inception v3 without its dense layer (Szegedy et al. 2016, arXiv:1512.00567).",
)
