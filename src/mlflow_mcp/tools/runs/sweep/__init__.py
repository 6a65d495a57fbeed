"""What moves a metric over the runs of a sweep."""
