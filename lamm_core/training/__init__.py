"""Training: what to train (recipe), the loop, and the files it leaves behind."""
