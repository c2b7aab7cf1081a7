"""What every request passes whatever its route: middleware, bodies, limits, the HTTP/1.1 protocol."""
