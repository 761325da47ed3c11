"""Parsers of the values of directives. What a parser is, parse_context.py says."""
