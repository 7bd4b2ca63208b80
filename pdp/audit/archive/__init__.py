"""Archives of the decision log: whole checkpointed batches in Parquet files, with the checkpoints that vouch for them."""
