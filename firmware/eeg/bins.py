# Where frames wait between the front end and the radio.
#
# The port may make whoever sends a packet wait for the radio, and runs nothing but interrupts
# meanwhile. Frames therefore go into bins, of as many frames as a packet carries. One side fills
# them and the other empties them, each with a counter of its own, so that neither needs the other
# to stand still. A bin holds frames that follow each other: when all of them wait, whole bins are
# lost, and what is sent stays full packets.


class Bin:
    """Room for the frames of one packet.

    Attributes
    ----------
    frames, samples : list of memoryview
        Places of whole frames, and of the samples in them.
    first : int
        Index of the first frame.
    time, timed : int
        When a frame came that a packet begins with, where the port can tell, and which one it is.
    count : int
        How many frames are in it, once it is closed.
    """

    def __init__(self, capacity, frame_size, status_size, samples_size):
        data = memoryview(bytearray(capacity * frame_size))
        self.frames = [data[i * frame_size : (i + 1) * frame_size] for i in range(capacity)]
        end = status_size + samples_size
        self.samples = [frame[status_size:end] for frame in self.frames]
        self.first = 0
        self.time = 0
        self.timed = 0
        self.count = 0
