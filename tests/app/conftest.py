"""The page's services over an engine that speaks from a script, shared by the tests of app/ and of the browser.

Does not know what is tested.
"""
