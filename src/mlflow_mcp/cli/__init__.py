"""What a person starts in a terminal."""
