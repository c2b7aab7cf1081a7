"""What engines are heard to say: texts go through a real server, and a real ear listens."""
