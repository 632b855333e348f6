"""Reviewing drafts in the page: the service over the queue, its media, and what the browser asks and is told.

Does not know Gradio; app/tabs/review.py connects it.
"""
