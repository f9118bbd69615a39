"""The known weaknesses of hummingbot-api by number, a test each: this gateway does not share them.

What each one is stands in its test's docstring, turned into what is true here. Three have less than a test in this package:

| number | where it is shown, or why it does not concern this server |
|---|---|
| W26 | here up to the edge; on the wire and across a restart in ``tests/web/sockets/test_event_streams.py`` |
| W27, containers | there is no container and no broker, so no socket or port of one is open |
| W29 | several processes on one database run, and are killed, in ``tests/chaos/test_campaign.py``; one file is every test here |

Where the gateway differs from that server on purpose is in ``test_differences.py``.
"""
