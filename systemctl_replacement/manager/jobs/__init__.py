"""Jobs in a running manager: the table of those in progress, beginning them, and what is said of them."""
