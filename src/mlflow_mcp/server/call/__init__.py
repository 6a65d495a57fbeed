"""One call of a tool: its edge, its deadline, what the host is told meanwhile, and what leaves the server."""
