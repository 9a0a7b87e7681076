"""How a decoder's next-token probabilities become a text: greedy, beam search, sampling. Apart from any model.

A decoder is a function, see `Step`: Keras, LiteRT and NumPy can all be behind it. Nothing here imports any of them.

>>> from mmzoo.decoding import Beam, decode
>>> decode(step, caches, first=np.array([1, 1]), end=2, most=32, how=Beam(4)).sequences
[array([ 17, 5], dtype=int32), array([ 9], dtype=int32)]
"""

from mmzoo.decoding.base import Decoded, Step, WrittenText
from mmzoo.decoding.beam import Beam
from mmzoo.decoding.one import Greedy, Sample
from mmzoo.decoding.run import decode

__all__ = ["Beam", "Decoded", "Greedy", "Sample", "Step", "WrittenText", "decode"]
