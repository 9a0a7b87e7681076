"""The main recipe: which of eight groups is an emoji in, from its picture, its name and its spoken keywords."""

import mmzoo
from mmzoo.datasets.emoji import GROUPS, RATE

recipe = mmzoo.Recipe(
    spec=mmzoo.Spec(
        inputs=[
            mmzoo.Image("image", size=64, tower=mmzoo.Tower("efficientnet_lite0", resolution=160)),
            mmzoo.Text("name", max_bytes=64, tower="static_embedding_attention"),
            # 1,144 short clips are too few to be thinned out further: without dropout the speech gains most.
            mmzoo.Audio(
                "speech",
                sample_rate=RATE,
                seconds=2.5,
                tower=mmzoo.Tower("spectrogram_cnn", dropout=0.0, augment=0.0),
            ),
        ],
        fusion="concat",
        tasks=[mmzoo.Classification("group", labels=GROUPS, smoothing=0.1, auxiliary=1.0)],
    ),
    data="emoji",
    training=mmzoo.Training(epochs=30),
)
