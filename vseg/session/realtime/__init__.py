"""A session that keeps a latency budget, prompted from any thread: what robots use."""
