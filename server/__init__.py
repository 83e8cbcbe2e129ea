"""What serves the pages: routes, sockets, open models, followed runs, caches and limits."""
