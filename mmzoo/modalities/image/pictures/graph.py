"""JPEG and PNG by TensorFlow's operations alone, for a served model, which meets files that nobody has looked at.

What `reading` does and cannot be done here is refused by an assertion, not answered wrongly.
"""

from __future__ import annotations

from mmzoo.aliases import Tensor
from mmzoo.modalities.image.pictures.exif import LONG, ORIENTATION, SHORT
from mmzoo.modalities.image.pictures.jpeg import APP1, EOI, FRAMES, LONELY, PLAIN, SOS
from mmzoo.modalities.image.pictures.limits import (
    HARMLESS,
    MAX_MEMORY,
    MAX_PARTS,
    MAX_PIXELS,
    MAX_SCANS,
    MAX_SIDE,
    PIXELS_PER_BYTE,
    SCANNED,
)
from mmzoo.modalities.image.pictures.resizing import resize

SEGMENTS = 1000  # of a JPEG that are looked at: each takes a turn of a loop
ARITHMETIC = (b"\xff\xc9", b"\xff\xca")
STRIP = 2**18  # pixels that are laid on white at once
LIMITS = f"an image is over the limits of {MAX_PIXELS // 10**6} megapixels, {MAX_MEMORY >> 20} MB and of what is sane"
DAMAGED = "an image is damaged, or of a kind of JPEG or PNG that is not read here"


def decode_graph(data: Tensor, size: int) -> Tensor:
    """A JPEG or PNG, a scalar string, as uint8 (size, size, 3): what `mmzoo.Image.decode` makes of it."""
    import tensorflow as tf

    def other() -> Tensor:
        message = "an image is neither a JPEG nor a PNG, which are all that a served model reads; convert it"
        with tf.control_dependencies([tf.debugging.Assert(False, [message])]):
            return tf.zeros((size, size, 3), tf.uint8)

    start = tf.strings.substr(data, 0, 3)
    cases = [
        (tf.equal(start, b"\x89PN"), lambda: png(data, size)),
        (tf.equal(start, b"\xff\xd8\xff"), lambda: jpeg(data, size)),
    ]
    return tf.ensure_shape(tf.case(cases, default=other), (size, size, 3))


def within(height: Tensor, width: Tensor, cost: Tensor, data: Tensor) -> Tensor:
    """The assertion that sides, int64, are within the limits, `cost` bytes a pixel."""
    import tensorflow as tf

    pixels = height * width
    packed = PIXELS_PER_BYTE * tf.cast(tf.strings.length(data), tf.int64)
    fair = (pixels <= MAX_PIXELS) & (tf.maximum(height, width) <= MAX_SIDE) & (pixels * cost <= MAX_MEMORY)
    return tf.debugging.Assert(fair & (pixels <= tf.maximum(packed, HARMLESS)), [LIMITS])


def holds(data: Tensor, word: bytes) -> Tensor:
    """How often some bytes stand in a string, int64."""
    import tensorflow as tf

    return tf.size(tf.strings.split(data, word), tf.int64) - 1


def jpeg(data: Tensor, size: int) -> Tensor:
    """`decode_graph` of a JPEG."""
    import tensorflow as tf

    height, width, components = tf.unstack(tf.cast(tf.io.extract_jpeg_shape(data), tf.int64))
    allowed = tf.maximum(tf.constant(MAX_SCANS, tf.int64), SCANNED // tf.maximum(height * width, 1))
    scans = holds(data, b"\xff\xda")
    # Rarely are segments to be walked through: for an orientation, or as something looks like too many scans, or like a
    # frame that this decoder alone takes.
    turn, several = tf.cond(
        (scans > allowed) | (holds(data, b"Exif\0\0") + sum(holds(data, frame) for frame in ARITHMETIC) > 0),
        lambda: walked(data),
        lambda: (tf.constant(1), tf.constant(True)),
    )
    checks = [
        within(height, width, 3 + 2 * components, data),
        tf.debugging.Assert(tf.logical_not(several & (scans > allowed)), [LIMITS]),
    ]
    with tf.control_dependencies(checks):
        # The fast transform, which is the default, is up to 12 of 255 away from what other decoders give.
        pixels = tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")
    return upright(resize(pixels, size), turn)


def walked(data: Tensor) -> tuple[Tensor, Tensor]:
    """The orientation of a JPEG, int32, and whether its pixels come in several scans; see `jpeg.read`."""
    import tensorflow as tf

    raw = tf.pad(tf.io.decode_raw(data, tf.uint8), [[0, 16]])
    end = tf.size(raw) - 16

    def number(at: Tensor) -> Tensor:
        return tf.cast(raw[at], tf.int32) * 256 + tf.cast(raw[at + 1], tf.int32)

    def within_file(at: Tensor, marker: Tensor, *_: object) -> Tensor:
        return (at < end) & tf.reduce_all(tf.not_equal(marker, [SOS, EOI]))

    def step(at: Tensor, marker: Tensor, frame: Tensor, exif: Tensor) -> Tensor:
        marker = tf.cast(raw[at + 1], tf.int32)
        one = tf.cond(tf.equal(marker, 0xFF), lambda: 1, lambda: 2)  # a fill byte
        lonely = tf.reduce_any(tf.equal(marker, [0xFF, *LONELY]))
        following = at + tf.where(lonely, one, 2 + tf.maximum(number(at + 2), 2))
        found = tf.equal(marker, APP1) & tf.equal(exif, 0) & tf.reduce_all(tf.equal(raw[at + 4 : at + 10], EXIF))
        framed = tf.reduce_any(tf.equal(marker, list(FRAMES)))
        # What is no marker is left to the decoders that can skip it.
        marker = tf.where(tf.equal(raw[at], 0xFF), marker, EOI)
        following = tf.where(tf.equal(marker, SOS), at, following)
        return following, marker, tf.where(framed, at, frame), tf.where(found, at, exif)

    at, marker, frame, exif = tf.while_loop(
        within_file, step, (tf.constant(2), *[tf.constant(0)] * 3), maximum_iterations=SEGMENTS
    )
    plain = tf.reduce_any(tf.equal(tf.cast(raw[frame + 1], tf.int32), PLAIN))
    with tf.control_dependencies([tf.debugging.Assert(tf.equal(marker, SOS) & (frame > 0) & plain, [DAMAGED])]):
        several = tf.equal(raw[frame + 1], PLAIN[-1]) | tf.not_equal(raw[at + 4], raw[frame + 9])
    turn = tf.cond(exif > 0, lambda: orientation(raw[exif + 10 : exif + 2 + number(exif + 2)]), lambda: 1)
    return turn, several


EXIF = list(b"Exif\0\0")


def orientation(exif: Tensor) -> Tensor:
    """`exif.orientation` of bytes uint8 (N,), int32."""
    import tensorflow as tf

    prefixed = tf.reduce_all(tf.equal(tf.pad(exif, [[0, 6]])[:6], EXIF))
    exif = tf.pad(tf.cast(exif[tf.where(prefixed, 6, 0) :], tf.int64), [[0, 16]])
    little = tf.equal(exif[0], ord("I"))

    def number(digits: Tensor, width: int) -> Tensor:
        """Of bytes (..., width)."""
        digits = tf.where(little, tf.reverse(digits, [-1]), digits)
        return tf.reduce_sum(digits * [256**k for k in reversed(range(width))], axis=-1)

    start = tf.minimum(number(exif[4:8], 4), tf.size(exif, tf.int64) - 16)
    count = tf.minimum(number(exif[start : start + 2], 2), (tf.size(exif, tf.int64) - 16 - start - 2) // 12)
    entries = tf.reshape(exif[start + 2 : start + 2 + 12 * tf.maximum(count, 0)], (-1, 12))
    kind = number(entries[:, 2:4], 2)
    value = tf.where(tf.equal(kind, SHORT), number(entries[:, 8:10], 2), number(entries[:, 8:12], 4))
    right = tf.equal(number(entries[:, :2], 2), ORIENTATION) & tf.equal(number(entries[:, 4:8], 4), 1)
    found = tf.boolean_mask(value, right & (tf.equal(kind, SHORT) | tf.equal(kind, LONG)))
    last = tf.concat([tf.constant([1], tf.int64), found], axis=0)[-1]
    head = tf.reduce_all(tf.equal(exif[:2], exif[0])) & (little | tf.equal(exif[0], ord("M")))
    right = head & tf.equal(tf.reduce_sum(exif[2:4]), 42) & (last >= 1) & (last <= 8)
    return tf.where(right, tf.cast(last, tf.int32), 1)


def upright(image: Tensor, turn: Tensor) -> Tensor:
    """An image (S, S, 3) turned and mirrored as its `orientation` asks."""
    import tensorflow as tf

    def turned() -> Tensor:
        # After the exchange of the axes each of the eight is a mirroring of rows, of columns, of both, or of none.
        made = tf.cond(turn >= 5, lambda: tf.transpose(image, (1, 0, 2)), lambda: image)
        made = tf.cond(tf.reduce_any(tf.equal(turn, [3, 4, 7, 8])), lambda: made[::-1], lambda: made)
        return tf.cond(tf.reduce_any(tf.equal(turn, [2, 3, 6, 7])), lambda: made[:, ::-1], lambda: made)

    return tf.cond(turn > 1, turned, lambda: image)


def png(data: Tensor, size: int) -> Tensor:
    """`decode_graph` of a PNG."""
    import tensorflow as tf

    head = tf.cast(tf.io.decode_raw(tf.strings.substr(data, 8, 17), tf.uint8), tf.int64)
    right = tf.debugging.Assert(tf.reduce_all(tf.equal(head[:8], list(b"\0\0\0\rIHDR"))), [DAMAGED])
    width, height = (tf.reduce_sum(head[k : k + 4] * [2**24, 2**16, 2**8, 1]) for k in (8, 12))
    depth = head[16]
    turn = tf.cond(holds(data, b"eXIf") > 0, lambda: chunk_orientation(data), lambda: 1)
    with tf.control_dependencies([right, within(height, width, 10, data)]):
        pixels = tf.io.decode_png(data, channels=4)
    alpha = pixels[..., 3]
    # Below 8 bits a pixel TensorFlow gives a picture without transparency the alpha 2^bits - 1 in place of 255.
    whole = tf.bitwise.left_shift(tf.constant(1, tf.int64), tf.minimum(depth, 8)) - 1
    opaque = tf.reduce_all(tf.equal(alpha, 255)) | tf.reduce_all(tf.equal(alpha, tf.cast(whole, tf.uint8)))
    pixels = tf.cond(opaque, lambda: pixels[..., :3], lambda: on_white(pixels))
    return upright(resize(pixels, size), turn)


def chunk_orientation(data: Tensor) -> Tensor:
    """The orientation of a PNG's eXIf chunk, int32."""
    import tensorflow as tf

    raw = tf.pad(tf.io.decode_raw(data, tf.uint8), [[0, 16]])
    end = tf.size(raw, tf.int64) - 16

    def number(at: Tensor) -> Tensor:
        return tf.reduce_sum(tf.cast(raw[at : at + 4], tf.int64) * [2**24, 2**16, 2**8, 1])

    def named(at: Tensor, name: bytes) -> Tensor:
        return tf.reduce_all(tf.equal(raw[at + 4 : at + 8], list(name)))

    at = tf.while_loop(
        lambda at: (at + 8 <= end) & ~named(at, b"eXIf") & ~named(at, b"IEND"),
        lambda at: (at + 12 + number(at),),
        (tf.constant(8, tf.int64),),
        maximum_iterations=MAX_PARTS,
    )[0]
    at = tf.minimum(at, end)
    return tf.cond(named(at, b"eXIf"), lambda: orientation(raw[at + 8 : at + 8 + number(at)]), lambda: 1)


def on_white(pixels: Tensor) -> Tensor:
    """uint8 (H, W, 4), the last channel the alpha, laid on white: uint8 (H, W, 3); a strip at a time."""
    import tensorflow as tf

    flat = tf.reshape(pixels, (-1, 4))
    count = (tf.size(flat) // 4 + STRIP - 1) // STRIP

    def strip(k: Tensor) -> Tensor:
        part = tf.cast(flat[k * STRIP : (k + 1) * STRIP], tf.int32)
        alpha = part[:, 3:]
        sums = part[:, :3] * alpha + 255 * (255 - alpha) + 128
        # That, divided by 255 and rounded; a division of whole numbers takes ten times as long.
        return tf.cast(tf.bitwise.right_shift(sums + tf.bitwise.right_shift(sums, 8), 8), tf.uint8)

    _, strips = tf.while_loop(
        lambda k, _: k < count,
        lambda k, made: (k + 1, made.write(k, strip(k))),
        (0, tf.TensorArray(tf.uint8, count, infer_shape=False, element_shape=(None, 3))),
        parallel_iterations=1,
    )
    return tf.reshape(strips.concat(), (*tf.unstack(tf.shape(pixels)[:2]), 3))
