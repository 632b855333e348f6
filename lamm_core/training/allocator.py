"""Asks the C library to keep freed memory instead of giving it back to the system after every large tensor.

Does not know tensors. On the CPU a training step frees and takes the same hundreds of megabytes over and over; with
glibc's defaults each time the kernel hands out zeroed pages again, which costs a third of the step.
"""

from __future__ import annotations

import ctypes
import sys

__all__ = ["keep_freed_memory"]

# Options of mallopt(3), from malloc.h.
TRIM_THRESHOLD, TOP_PAD, MMAP_MAX, ARENA_MAX = -1, -2, -4, -8


def keep_freed_memory() -> bool:
    """Apply it to this process; False where the C library is not glibc (or another allocator is preloaded)."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # musl has none
        return False
    options = ((MMAP_MAX, 0), (TRIM_THRESHOLD, 2**31 - 1), (TOP_PAD, 64 << 20), (ARENA_MAX, 1))
    return all(mallopt(option, value) == 1 for option, value in options)
