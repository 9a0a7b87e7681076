"""VGG, by keras.applications."""

import keras

from mmzoo.towers.backbone import Family, image_family

PAPER = "(Simonyan & Zisserman 2015, arXiv:1409.1556)"
CUTS = [f"block{number}_pool" for number in range(1, 5)]

image_family(
    "vgg16",
    Family(keras.applications.VGG16, "caffe", CUTS, "CC-BY-4.0", 14_714_688),
    f"VGG16 without its dense layers {PAPER}.",
)
image_family(
    "vgg19",
    Family(keras.applications.VGG19, "caffe", CUTS, "CC-BY-4.0", 20_024_384),
    f"VGG19 without its dense layers {PAPER}.",
)
