"""Article system 1: VGG16 sees, a dense layer reads, ResNet50 looks at the sound; self-attention over all of it.

    mmzoo train vgg_text_resnet --out runs/vgg_text_resnet

RESULT
"""

import mmzoo
from mmzoo.datasets.emoji import GROUPS, RATE

recipe = mmzoo.Recipe(
    spec=mmzoo.Spec(
        inputs=[
            mmzoo.Image("image", size=32, tower="vgg16"),
            mmzoo.Text("name", max_bytes=64, tower="embedding_mean"),
            mmzoo.Audio(
                "speech",
                sample_rate=RATE,
                seconds=2.5,
                tower=mmzoo.Tower("spectrogram_image", image="resnet50", size=32),
            ),
        ],
        # The tokens of all three in a row, then self-attention over them.
        fusion=mmzoo.Fusion("joint_transformer", layers=1),
        # A sigmoid for each group.
        tasks=[mmzoo.MultiLabel("group", labels=GROUPS, auxiliary=1.0)],
    ),
    data="emoji",
    training=mmzoo.Training(epochs=8, learning_rate=3e-4),
)
