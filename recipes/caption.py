"""A picture of an emoji to its English name, of concepts that training has not seen: the tower is frozen.

mmzoo train caption --out runs/caption
python benchmarks/caption.py --seeds 0 1 2          # with the floor
"""

import mmzoo

recipe = mmzoo.Recipe(
    spec=mmzoo.Spec(
        inputs=[
            mmzoo.Image("image", size=64, tower=mmzoo.Tower("efficientnet_lite0", resolution=160), augmentations=[]),
        ],
        fusion="concat",
        tasks=[
            mmzoo.TextAnswer("name", 24, tokenizer=mmzoo.Tokenizer("bpe", size=1000), dropout=0.3, lowercase=True),
        ],
        dim=256,
    ),
    data="emoji",
    training=mmzoo.Training(epochs=40, batch_size=64, modality_dropout=0.0),
)
