"""What is kept or sent of calls: changes, log lines for the host, figures, traces."""
