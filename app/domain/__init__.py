"""The domain: plain, pure, frozen values and the rules between them.

No I/O, no clock, no logging and no third-party framework in here: everything can be tested with plain calls.
"""
