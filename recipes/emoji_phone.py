"""The main recipe's question for a phone: small towers from random weights, which need no package.

    mmzoo train emoji_phone --out runs/phone
    mmzoo export emoji_phone --format tflite --out runs/phone_export       # raw picture, text and sound in

Seed 0: test accuracy .750 (picture alone .576, name alone .598, speech alone .530). The .tflite (fp32) has 2.87 MB and
takes 2.0 ms on one thread. With `--teacher emoji_pretrained` it reached .753: the labels leave a teacher little to say.
"""

import mmzoo
from mmzoo.datasets.emoji import GROUPS, RATE

recipe = mmzoo.Recipe(
    spec=mmzoo.Spec(
        inputs=[
            mmzoo.Image("image", size=64, tower=mmzoo.Tower("small_cnn", filters=(24, 48, 96, 128))),
            mmzoo.Text(
                "name",
                max_bytes=64,
                tokenizer=mmzoo.Tokenizer("ngrams", size=4096),
                tokens=256,
                tower="embedding_bag",
            ),
            mmzoo.Audio(
                "speech",
                sample_rate=RATE,
                seconds=2.5,
                tower=mmzoo.Tower("spectrogram_cnn", dropout=0.0, augment=0.0),
                augmentations=[],
            ),
        ],
        fusion="concat",
        tasks=[mmzoo.Classification("group", labels=GROUPS, smoothing=0.1, auxiliary=1.0)],
    ),
    data="emoji",
    training=mmzoo.Training(epochs=30),
)
