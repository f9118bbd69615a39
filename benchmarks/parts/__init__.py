"""The parts of ``make bench``, one module each: ``measure`` gives plain data, ``section`` makes Markdown of it.

A part can be run alone; its data is stored under .bench/measured and stays in the report until it is measured again.
"""
