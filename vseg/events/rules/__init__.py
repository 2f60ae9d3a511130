"""One file for each rule of zones and lines."""
