"""Instruction data: reading and writing it, turning it into tokens, features and batches."""
