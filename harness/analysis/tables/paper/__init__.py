"""Counterparts of the paper's tables: measured values with the printed ones in their own columns.

``measured`` gives the rows, ``beside`` puts the printed numbers next to them, ``view`` makes the
texts; ``catalogue`` says which tables there are.
"""
