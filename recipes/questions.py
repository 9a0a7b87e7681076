"""Questions about pictures ("is it mostly red?", "is it a person or a sign?"), of concepts that training has not seen.

    mmzoo train questions --out runs/questions

Of every question both answers are equally frequent, so that the question alone is right in half of the cases. What is
asked decides what of the picture counts, so how near a record is in both is multiplied: that is how a `TextChoice`
reads several inputs.

Mean of seeds 0 to 2, on the test records: .837 of the answers are right with picture and question (.837, .833, .840),
.500 with the question alone and .358 with the picture alone, which training never showed alone. The commonest answer to
each question is right in .499, a logistic regression of its own for each question in .834
(`python benchmarks/questions.py`), though nothing that it learns from one question helps it with another. Written by a
decoder (`TextAnswer`) over the product of both (`mlb`): .816; over attention to both (`joint_transformer`) .528.
"""

import mmzoo

recipe = mmzoo.Recipe(
    spec=mmzoo.Spec(
        inputs=[
            mmzoo.Image(
                "image",
                size=64,
                tower=mmzoo.Tower(
                    "feature_union",
                    towers=[mmzoo.Tower("efficientnet_lite1", resolution=224), "color_histogram"],
                ),
                augmentations=[],
            ),
            mmzoo.Text(
                "question",
                max_bytes=64,
                tokenizer=mmzoo.Tokenizer("words", size=300),
                tower=mmzoo.Tower("embedding_bag", width=512),
            ),
        ],
        fusion="concat",
        tasks=[mmzoo.TextChoice("answer", 8, tokenizer=mmzoo.Tokenizer("words", size=300))],
        dim=64,
    ),
    data="emoji_questions",
    # What the closed form finds is what there is to learn.
    training=mmzoo.Training(epochs=1, batch_size=64, learning_rate=1e-5, modality_dropout=0.0),
)
