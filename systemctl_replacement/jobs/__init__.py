"""The job engine, pure: transactions, merging and ordering of jobs, and what the end of a job does to others."""
