"""The only way to a server: the SDK's client, the spool, answers checked, errors named, retries, servers' habits."""
