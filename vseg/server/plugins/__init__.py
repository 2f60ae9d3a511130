"""The engine inside other annotation tools, by their own protocols."""
