"""Where artifacts are kept and how they are read."""
