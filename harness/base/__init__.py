"""What everything stands on: files, YAML, errors, the console. It knows nothing of trials."""
