"""How clients reach the gateway: streamable HTTP and stdio over one service."""
