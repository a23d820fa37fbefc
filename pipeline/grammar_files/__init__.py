"""Grammars that come with the program, as files users can copy and change."""
