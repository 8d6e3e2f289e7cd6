"""The claims of the paper judged by computation: rules, what is measured, verdicts."""
