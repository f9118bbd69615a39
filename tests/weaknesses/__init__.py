"""The known weaknesses of hummingbot-api, one test each: this gateway does not share them.

The numbers are those of ``docs/coming-from-hummingbot-api.md``. Two of the thirty-two have their tests elsewhere, because they need
more than one process and a database server:

| number | why not here |
|---|---|
| W29 | several processes on one database are rehearsed, and killed, by ``tests/chaos``; there is no container whose contents could be tested |
| W30, second half | that traded volume is reported to nobody is shown here by what the code may import: only connectors speak to other hosts |
"""
