"""A chat server that is none: it speaks OpenAI's protocol over HTTP and composes answers from the notes in the query.

It lives in the package and not beside the tests, because ``--client fake`` shows the whole way from pictures to drafts
with it, without a key or a network, and because what the tests drive is then what a demo runs.
"""
