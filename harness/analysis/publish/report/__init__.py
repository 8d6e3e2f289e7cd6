"""What people open: the report of a run as one HTML file, and its summary as Markdown."""
