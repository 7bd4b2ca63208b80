"""Who asks: verified claims and the principal they map to. Pure; verification itself is `pdp.tokens`."""
