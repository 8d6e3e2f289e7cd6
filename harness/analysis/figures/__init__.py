"""The figures of a result set, one file each, and what they have in common in ``style``."""
