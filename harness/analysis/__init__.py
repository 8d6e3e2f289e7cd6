"""From trials.csv to statistics, tables and figures; reads finished trials, measures nothing."""
