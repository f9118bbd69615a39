"""The verbs: what the gateway does, without HTTP and without SQL.

Services speak the domain's words, write through the journal and reach exchanges through connectors. Each is an object that gets
what it needs when ``bootstrap`` builds it; none knows who calls.
"""
