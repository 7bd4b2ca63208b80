"""What issuers publish and answer, asked for within bounds: where, how long, how much, and how long it is kept."""
