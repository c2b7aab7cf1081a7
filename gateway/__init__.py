"""The HTTP program: composition root, routes, auth, logs, command line. Nothing else knows Litestar."""
