"""What the server holds for visitors, and when it lets go."""
