"""What servers offer: definitions, their pins and snapshots, and which of them may be approved."""
