"""Pure: the dependency graph, transactions, merging and ordering of jobs."""
