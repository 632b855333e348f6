"""Bringing the app to where others use it, and keeping copies of what they make there.

Knows no page and no table of the queue: folders, databases and the Hub are what it moves.
"""
