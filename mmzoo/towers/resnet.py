"""ResNet, first and second version, by keras.applications."""

import keras

from mmzoo.towers.families import Family, image_family

V1, V2 = "(He et al. 2016, arXiv:1512.03385)", "(He et al. 2016, arXiv:1603.05027)"
UNKNOWN = "no licence stated"


def block_ends(*repeats: int) -> list[str]:
    """The stem and all stages but the last."""
    return ["pool1_pool", *(f"conv{stage}_block{count}_out" for stage, count in enumerate(repeats, start=2))]


image_family(
    "resnet50",
    Family(keras.applications.ResNet50, "caffe", block_ends(3, 4, 6), "MIT", 23_587_712),
    f"ResNet50 without its dense layer {V1}.",
)
image_family(
    "resnet101",
    Family(keras.applications.ResNet101, "caffe", block_ends(3, 4, 23), "MIT", 42_658_176),
    f"ResNet101 without its dense layer {V1}.",
)
image_family(
    "resnet50_v2",
    Family(keras.applications.ResNet50V2, "tf", block_ends(3, 4, 6), UNKNOWN, 23_564_800),
    f"ResNet50 of the second version, normalised before each convolution, without its dense layer {V2}.",
)
image_family(
    "resnet101_v2",
    Family(keras.applications.ResNet101V2, "tf", block_ends(3, 4, 23), UNKNOWN, 42_626_560),
    f"ResNet101 of the second version, normalised before each convolution, without its dense layer {V2}.",
)
