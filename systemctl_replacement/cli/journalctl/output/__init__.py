"""How journal entries are shown: the modes of journalctl's --output=."""
