"""The console: the files of the page at ``/console``, as a browser loads them. ``app.web.console`` serves them.

One component a file, in ``components``; what they share in ``lib``; libraries in ``vendor``, which ``make vendor`` makes. There is
no step between these files and the browser.
"""
