"""The process that receives what is logged through sockets, and writes it down."""
