"""How messages come in: over stdio from one host, or over HTTP from a team."""
