"""The MCP server: the catalog on the SDK."""
