"""A reproducible benchmark harness for thread-pool sizing under the GIL (arXiv 2601.10582)."""

__version__ = "0.1.0"
