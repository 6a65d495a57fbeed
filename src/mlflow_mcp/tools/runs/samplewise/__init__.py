"""Two runs question by question: reading what was exported of each sample, joining, judging, slices."""
