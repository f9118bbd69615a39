"""The database under the journal: connection, schema, tables, migrations; and what is stored but is no event of an order.

Accounts, users, preferences, leases, funding payments and portfolio snapshots have their queries here. The journal uses this
package; this package never uses the journal.
"""
