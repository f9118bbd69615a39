"""One module per tag of the YAML, one function per operation: load the request, call one service verb, dump the answer.

A handler's first parameter is the running gateway; the others are the operation's parameters by name. Handlers that wait for
something are ``async def`` and run on the loop; those that only read the journal are ``def`` and run in threads. They catch
nothing: errors carry their own HTTP status.
"""
