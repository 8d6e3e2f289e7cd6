"""The command line: one parser, a module for each command, and the run that they all open."""
