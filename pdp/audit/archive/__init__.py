"""Archives of the decision log: whole batches in Parquet files, with the checkpoints that vouch for them."""
