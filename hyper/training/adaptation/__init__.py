"""What adapts a frozen base: its data, its one loop, the hypernetwork's loss."""
