"""The report: one folder with a page that opens from disk, and the videos that its player shows."""
