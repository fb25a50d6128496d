"""How many times slower than an ordinary machine this one is: TELEGEN_TIME_SCALE, read here and nowhere else.

An emulated machine does the same in more time. The factor stretches how long a test waits at most and how far two clocks
may be apart, and it divides how much a load test sends and how fast. What a test demands of the result stays as it is.
"""

import math
import os

TIME_SCALE = float(os.environ.get("TELEGEN_TIME_SCALE", "1"))
if not 1 <= TIME_SCALE <= 100:
    raise ValueError(f"TELEGEN_TIME_SCALE is {TIME_SCALE}: it must be from 1 to 100")


def longer(seconds):
    """A time limit or a tolerance, for this machine. None stays None: no limit."""
    return None if seconds is None else seconds * TIME_SCALE


def fewer(count):
    """How many of something a load test does, or does a second, for this machine."""
    return max(1, math.ceil(count / TIME_SCALE))
