"""Making drafts of instruction data with a chat model: prompts from annotations, answers checked, each paid once.

Does not know how drafts are reviewed.
"""
