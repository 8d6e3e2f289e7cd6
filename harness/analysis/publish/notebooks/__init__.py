"""What the notebooks call: results of whatever completeness in, things to look at out."""

from harness.analysis.publish.notebooks.claims import beside_claims, claims_counted, claims_listed
from harness.analysis.publish.notebooks.comparing import against_default, efficiency_spread, noise
from harness.analysis.publish.notebooks.opening import (
    missing,
    open_results,
    shown_table,
    tables_named,
)
from harness.analysis.publish.notebooks.sizes import draw_by_size, table_by_size

__all__ = [
    "against_default",
    "beside_claims",
    "claims_counted",
    "claims_listed",
    "draw_by_size",
    "efficiency_spread",
    "missing",
    "noise",
    "open_results",
    "shown_table",
    "table_by_size",
    "tables_named",
]
