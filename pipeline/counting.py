"""What a network of today would have cost the machine of 1993: multiply-adds, counted.

The counters stand between an engine and its networks, pass everything on and count as `seen`
the images, or places of a strip, that were looked at. Biases count, and so does every place of
a space displacement network; what its places share is counted once.
"""

from functools import cache

import numpy as np

from pipeline.sdnn import StripReader


class Counted:
    """A recognizer that counts what it is given to look at."""

    def __init__(self, recognizer: object) -> None:
        self.recognizer = recognizer
        self.seen = 0
        memory = getattr(getattr(recognizer, "interpreter", None), "network", None)
        self.connections = 0 if memory is None else len(memory.links()[0])

    @property
    def multiply_adds(self) -> int:
        """One for every connection and look."""
        return self.seen * self.connections

    def fprop(self, images):
        """Return the penalties (n, classes) of images (n, 32, 32)."""
        self.seen += len(images)
        return self.recognizer.fprop(images)


class CountedStrips(StripReader):
    """A space displacement network that counts its work; what it shares it does once."""

    def __init__(self, strips: StripReader) -> None:
        super().__init__(strips.network)
        self.strips = strips
        self.seen = self.multiply_adds = 0

    def scores(self, strip):
        """Return the penalties (places, classes) of a strip (rows, columns)."""
        result = self.strips.scores(strip)
        self.seen += len(result)
        self.multiply_adds += replicated(self.strips.network, strip.shape)
        return result


@cache
def fan_in(network: object) -> np.ndarray:
    """Return how many connections every unit of a network has (units,); slow the first time."""
    memory = network.interpreter.network
    return np.bincount(memory.links()[1], minlength=memory.unit_count)


def replicated(network: object, shape: tuple[int, int]) -> int:
    """Return the multiply-adds of a network replicated over an image (rows, columns).

    Every unit of a map has as many connections as its likes in the network itself.
    """
    memory = network.interpreter.network
    fan = fan_in(network)
    places = network.program.replicate(*shape).layers
    return sum(
        round(fan[layer.units].sum() * places[layer.name].size / len(layer.units))
        for layer in memory.layers
        if layer.name in places
    )
