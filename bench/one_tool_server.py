"""The smallest server of the same SDK, over stdio: the floor that ours is measured against."""

from mcp.server.mcpserver import MCPServer

server = MCPServer("one-tool")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


if __name__ == "__main__":
    server.run()
