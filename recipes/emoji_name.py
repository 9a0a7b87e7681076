"""The name alone: in which of eight groups is an emoji? From random weights, by n-grams of its letters and words.

    mmzoo train emoji_name --out runs/emoji_name

Seed 0, 64 s: test accuracy .625. The name alone has .820 in the recipe emoji_pretrained, which knows sentences.
"""

import mmzoo
from mmzoo.datasets.emoji import GROUPS

recipe = mmzoo.Recipe(
    spec=mmzoo.Spec(
        inputs=[mmzoo.Text("name", max_bytes=64, tokenizer="ngrams", tokens=256, tower="embedding_bag")],
        fusion="concat",
        tasks=[mmzoo.Classification("group", labels=GROUPS, smoothing=0.1)],
    ),
    data="emoji",
    training=mmzoo.Training(epochs=30),
)
