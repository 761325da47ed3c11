"""Parsers of the values of directives; parse_context.py defines what a parser is."""
