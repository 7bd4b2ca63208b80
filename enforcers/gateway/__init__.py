"""The gateway's MCP layer: it carries messages between clients and servers and decides nothing."""
