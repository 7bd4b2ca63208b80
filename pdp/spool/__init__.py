"""The spool: where a writer's records are numbered and first stored, before they go to the decision log."""
