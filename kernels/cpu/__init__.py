"""The scan and whole networks in C, opened with ctypes."""
