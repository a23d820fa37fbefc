"""What a network of today would have cost the machine of 1993: multiply-adds, counted.

The counters stand between an engine and its networks, pass everything on and count as `seen`
the images, or places of a strip, that were looked at. Biases count, and so does every place of
a space displacement network; what its places share is counted once.
"""

from pipeline.sdnn import StripReader


class Counted:
    """A recognizer that counts what it is given to look at."""

    def __init__(self, recognizer: object) -> None:
        self.recognizer = recognizer
        self.seen = 0
        sizes = getattr(recognizer, "sizes", {})
        self.connections = sum(links for _, links in sizes.values())

    @property
    def multiply_adds(self) -> int:
        """One for every connection and look."""
        return self.seen * self.connections

    def fprop(self, images):
        """Return the penalties (n, classes) of images (n, 32, 32)."""
        self.seen += len(images)
        return self.recognizer.fprop(images)


class CountedStrips(StripReader):
    """Space displacement networks that count their work; what places share is done once."""

    def __init__(self, strips: StripReader, total: "CountedStrips | None" = None) -> None:
        super().__init__(*strips.networks)
        self.strips = strips
        self.total = total or self
        self.seen = self.multiply_adds = 0

    def under(self, text):
        """Return what reads the lines of a grammar; it counts here."""
        return CountedStrips(self.strips.under(text), self.total)

    def scores(self, strip, which=0):
        """Return the penalties (places, classes) of a strip (rows, columns)."""
        result = self.strips.scores(strip, which)
        self.total.seen += len(result)
        self.total.multiply_adds += replicated(self.networks[which], strip.shape)
        return result


def replicated(network: object, shape: tuple[int, int]) -> int:
    """Return the multiply-adds of a network replicated over an image (rows, columns).

    Every unit of a map has as many connections as its likes in the network itself.
    """
    places = network.program.replicate(*shape).layers
    return sum(
        round(links * places[name].size / units)
        for name, (units, links) in network.sizes.items()
        if name in places
    )
