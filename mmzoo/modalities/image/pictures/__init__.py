"""Picture files: what a header claims is checked, what makes the pixels is decoded, and laid right side up on white.

`header` reads what a file says of itself, and refuses what is over the limits of `limits` before anything is decoded;
`reading` decodes with NumPy, Pillow and simplejpeg alone; `graph` does the same for JPEG and PNG with TensorFlow's
operations, for a served model; `resizing` squeezes; only the last two import TensorFlow. `moving` gives the pictures
of a moving GIF.
"""

from mmzoo.modalities.image.pictures.limits import MAX_PIXELS
from mmzoo.modalities.image.pictures.moving import read_gif
from mmzoo.modalities.image.pictures.reading import read_picture
from mmzoo.modalities.image.pictures.resizing import resized

__all__ = ["MAX_PIXELS", "read_gif", "read_picture", "resized"]
