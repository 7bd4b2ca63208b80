"""Cedar text: cut into statements, bounded, read into trees whose every node knows its place."""
