"""Pure: the state machines of the unit types."""
